/* push.c - trace-report push: a run, or what is new in it, to a server that many machines send to.
 *
 *   increment.c   a run at one moment, and what is new in it
 *   pyroscope.c, otlp.c   as the body of a request; resource.c   whose it is
 *   deliver.c    tries, waits, and keeps the order; spool.c   what waits, in files
 *   http.c       one request, by libcurl; headers.c   what goes with it
 *   pause.c      waits that signals end
 *
 * Nothing is sent unless this subcommand is called.
 */
#define _GNU_SOURCE
#include "args.h"
#include "commands.h"
#include "deliver.h"
#include "otlp.h"
#include "pause.h"
#include "pyroscope.h"
#include "text.h"
#include "units.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOOK_S 1.0 /* so often it is looked whether a run has ended */
#define NO_TARGET (-1)

static const char *const target_names[] = {"pyroscope", "otlp", NULL};
const struct target targets[] = {
    {"pyroscope", "/ingest", "application/octet-stream", NULL, 1, pyroscope_write, NULL},
    {"otlp", "/v1development/profiles", "application/x-protobuf", "gzip", 0, otlp_write, otlp_rejected},
};
static const char endpoint_variable[] = "OTEL_EXPORTER_OTLP_ENDPOINT";

static int to = NO_TARGET;
static double every, patience = 30;
static const char *name, *header_file, *ca_file, *spool_folder;
static int64_t spool_size = 64 << 20;

static const struct option_spec options[] = {
    {"to", OPTION_CHOICE, &to, NULL, "what the server takes", target_names},
    {"every", OPTION_TIME, &every, "TIME",
     "again and again while the run is recorded, and at its end (60s, 5min)", NULL},
    {"name", OPTION_TEXT, &name, "NAME", "of the service (default: OTEL_SERVICE_NAME, or the run's label)",
     NULL},
    {"header-file", OPTION_TEXT, &header_file, "FILE",
     "headers to send, one a line; a file that no other user can read", NULL},
    {"ca-file", OPTION_TEXT, &ca_file, "FILE", "certificates to trust (default: the system's)", NULL},
    {"timeout", OPTION_TIME, &patience, "TIME", "for one push, with all that is tried again (default: 30s)",
     NULL},
    {"spool", OPTION_TEXT, &spool_folder, "DIR", "where pushes wait while the server is away", NULL},
    {"spool-size", OPTION_BYTES, &spool_size, "SIZE",
     "of what waits; then the oldest are dropped (default: 64MiB)", NULL},
    {0},
};

const struct manual manual_push = {
    .operands = "URL [RUN...]",
    .about =
        "Sends runs to a server: what was allocated, and what is in use. RUN is a number or a label; the "
        "latest\n"
        "run if there is none.\n"
        "  pyroscope   POST URL/ingest, in pprof's format\n"
        "  otlp        POST URL/v1development/profiles, as profiles of OpenTelemetry (which are in "
        "development);\n"
        "              OTEL_EXPORTER_OTLP_ENDPOINT stands for a URL that is not given\n"
        "With --every the first push has all that was allocated so far, and each later one what was since.",
    .options = options,
    .examples = {{"--to pyroscope http://localhost:4040", "the latest run"},
                 {"--to otlp https://collector:4318 --every 60s --spool /var/spool/libtrace",
                  "a run that is being recorded, until it ends"},
                 {"--to pyroscope https://profiles.example --header-file token 3 4", "runs 3 and 4"}},
    .most = -1,
    .whole = "a run is pushed as a whole; trace-report export writes parts of it.",
};

/* A run that is pushed. */
struct pushed_run {
    const char *given; /* as the user names it; NULL = the latest */
    int64_t number;    /* 0 = not yet known */
    char *label;
    struct pushed pushed;
    struct parcel
        parcel; /* not yet delivered; what is new since then waits in the database. body: NULL = there is none */
    int64_t pushes;
    int ended; /* or there is no --every */
};

struct push {
    struct report *report;
    const char *url;
    struct headers headers;
    struct delivery delivery;
    struct pushed_run *runs;
    int count;
};

/* ---- one push -------------------------------------------------------------------------------- */

static void free_parcel(struct pushed_run *run)
{
    free(run->parcel.query);
    free(run->parcel.body);
    run->parcel = (struct parcel){0};
}

/* True while the collector has written nothing since the last push, as that of a container that cannot be asked. */
static int has_no_news(const struct pushed_run *run, const struct increment *increment)
{
    return increment->run.state == RUN_RECORDING && run->pushed.until_ns != 0 &&
           increment->interval.until_ns <= run->pushed.until_ns && !pause_was_ended();
}

