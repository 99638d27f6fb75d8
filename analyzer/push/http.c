/* http.c - see http.h.
 *
 * What a server answers is not believed: so much of it is read, a part of its first line is shown, made harmless, and
 * no redirection is followed, as it could lead credentials elsewhere.
 */
#define _GNU_SOURCE
#include "http.h"
#include "text.h"

#include <curl/curl.h>
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ANSWER_MOST 65536 /* bytes that a server may answer */
#define ANSWER_KEPT 200

/* What is needed of libcurl, by the names that it has there. */
#define LIBCURL(X)         \
    X(curl_global_init)    \
    X(curl_easy_init)      \
    X(curl_easy_setopt)    \
    X(curl_easy_perform)   \
    X(curl_easy_getinfo)   \
    X(curl_easy_strerror)  \
    X(curl_easy_cleanup)   \
    X(curl_slist_append)   \
    X(curl_slist_free_all) \
    X(curl_url)            \
    X(curl_url_set)        \
    X(curl_url_get)        \
    X(curl_url_cleanup)    \
    X(curl_free)

/* Its header has macros of the same names. */
#undef curl_easy_setopt
#undef curl_easy_getinfo

struct libcurl {
    void *library; /* stays loaded: its threads and handlers may outlive a handle */
#define POINTER(name) __typeof__(name) *name;
    LIBCURL(POINTER)
#undef POINTER
};

struct http {
    struct libcurl lib;
    CURL *curl;
    CURLU *url; /* without the query of the parcel */
    struct curl_slist *lines;
    const struct target *target;
    const struct headers *headers;
    char *shown, *password;
    char answer[ANSWER_KEPT + 1];
    size_t answered, kept;
};

/* ---- loading --------------------------------------------------------------------------------- */

