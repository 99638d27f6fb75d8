/* fields.c - the kinds of messages, and what their fields may contain. See rows.h. */
#include "rows.h"
#include "store.h"

const char *const rows_states[ROWS_STATES] = {"complete", "incomplete", "interrupted"};
const char *const rows_events[ROWS_WORDS] = {"alloc", "free"};
const char *const rows_languages[ROWS_WORDS] = {"native", "python"};

/* The table below is formatted by hand, one kind of message after the other. */
/* clang-format off */
#define NUMBER        {ROWS_NUMBER, 0, 0}
#define COUNT         {ROWS_COUNT, 0, 0}
#define COUNT_OR_NONE {ROWS_COUNT_OR_NONE, 0, 0}
#define POSITIVE      {ROWS_POSITIVE, 0, 0}
#define RANGE(limit)  {ROWS_RANGE, 0, limit}
#define INT           {ROWS_INT, 0, 0}
#define FLAG          RANGE(1)
#define WORD          RANGE(ROWS_WORDS - 1)
#define SHARE         {ROWS_SHARE, 0, 0}
#define VARIANCE      {ROWS_VARIANCE, 0, 0}
#define SYMBOLS       {ROWS_RANGE_OR_NONE, 0, 5}
#define NEXT(of)      {ROWS_NEXT, of, 0}
#define EITHER(of)    {ROWS_NEXT_OR_KNOWN, of, 0}
#define KNOWN(of)     {ROWS_KNOWN, of, 0}
#define MAYBE(of)     {ROWS_KNOWN_OR_NONE, of, 0}
#define PARENT        {ROWS_PARENT, ROWS_NODES, 0}
#define STACK         {ROWS_STACK, ROWS_NODES, 0}
#define TEXT          {ROWS_TEXT, 0, ROWS_TEXT_MAX}
#define TEXT_OR_NULL  {ROWS_TEXT_OR_NULL, 0, ROWS_TEXT_MAX}
#define MOMENT        {ROWS_MOMENT, 0, ROWS_TEXT_MAX}
#define BYTES(limit)  {ROWS_BYTES, 0, limit}
#define HISTOGRAM     {ROWS_HISTOGRAM, 0, STORE_HISTOGRAM_MAX}
#define THREAD        RANGE(UINT32_MAX)
#define SITE_KEY      /* node, process, thread */ STACK, KNOWN(ROWS_PROCESSES), THREAD
#define ALL_MEASURES  {ROWS_MEASURES, 0, 0}
#define ALL_CHANGES   {ROWS_CHANGES, 0, 0}
#define SITE_FIELDS   SITE_KEY, /* line, leaf */ MAYBE(ROWS_LINES), MAYBE(ROWS_LINES), ALL_MEASURES, \
                      /* smallest, largest, sizes, lifetimes */ COUNT, COUNT, HISTOGRAM, HISTOGRAM

#define FIELDS(...) \
    .count = sizeof((struct rows_field[]){__VA_ARGS__}) / sizeof(struct rows_field), .field = {__VA_ARGS__}