/* Leaves the run without a parcel if there is no news. */
static int make_parcel(const struct push *push, struct pushed_run *run)
{
    struct increment increment;
    struct pushed next = {0};
    char number[24];

    snprintf(number, sizeof number, "%lld", (long long)run->number);
    int status =
        increment_take(push->report, run->number != 0 ? number : run->given, &run->pushed, &next, &increment);

    increment.name = name;
    if (status == EXIT_FINE && !has_no_news(run, &increment))
        status = targets[to].write(&increment, &run->parcel);
    if (status == EXIT_FINE && run->number == 0) {
        run->number = increment.run.number;
        run->label = text_harmless(increment.run.label);
    }
    run->ended = every <= 0 || increment.run.state != RUN_RECORDING || pause_was_ended();
    increment_free(&increment);
    free(run->pushed.sites);
    run->pushed = next;
    return status;
}

static void print_run(const struct push *push, const struct pushed_run *run, enum delivered result,
                      size_t size)
{
    char bytes[UNITS_SIZE];

    if (push->report->json)
        return;
    printf("run %lld %s: ", (long long)run->number, run->label != NULL ? run->label : "");
    units_bytes(bytes, (int64_t)size, push->report->bytes);
    if (every > 0)
        printf("%lld pushes to %s\n", (long long)run->pushes, http_shown(push->delivery.http));
    else if (result == DELIVERED)
        printf("%s to %s\n", bytes, http_shown(push->delivery.http));
    else
        printf("%s wait in %s\n", bytes, spool_folder);
    fflush(stdout);
}

static int is_recording(struct report *report, int64_t number)
{
    struct run run = {0};
    int recording = report_open(report) == EXIT_FINE && run_try(report, number, &run) == EXIT_FINE &&
                    run.state == RUN_RECORDING;

    run_free(&run);
    report_close(report);
    return recording;
}

/* True if the run's parcel can wait until the next round. */
static int can_wait(const struct push *push, const struct pushed_run *run)
{
    return !run->ended && !pause_was_ended() && is_recording(push->report, run->number);
}

/* What could not be sent, and is in no spool, is sent first the next time, as it was: a server that had taken it, but
 * could not say so, can tell that it is the same. */
static int push_run(struct push *push, struct pushed_run *run)
{
    int status = EXIT_FINE, was_new;

    do {
        int64_t failed = push->delivery.refused + deliver_dropped(&push->delivery);

        was_new = run->parcel.body == NULL;
        if (was_new)
            status = make_parcel(push, run);
        if (status != EXIT_FINE || run->parcel.body == NULL)
            return status;
        enum delivered result = deliver(&push->delivery, &run->parcel);

        if (result == DELIVERED_NOTHING && can_wait(push, run))
            return EXIT_FINE;
        if (result == DELIVERED_NOTHING) {
            run->ended = 1;
            return report_error(push->report, EXIT_FAILED, "run %lld was not sent: %s",
                                (long long)run->number, push->delivery.why);
        }
        run->pushes++;
        if (run->ended && failed == push->delivery.refused + deliver_dropped(&push->delivery))
            print_run(push, run, result, run->parcel.size);
        free_parcel(run);
    } while (!was_new && !run->ended);
    return status;
}

/* ---- again and again ------------------------------------------------------------------------- */

/* Waits until it is time for the next push, or the run has ended, or a signal came. */
static void wait_for_more(const struct push *push, const struct pushed_run *run, double until)
{
    while (pause_now() < until && !pause_was_ended() && is_recording(push->report, run->number))
        pause_for(fmin(LOOK_S, until - pause_now()));
}

static int push_round(struct push *push, int *going_on)
{
    int status = EXIT_FINE;

    *going_on = -1;
    for (int i = 0; i < push->count && status == EXIT_FINE; i++)
        if (!push->runs[i].ended) {
            status = push_run(push, &push->runs[i]);
            if (!push->runs[i].ended)
                *going_on = i;
        }
    return status;
}

static int push_all(struct push *push)
{
    double next = pause_now();
    int going_on, status = push_round(push, &going_on);

    while (status == EXIT_FINE && going_on >= 0) {
        next = fmax(next + every, pause_now());
        wait_for_more(push, &push->runs[going_on], next);
        status = push_round(push, &going_on);
    }
    return status;
}

/* ---- the command ----------------------------------------------------------------------------- */