static int load(const struct report *report, struct libcurl *lib)
{
    lib->library = dlopen("libcurl.so.4", RTLD_NOW | RTLD_LOCAL); /* with OpenSSL */
    if (lib->library == NULL)
        lib->library = dlopen("libcurl-gnutls.so.4", RTLD_NOW | RTLD_LOCAL);
    if (lib->library == NULL)
        return report_error(report, EXIT_FAILED,
                            "push needs libcurl.so.4, which is not installed (Debian's package libcurl4).");
#define LOOK_UP(name)                                  \
    *(void **)&lib->name = dlsym(lib->library, #name); \
    if (lib->name == NULL)                             \
        return report_error(report, EXIT_FAILED, "libcurl has no %s: it is too old.", #name);
    LIBCURL(LOOK_UP)
#undef LOOK_UP
    return lib->curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK
               ? EXIT_FINE
               : report_error(report, EXIT_FAILED, "libcurl cannot be used.");
}

/* ---- the URL --------------------------------------------------------------------------------- */

/* Appends the target's path, unless the user has given all of it. */
static int append_path(struct http *http)
{
    char *path = NULL;

    if (http->lib.curl_url_get(http->url, CURLUPART_PATH, &path, 0) != CURLUE_OK)
        return 0;
    size_t size = strlen(path), wanted = strlen(http->target->path);

    while (size > 0 && path[size - 1] == '/')
        path[--size] = '\0';
    int complete = size >= wanted && strcmp(path + size - wanted, http->target->path) == 0;
    char *whole = text_make("%s%s", path, complete ? "" : http->target->path);
    int fine = http->lib.curl_url_set(http->url, CURLUPART_PATH, whole, 0) == CURLUE_OK;

    free(whole);
    http->lib.curl_free(path);
    return fine;
}

static int describe(struct http *http)
{
    static const CURLUPart secret[] = {CURLUPART_USER, CURLUPART_PASSWORD, CURLUPART_QUERY,
                                       CURLUPART_FRAGMENT};
    CURLU *bare = http->lib.curl_url();
    char *whole = NULL, *url = NULL;

    if (http->lib.curl_url_get(http->url, CURLUPART_PASSWORD, &url, CURLU_URLDECODE) == CURLUE_OK) {
        http->password = strdup(url);
        http->lib.curl_free(url);
    }
    int fine = bare != NULL && http->lib.curl_url_get(http->url, CURLUPART_URL, &whole, 0) == CURLUE_OK &&
               http->lib.curl_url_set(bare, CURLUPART_URL, whole, 0) == CURLUE_OK;

    for (size_t i = 0; i < sizeof secret / sizeof secret[0] && fine; i++)
        fine = http->lib.curl_url_set(bare, secret[i], NULL, 0) == CURLUE_OK;
    url = NULL;
    if (fine && http->lib.curl_url_get(bare, CURLUPART_URL, &url, 0) == CURLUE_OK)
        http->shown = strdup(url);
    http->lib.curl_free(url);
    http->lib.curl_free(whole);
    http->lib.curl_url_cleanup(bare);
    return http->shown != NULL;
}

static int set_url(const struct report *report, struct http *http, const char *url)
{
    char *scheme = NULL;

    http->url = http->lib.curl_url();
    if (http->url == NULL || http->lib.curl_url_set(http->url, CURLUPART_URL, url, 0) != CURLUE_OK ||
        http->lib.curl_url_get(http->url, CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK)
        return report_error(report, EXIT_USAGE, "that is no URL; it is like http://localhost:4040.");
    int http_or_https = strcmp(scheme, "http") == 0 || strcmp(scheme, "https") == 0;

    http->lib.curl_free(scheme);
    if (!http_or_https)
        return report_error(report, EXIT_USAGE, "the URL has to begin with http:// or https://.");
    return append_path(http) && describe(http) ? EXIT_FINE
                                               : report_error(report, EXIT_FAILED, "out of memory");
}

/* ---- requests -------------------------------------------------------------------------------- */

static int add_line(struct http *http, const char *line)
{
    struct curl_slist *more = http->lib.curl_slist_append(http->lines, line);

    if (more != NULL)
        http->lines = more;
    return more != NULL;
}

static int add_lines(struct http *http)
{
    char *type = text_make("Content-Type: %s", http->target->content_type), *encoding = NULL;
    int fine = add_line(http, type);

    if (fine && http->target->encoding != NULL) {
        encoding = text_make("Content-Encoding: %s", http->target->encoding);
        fine = add_line(http, encoding);
    }
    /* The server's leave to send a large body would cost a second where it does not know of that. */
    fine = fine && add_line(http, "Expect:");
    for (int i = 0; i < http->headers->count && fine; i++)
        fine = add_line(http, http->headers->line[i]);
    free(type);
    free(encoding);
    return fine;
}

static size_t take_answer(char *data, size_t one, size_t size, void *context)
{
    struct http *http = context;

    (void)one;
    for (size_t i = 0; i < size && http->kept < ANSWER_KEPT; i++)
        http->answer[http->kept++] = data[i];
    http->answered += size;
    return http->answered <= ANSWER_MOST ? size : 0;
}

#define SET(http, option, value) ((http)->lib.curl_easy_setopt((http)->curl, option, value) == CURLE_OK)

static int set_options(struct http *http, const char *ca_file)
{
    http->curl = http->lib.curl_easy_init();
    if (http->curl == NULL || !add_lines(http))
        return 0;
    return SET(http, CURLOPT_CURLU, http->url) && SET(http, CURLOPT_HTTPHEADER, http->lines) &&
           SET(http, CURLOPT_POST, 1L) && SET(http, CURLOPT_NOSIGNAL, 1L) &&
           SET(http, CURLOPT_FOLLOWLOCATION, 0L) &&
           SET(http, CURLOPT_USERAGENT, "libtrace/" LIBTRACE_VERSION) &&
           SET(http, CURLOPT_WRITEFUNCTION, take_answer) && SET(http, CURLOPT_WRITEDATA, (void *)http) &&
           (ca_file == NULL || SET(http, CURLOPT_CAINFO, ca_file));
}

int http_open(const struct report *report, const char *url, const struct target *target,
              const struct headers *headers, const char *ca_file, struct http **http)
{
    struct http *new = *http = calloc(1, sizeof *new);

    new->target = target;
    new->headers = headers;
    int status = load(report, &new->lib);

    if (status == EXIT_FINE)
        status = set_url(report, new, url);
    if (status == EXIT_FINE && !set_options(new, ca_file))
        status = report_error(report, EXIT_FAILED, "libcurl cannot be used.");
    return status;
}

/* The parcel's query comes behind what the user's URL has. Returns the URL's own query, to be put back. */
static int set_query(struct http *http, const char *query, char **own)
{
    *own = NULL;
    http->lib.curl_url_get(http->url, CURLUPART_QUERY, own, 0);
    if (*query == '\0')
        return 1;
    char *both = text_make("%s%s%s", *own != NULL ? *own : "", *own != NULL ? "&" : "", query);
    int fine = http->lib.curl_url_set(http->url, CURLUPART_QUERY, both, 0) == CURLUE_OK;

    free(both);
    return fine;
}

/* What the server says, if it is text, and does not repeat our secrets; "" if not. */
static const char *said(struct http *http)
{
    http->answer[http->kept] = '\0';
    http->answer[strcspn(http->answer, "\r\n")] = '\0';
    for (const char *c = http->answer; *c != '\0'; c++)
        if ((unsigned char)*c < ' ' && *c != '\t')
            return "";
    if (http->kept == 0 || headers_are_in(http->headers, http->answer) ||
        (http->password != NULL && *http->password != '\0' && strstr(http->answer, http->password) != NULL))
        return "";
    return http->answer;
}

static void judge(struct http *http, CURLcode code, struct http_answer *answer)
{
    long status = 0;
    curl_off_t retry_after = 0;

    http->lib.curl_easy_getinfo(http->curl, CURLINFO_RESPONSE_CODE, &status);
    http->lib.curl_easy_getinfo(http->curl, CURLINFO_RETRY_AFTER, &retry_after);
    /* An answer that is too long is no reason to send it again; one that broke off before it was whole is. */
    if (code != CURLE_OK && !(code == CURLE_WRITE_ERROR && status != 0)) {
        answer->result = HTTP_LATER;
        snprintf(answer->why, sizeof answer->why, "%s", http->lib.curl_easy_strerror(code));
        return;
    }
    if (status >= 200 && status < 300) {
        uint64_t rejected =
            http->target->rejected != NULL ? http->target->rejected(http->answer, http->kept) : 0;

        answer->result = rejected > 0 ? HTTP_REFUSED : HTTP_TAKEN;
        if (rejected > 0)
            snprintf(answer->why, sizeof answer->why, "it took only a part, and rejected %llu profiles",
                     (unsigned long long)rejected);
        return;
    }
    answer->result =
        status == 429 || (status >= 502 && status <= 504) || (status >= 500 && http->target->retries_500)
            ? HTTP_LATER
            : HTTP_REFUSED;
    answer->retry_after_s = retry_after > 0 ? (double)retry_after : 0;
    const char *text = said(http);

    snprintf(answer->why, sizeof answer->why, "it answers with status %ld%s%s", status,
             *text != '\0' ? ": " : "", text);
}

void http_post(struct http *http, const struct parcel *parcel, double seconds, struct http_answer *answer)
{
    char *own = NULL;

    *answer = (struct http_answer){.result = HTTP_LATER};
    http->answered = http->kept = 0;
    if (!set_query(http, parcel->query, &own) || !SET(http, CURLOPT_CURLU, http->url) ||
        !SET(http, CURLOPT_POSTFIELDS, parcel->body) ||
        !SET(http, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)parcel->size) ||
        !SET(http, CURLOPT_TIMEOUT_MS, (long)(seconds * 1000) + 1))
        snprintf(answer->why, sizeof answer->why, "out of memory");
    else
        judge(http, http->lib.curl_easy_perform(http->curl), answer);
    http->lib.curl_url_set(http->url, CURLUPART_QUERY, own, 0);
    http->lib.curl_free(own);
}

const char *http_shown(const struct http *http)
{
    return http->shown;
}

void http_close(struct http *http)
{
    if (http == NULL)
        return;
    if (http->curl != NULL)
        http->lib.curl_easy_cleanup(http->curl);
    if (http->lines != NULL)
        http->lib.curl_slist_free_all(http->lines);
    if (http->url != NULL)
        http->lib.curl_url_cleanup(http->url);
    free(http->shown);
    free(http->password);
    free(http);
}