const struct rows_kind rows_kinds[ROWS_TYPES] = {
    [ROWS_HELLO] = {"hello", .outside = true, .before_run = true, FIELDS(/* version */ RANGE(UINT32_MAX))},
    [ROWS_BEGIN] = {"begin", .outside = true, .before_run = true},
    [ROWS_COMMIT] = {"commit", .before_run = true},
    [ROWS_RUN] = {"run", .before_run = true, FIELDS(/* label, command, started */ TEXT, TEXT, MOMENT)},
    [ROWS_LABEL] = {"label", FIELDS(TEXT)},
    [ROWS_TOTALS] = {"totals", FIELDS(
        ALL_MEASURES, /* wall_ns, cpu_ns, exit_known, exit_status */ COUNT, COUNT, FLAG, INT,
        /* frees, freed_bytes, peak_ns, peak_rss_bytes */ COUNT, COUNT, COUNT, COUNT,
        /* foreign_frees, events_lost, stacks_* */ COUNT, COUNT, COUNT, COUNT, COUNT,
        /* waits, waited_ns, collector_cpu_ns, taken_ns */ COUNT, COUNT, COUNT, COUNT,
        /* lap_peak_*, by_thread, damaged */ COUNT, COUNT, FLAG, COUNT,
        /* stopped, untraced, stacks_lost, end_* */ COUNT, COUNT, COUNT, COUNT, COUNT)},
    [ROWS_PHASE] = {"phase", FIELDS(/* how much of the symbols */ SHARE)},
    [ROWS_WHY_ENDED] = {"why", FIELDS(TEXT)},
    [ROWS_STATE] = {"state", FIELDS(RANGE(ROWS_STATES - 1))},
    [ROWS_PROCESS] = {"process", FIELDS(
        /* id, pid, parent_pid, command, executable */ EITHER(ROWS_PROCESSES), INT, INT, TEXT, TEXT,
        ALL_MEASURES, /* started_ns, ended_ns, exit_known, exit_status */ COUNT, NUMBER, FLAG, INT,
        /* frees, freed_bytes */ COUNT, COUNT)},
    [ROWS_THREAD] = {"thread", FIELDS(
        /* process, id, tid, name */ KNOWN(ROWS_PROCESSES), THREAD, INT, TEXT,
        /* allocations, bytes, frees */ COUNT, COUNT, COUNT)},
    [ROWS_MODULE] = {"module", FIELDS(
        /* id, path, build_id, symbols */ EITHER(ROWS_MODULES), TEXT, BYTES(64), SYMBOLS)},
    [ROWS_LINE] = {"line", FIELDS(
        /* id, file, line, function, module */ NEXT(ROWS_LINES), TEXT_OR_NULL, RANGE(UINT32_MAX), TEXT, TEXT,
        /* language, library_code */ WORD, FLAG)},
    [ROWS_FRAME] = {"frame", FIELDS(/* id, module, offset */ NEXT(ROWS_FRAMES), MAYBE(ROWS_MODULES), NUMBER)},
    [ROWS_FRAME_LINE] = {"frame_line", FIELDS(
        /* frame, depth, line */ KNOWN(ROWS_FRAMES), RANGE(255), KNOWN(ROWS_LINES))},
    [ROWS_NODE] = {"node", FIELDS(/* id, parent, frame */ NEXT(ROWS_NODES), PARENT, MAYBE(ROWS_FRAMES))},
    [ROWS_SITE] = {"site", FIELDS(SITE_FIELDS)},
    [ROWS_MAPPED_SITE] = {"mapped_site", FIELDS(SITE_FIELDS)},
    [ROWS_BLOCK] = {"block", FIELDS(
        /* process, address, size, node, born_ns */ KNOWN(ROWS_PROCESSES), COUNT, COUNT, STACK, COUNT)},
    [ROWS_SAMPLE] = {"sample", FIELDS(/* t_ns, live_*, rss_bytes */ COUNT, NUMBER, NUMBER, COUNT)},
    [ROWS_SITE_SAMPLE] = {"site_sample", FIELDS(
        /* t_ns */ COUNT, SITE_KEY, ALL_CHANGES)},
    [ROWS_MARK] = {"mark", FIELDS(
        /* id, t_ns, process, name */ RANGE(UINT32_MAX), COUNT, KNOWN(ROWS_PROCESSES), TEXT,
        /* kind, sampled, lap_peak_* */ RANGE(STORE_MARK_FINALIZE), FLAG, COUNT, COUNT)},
    [ROWS_AT] = {"moment", FIELDS(/* t_ns, until_ns */ COUNT, COUNT)},
    [ROWS_EVENT] = {"event", FIELDS(
        /* id, t_ns, process, tid */ COUNT, COUNT, KNOWN(ROWS_PROCESSES), INT,
        /* kind, address, size, node */ WORD, COUNT, COUNT, STACK)},
    [ROWS_PAGE_MOMENT] = {"page_moment", FIELDS(
        /* id, process, t_ns, took_ns */ RANGE(UINT32_MAX), KNOWN(ROWS_PROCESSES), COUNT, COUNT,
        /* kind, mark, resident, pss */ RANGE(STORE_PAGES_KINDS - 1), RANGE(UINT32_MAX), COUNT, COUNT_OR_NONE,
        /* untouched, swapped, missing */ COUNT, COUNT, TEXT_OR_NULL)},
    [ROWS_PAGE_ROW] = {"page_row", FIELDS(
        /* moment, process, part */ RANGE(UINT32_MAX), KNOWN(ROWS_PROCESSES), RANGE(STORE_PAGES_UNTOUCHED),
        /* node, line, name, bytes, blocks */ STACK, MAYBE(ROWS_LINES), TEXT, COUNT, COUNT)},
    [ROWS_PAGE_FORGET] = {"page_forget", FIELDS(/* moment */ RANGE(UINT32_MAX))},
    [ROWS_STACK_TYPE] = {"stack_type", FIELDS(/* node, type, how */ STACK, TEXT, RANGE(STORE_TYPE_HOWS - 1))},
    [ROWS_STACK_PART] = {"stack_part", FIELDS(
        /* node, part, start, seen, looks */ STACK, STACK, RANGE(UINT32_MAX), RANGE(UINT32_MAX), RANGE(UINT32_MAX))},
    [ROWS_OBJECT_TYPE] = {"object_type", FIELDS(
        /* type, basic_size, item_size, has_dict, at_run_time, line */ TEXT, COUNT, COUNT, FLAG, FLAG, MAYBE(ROWS_LINES))},
    [ROWS_OBJECT_KEYS] = {"object_keys", FIELDS(/* type, keys */ TEXT, RANGE(UINT32_MAX))},
    [ROWS_UNREADABLE] = {"unreadable", FIELDS(/* process */ KNOWN(ROWS_PROCESSES))},
    [ROWS_SAMPLING] = {"sampling", FIELDS(
        /* interval, samples, allocations, bytes */ POSITIVE, COUNT, COUNT_OR_NONE, COUNT_OR_NONE)},
    [ROWS_SITE_ERROR] = {"site_error", FIELDS(
        SITE_KEY, /* allocations, bytes, live_*, peak_* */ VARIANCE, VARIANCE, VARIANCE, VARIANCE, VARIANCE, VARIANCE)},
    [ROWS_SITE_FATE] = {"site_fate", FIELDS(SITE_KEY, /* freed_elsewhere, moves, moved_bytes */ COUNT, COUNT, COUNT)},
    [ROWS_PEAK_COPY] = {"peak_copy", FIELDS(
        /* kind */ RANGE(STORE_COPY_KINDS - 1), SITE_KEY, /* old_bytes, new_bytes, height, next_height */ COUNT, COUNT, COUNT, COUNT)},
    [ROWS_SITE_CONTENT] = {"site_content", FIELDS(
        SITE_KEY, /* blocks, bytes, alone, alone_bytes, contents, contents_bytes */ COUNT, COUNT, COUNT, COUNT, COUNT, COUNT,
        /* again, changed, apart_ns */ COUNT, COUNT, COUNT)},
    [ROWS_THIN] = {"thin", .outside = true, FIELDS(/* keep_ns, most_bytes, now_ns */ COUNT, COUNT, COUNT)},
    [ROWS_LINE_TOTALS] = {.name = "line_totals"},
    [ROWS_FINISH] = {"finish", .outside = true, .before_run = true},
};
