/* csv.c - the lines of a run, as `top --limit 0` has them: RFC 4180, a header, plain numbers. */
#include "export.h"

static void write_text(FILE *out, const char *text)
{
    putc('"', out);
    for (; text != NULL && *text != '\0'; text++) {
        if (*text == '"')
            putc('"', out);
        putc(*text, out);
    }
    fputs("\",", out);
}

int export_csv(const struct export *export)
{
    struct lines_query query = {.run = export->run, .by = export->by, .filter = export->filter};
    struct lines lines;
    int status = lines_read(export->report, &query, &lines);

    fputs("file,line,function,module,language,allocations,bytes,peak_allocations,peak_bytes,live_allocations,"
          "live_bytes,temporary\r\n",
          export->out);
    for (size_t i = 0; i < lines.count && status == EXIT_FINE; i++) {
        const struct line_row *row = &lines.rows[i];
        const struct store_measures *m = &row->m;

        write_text(export->out, row->file);
        fprintf(export->out, "%lld,", (long long)row->line);
        write_text(export->out, row->function);
        write_text(export->out, row->module);
        write_text(export->out, row->language);
        fprintf(export->out, "%lld,%lld,%lld,%lld,%lld,%lld,%lld\r\n", (long long)m->allocations,
                (long long)m->bytes, (long long)m->peak_allocations, (long long)m->peak_bytes,
                (long long)m->live_allocations, (long long)m->live_bytes, (long long)m->temporary);
    }
    lines_free(&lines);
    return status;
}