static void print_counts(const struct push *push)
{
    const struct delivery *d = &push->delivery;
    size_t waiting = spool_waiting(d->spool);
    struct json json;

    if (push->report->json) {
        json_begin(&json, stdout, "libtrace.push/1");
        json_text(&json, "to", targets[to].name);
        json_text(&json, "url", http_shown(d->http));
        json_array(&json, "runs");
        for (int i = 0; i < push->count; i++) {
            json_object(&json, NULL);
            json_number(&json, "run", push->runs[i].number);
            json_text(&json, "label", push->runs[i].label);
            json_number(&json, "pushes", push->runs[i].pushes);
            json_close(&json);
        }
        json_close(&json);
        json_number(&json, "sent", d->sent);
        json_number(&json, "sent_bytes", d->sent_bytes);
        json_number(&json, "waiting", (int64_t)waiting);
        json_number(&json, "dropped", deliver_dropped(d));
        json_number(&json, "refused", d->refused);
        json_end(&json);
    } else if (waiting > 0)
        printf("%zu %s in %s until the next push\n", waiting, waiting == 1 ? "push waits" : "pushes wait",
               spool_folder);
    if (deliver_dropped(d) > 0)
        report_error(push->report, EXIT_FAILED,
                     "dropped, as they did not fit into the spool or were damaged there: %lld",
                     (long long)deliver_dropped(d));
}

/* OpenTelemetry's variables are for OpenTelemetry's protocol only: their secrets go to no other server. */
static int read_headers(struct push *push)
{
    int status =
        header_file != NULL ? headers_read_file(push->report, header_file, &push->headers) : EXIT_FINE;

    if (status == EXIT_FINE && strcmp(targets[to].name, "otlp") == 0) {
        status = headers_read_environment(push->report, "OTEL_EXPORTER_OTLP_HEADERS", &push->headers);
        if (ca_file == NULL)
            ca_file = getenv("OTEL_EXPORTER_OTLP_CERTIFICATE");
    }
    return status;
}

static int open_all(struct push *push)
{
    struct delivery *d = &push->delivery;
    int status = read_headers(push);

    if (status == EXIT_FINE)
        status = http_open(push->report, push->url, &targets[to], &push->headers, ca_file, &d->http);
    if (status == EXIT_FINE && spool_folder != NULL)
        status = spool_open(push->report, spool_folder, spool_size, &targets[to], &d->spool);
    d->report = push->report;
    d->patience_s = patience;
    return status;
}

/* Takes the URL and the runs from the operands. */
static int take_operands(struct push *push, int operands, char **argv)
{
    const char *endpoint =
        to != NO_TARGET && strcmp(targets[to].name, "otlp") == 0 ? getenv(endpoint_variable) : NULL;
    int first = 1;

    if (to == NO_TARGET)
        return report_error(push->report, EXIT_USAGE, "--to says what the server takes: pyroscope or otlp.");
    if (operands > 0 && strstr(argv[1], "://") != NULL)
        push->url = argv[first++];
    else if (endpoint != NULL && *endpoint != '\0')
        push->url = endpoint;
    else
        return report_error(push->report, EXIT_USAGE,
                            "push takes a URL: trace-report push --to %s http://localhost:%s",
                            targets[to].name, strcmp(targets[to].name, "otlp") == 0 ? "4318" : "4040");
    push->count = operands >= first ? operands - first + 1 : 1;
    push->runs = calloc((size_t)push->count, sizeof *push->runs);
    for (int i = 0; i < push->count && operands >= first; i++)
        push->runs[i].given = argv[first + i];
    return EXIT_FINE;
}

static void free_all(struct push *push)
{
    for (int i = 0; i < push->count; i++) {
        free(push->runs[i].label);
        free(push->runs[i].pushed.sites);
        free_parcel(&push->runs[i]);
    }
    free(push->runs);
    spool_close(push->delivery.spool);
    http_close(push->delivery.http);
    headers_free(&push->headers);
}

int command_push(struct report *report, int argc, char **argv)
{
    struct push push = {.report = report};
    int operands, status = args_parse(report, &manual_push, argc, argv, &operands);

    if (status != ARGS_GO_ON)
        return status;
    status = take_operands(&push, operands, argv);
    if (status == EXIT_FINE)
        status = open_all(&push);
    if (status == EXIT_FINE) {
        pause_catch_signals();
        report->watching |= every > 0;
        status = push_all(&push);
        print_counts(&push);
    }
    free_all(&push);
    return status;
}
