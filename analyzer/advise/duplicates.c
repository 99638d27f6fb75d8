/* duplicates.c - many blocks of a line hold the same: one of each would do, shared by all that need it.
 *
 * The collector compares some blocks of each line that holds much (collector/content_looks.h); repeats.h says what those say of
 * all. That they are equal at one moment does not prove that nobody ever writes to one of them: a table of counters looks so
 * before it is used. Likely it is if the same blocks were looked at once more, much later, and none of them had changed; if
 * many had, they are no copies. Of Python's texts, bytes, tuples and numbers the type says that nobody ever does.
 */
#include "advice_rules.h"
#include "units.h"

#include <math.h>
#include <string.h>

#define LEAST 1000      /* blocks at the peak, */
#define LEAST_SEEN 64   /* and those that were looked at */
#define LEAST_PART 0.25 /* of what the line holds, by two standard errors; */
#define LIKELY_PART 0.5 /* to be likely */
#define LATER 10        /* a tenth of the run's time between two looks */

static bool is_number(const char *type)
{
    return strcmp(type, "float") == 0 || strcmp(type, "int") == 0;
}

static const char *remedy(enum advice_language language, const char *type)
{
    static const char *const remedies[ADVICE_LANGUAGES] = {
        [ADVICE_C] = "If nobody writes to them, keep each once: look what is to be stored up in a table, and "
                     "store the pointer that is there.",
        [ADVICE_CXX] =
            "If nobody writes to them, keep each once: in a std::unordered_set, of which the others have "
            "pointers or a std::string_view, or share it (std::shared_ptr<const T>).",
        [ADVICE_RUST] =
            "If nobody writes to them, keep each once: an Arc<str> or Rc<T> from a HashSet, or an "
            "interner with indices.",
        [ADVICE_PYTHON] = "Keep each once: value = known.setdefault(value, value), with a dict that lives as "
                          "long as they are made.",
    };

    if (language == ADVICE_PYTHON && is_number(type))
        return "Keep numbers without objects, in an array.array or a column of numpy: 8 bytes for each; "
               "or each once: value = known.setdefault(value, value), with a dict for one type (which takes "
               "0.0 and -0.0 for the same).";
    if (language == ADVICE_PYTHON && strcmp(type, "str") == 0)
        return "Keep each once: text = sys.intern(text), or with a dict of your own "
               "known.setdefault(text, text).";
    return remedies[language];
}

/* Objects of Python that nobody can change. */
static bool is_immutable(const char *type)
{
    return strcmp(type, "str") == 0 || strcmp(type, "bytes") == 0 || strcmp(type, "tuple") == 0 ||
           is_number(type);
}

/* Python up to 3.12 keeps memory of floats that are dropped for later ones: the line may be that of an earlier one. */
static bool is_handed_on(const char *type)
{
    return strcmp(type, "float") == 0;
}

/* From Python 3.15 on a bytearray keeps its contents as bytes, of which nobody else knows: they change with it. */
static bool is_of_bytearrays(const struct advice *advice, const struct facts *facts)
{
    if (strcmp(facts_type(advice, facts), "bytes") != 0)
        return false;
    for (size_t i = 0; i < advice->facts_count; i++)
        if (advice->facts[i].place == facts->place &&
            strcmp(facts_type(advice, &advice->facts[i]), "bytearray") == 0)
            return true;
    return false;
}

/* True if the same blocks were looked at again, most of them, and had not changed. */
static bool stays(const struct advice *advice, const struct facts_contents *contents)
{
    return contents->again >= LEAST_SEEN && contents->again >= contents->blocks / 2 &&
           contents->changed == 0 && contents->apart_ns >= advice->run->t.wall_ns / LATER;
}

/* True if many were not the same when they were looked at again: somebody writes to them. */
static bool is_written(const struct facts_contents *contents)
{
    return contents->changed > contents->again / 4;
}

static void look_at(struct advice *advice, const struct facts *facts)
{
    const struct facts_contents *contents = &facts->contents;
    char seen[UNITS_SIZE], bytes[UNITS_SIZE], all[UNITS_SIZE];
    double peak = (double)facts->m.peak_bytes, share = peak > 0 ? contents->saved / peak : 0,
           least = peak > 0 ? share - 2 * sqrt(contents->variance) / peak : 0;
    const char *type = facts_type(advice, facts);
    bool python = facts->language == ADVICE_PYTHON;
    int plain = advice->report->bytes;

    if ((python && (!is_immutable(type) || is_of_bytearrays(advice, facts))) ||
        facts->m.peak_allocations < LEAST || contents->blocks < LEAST_SEEN || !(least >= LEAST_PART) ||
        is_written(contents))
        return;
    bool same = stays(advice, contents), sure = python ? !is_handed_on(type) : same;
    struct finding *f =
        finding_new(advice, "duplicates", sure && least >= LIKELY_PART ? LIKELY : ASK, facts->place, facts);

    finding_relief(advice, f, facts, share < 1 ? share : 1);
    finding_evidence(f, "blocks_compared", (double)contents->blocks);
    finding_evidence(f, "blocks_repeated", (double)contents->repeated);
    finding_evidence(f, "contents_repeated", (double)contents->contents);
    finding_evidence(f, "share", share);
    finding_evidence(f, "blocks_again", (double)contents->again);
    finding_evidence(f, "blocks_changed", (double)contents->changed);
    finding_evidence(f, "apart_s", (double)contents->apart_ns / 1e9);
    finding_what(f,
                 "Of %s blocks that were compared %.0f %% hold what another one holds, too: about %s of the "
                 "%s at the peak "
                 "are copies.%s",
                 units_count(seen, contents->blocks),
                 100 * (double)contents->repeated / (double)contents->blocks,
                 units_bytes(bytes, whole(share * peak), plain), units_bytes(all, facts->m.peak_bytes, plain),
                 python && is_handed_on(type) ? " Nobody can change one. They may be another line's: Python "
                                                "keeps the memory of some for later ones."
                 : python                     ? " Nobody can change one."
                 : same                       ? " Nobody had written to them when they were looked at again."
                                              : "");
    finding_remedy(f, "%s", remedy(facts->language, type));
}

void rule_duplicates(struct advice *advice)
{
    for (size_t i = 0; i < advice->facts_count; i++)
        look_at(advice, &advice->facts[i]);
}
