/* csv.c - the lines of a run, as `top --limit 0` lists them: RFC 4180, with a header and plain numbers. Of a sampled run, each
 * measure's standard error, too. */
#include "export.h"
#include "sampling.h"
#include "text.h"

#include <math.h>

static void write_text(FILE *out, const char *text)
{
    putc('"', out);
    while (text != NULL && *text != '\0') {
        const char *start = text;
        uint32_t c = text_next(&text);

        if (c == '"')
            putc('"', out);
        if (c == 0xfffd) /* bytes that are not UTF-8 */
            fputs("\xef\xbf\xbd", out);
        else
            fwrite(start, 1, (size_t)(text - start), out);
    }
    fputs("\",", out);
}

int export_csv(const struct export *export)
{
    struct lines_query query = {.run = export->run, .by = export->by, .filter = export->filter};
    struct lines lines;
    int sampled = sampling_is_on(export->run);
    int status = lines_read(export->report, &query, &lines);

    fputs("file,line,function,module,language", export->out);
    for (int i = 0; i < MEASURES; i++)
        fprintf(export->out, ",%s", measures[i].name);
    for (int i = 0; i < MEASURES && sampled; i++)
        fprintf(export->out, ",%s_error", measures[i].name);
    fputs("\r\n", export->out);
    for (size_t i = 0; i < lines.count && status == EXIT_FINE; i++) {
        const struct line_row *row = &lines.rows[i];

        write_text(export->out, row->file);
        fprintf(export->out, "%lld,", (long long)row->line);
        write_text(export->out, row->function);
        write_text(export->out, row->module);
        write_text(export->out, row->language);
        for (int k = 0; k < MEASURES; k++)
            fprintf(export->out, "%s%lld", k > 0 ? "," : "", (long long)measure_value(&row->m, k));
        for (int k = 0; k < MEASURES && sampled; k++)
            fprintf(export->out, ",%lld", llround(variances_error(&row->v, k)));
        fputs("\r\n", export->out);
    }
    lines_free(&lines);
    return status;
}
