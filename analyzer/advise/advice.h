/* advice.h - what a run's record says about memory that it could do without.
 *
 *   database --> profile (query), facts.c     what is counted of a line's blocks, type by type
 *            --> fates.c                      who freed them, and what moved
 *            --> times.c                      the same at each moment, of the lines that matter
 *            --> resident (query)             what lay where in memory
 *                    |
 *                 advice_rules.c              a row for each rule; a rule looks at facts and makes findings
 *                    |
 *                 findings.c                  one chain of cause is one finding; the peak without them; their order
 *                    |
 *                 report/advise.c             as text, and as JSON
 *
 * README.md in this folder says what each rule looks at, and when it is wrong.
 */
#ifndef LIBTRACE_ADVISE_ADVICE_H
#define LIBTRACE_ADVISE_ADVICE_H

#include "histograms.h"
#include "profile.h"
#include "resident.h"
#include "resident_lines.h"
#include "suppressed.h"

/* ---- what is known ------------------------------------------------------------------------------ */

enum advice_language { ADVICE_C, ADVICE_CXX, ADVICE_RUST, ADVICE_PYTHON, ADVICE_LANGUAGES };

/* What became of blocks beyond being freed; zeroes where the record is from before that was counted. */
struct facts_fate {
    int64_t freed_elsewhere;    /* by another thread than the one that made them; at least so many */
    int64_t moves, moved_bytes; /* reallocs that copied, and what they copied */
};

/* What looks at the contents of blocks found, of all stacks of a line; zeroes where nobody looked. */
struct facts_contents {
    double saved;             /* bytes at the peak that blocks have of which there is an equal one */
    double variance;          /* of saved */
    int64_t blocks, repeated; /* blocks that were looked at; of those: not the only one */
    int64_t contents;         /* contents that several of them had */
    int64_t again, changed;   /* blocks that were looked at once more; of those: not the same */
    int64_t apart_ns;         /* the longest time between two looks at a block */
};

/* A block that took the place of another one while both were there, see store_peak_copy(). */
struct peak_copy {
    uint32_t facts, node; /* PROFILE_NONE = there is none, or a filter keeps it back */
    int64_t old_bytes, new_bytes, height, next_height;
};

/* The blocks of one type that count for one line. */
struct facts {
    uint32_t
        place; /* in the profile: the innermost line of the program's own that is no wrapper, or, without one, of anybody's */
    uint32_t type; /* in the profile's types; 0 = not known */
    bool beside; /* the type is that of memory which objects of Python have beside themselves: "list items" */
    bool own;    /* the line is the program's own: it can be changed */
    bool direct; /* that line itself allocates, not a library that it calls */
    enum advice_language language;
    struct store_measures m;        /* of the whole run */
    struct histograms blocks;       /* sizes and lifetimes */
    int64_t stacks;                 /* sites that were added up */
    int64_t paired;                 /* blocks of those of which the two largest ones were there at once */
    int64_t largest_each;           /* the largest block of each of them, added up */
    bool one_each;                  /* none of them ever had two blocks at once, for certain */
    struct facts_fate fate;         /* what became of them, */
    struct facts_contents contents; /* and what was in them */
    struct facts_moment *moment; /* at each moment of the times; NULL = it does not matter enough for that */
};

/* What was counted up to a moment. */
struct facts_moment {
    int64_t allocations, live_allocations, live_bytes;
};

/* What a stack in one process has. Sites of one calling instruction lie next to each other, see facts.c. */
struct facts_site {
    uint32_t facts; /* index */
    uint32_t node;  /* of the profile */
    uint32_t line;  /* the place that it counts for in other reports, and in the record of pages */
    uint32_t call;  /* the node that its outer frames are, */
    uint32_t frame; /* and its innermost frame: both are the same for what one instruction allocates */
    int64_t allocations, bytes, peak_allocations, peak_bytes;
};

/* The moments at which all sites were looked at, in order, up to the shutdown of Python's interpreter. */
struct times {
    size_t count;
    double *t;          /* seconds since the run's start */
    int64_t *live;      /* of all lines: bytes of processes that still ran */
    int64_t *made;      /* and blocks that were allocated until then */
    int64_t held;       /* at the last one, also by processes that had ended */
    size_t *mark;       /* the name of the mark that it was: an index in marks; 0 = none */
    struct texts marks; /* names; the first is "" */
    bool python_end;    /* the last one is when a Python interpreter began to shut down */
};

/* ---- what is found ------------------------------------------------------------------------------ */

/* How sure a finding is. */
enum certainty {
    CERTAIN, /* the record proves it */
    LIKELY,  /* two signals that do not depend on each other */
    ASK,     /* worth a look; shown only where all are asked for */
};
extern const char *const certainty_names[];

/* A number that a finding rests on, as a member of its JSON. */
struct evidence {
    const char *name;
    double value;
};

/* Blocks that would not be there: a share of what a line holds at any time. */
struct relief {
    uint32_t facts;
    double share;
    bool copying; /* only while it holds as many blocks as at the peak: one takes the place of another */
};

/* Who does not want to see a finding. */
enum suppressor { SUPPRESSED_NOT, SUPPRESSED_FILE, SUPPRESSED_COMMENT, SUPPRESSORS };

#define FINDING_EVIDENCE 12
#define FINDING_RELIEFS 16

struct finding {
    const struct rule *rule;
    enum certainty certainty;
    uint32_t place;   /* of the profile */
    const char *type; /* of the blocks, the profile's; NULL = not known, or does not matter */
    char *what;       /* the evidence in words; malloc'ed */
    char *remedy;     /* what to do; malloc'ed */
    int64_t more;     /* findings of the same cause that were merged into this one */
    struct evidence evidence[FINDING_EVIDENCE]; /* ends with a NULL name, or is full */
    struct relief reliefs[FINDING_RELIEFS]; /* what the heap would be without; the rest is not predicted */
    size_t relief_count;
    int64_t saves_peak_bytes;     /* of the highest heap of the run; worked out from the reliefs */
    int64_t saves_bytes;          /* of all that was allocated */
    int64_t saves_allocations;    /* likewise */
    int64_t saves_resident_bytes; /* of what is resident beside the bytes that were asked for */
    int64_t saves_end_bytes;      /* of what is held at the end, if that still grows; else 0 */
    bool foreign;                 /* the line is a library's, or its file is not known */
    bool address_space;           /* what it saves at the peak is address space, not memory */
    enum suppressor suppressed;
    bool misnamed; /* a comment in its line is to suppress a rule that there is none of */
};

/* All that rules may look at. */
struct advice {
    const struct report *report;
    const struct run *run;
    const struct filter *filter;     /* prepared */
    struct profile profile;          /* stacks, places and types; without sites */
    unsigned char *place_is_own;     /* by place */
    unsigned char *place_is_wrapper; /* by place: of an allocator, who calls it is meant */
    struct facts *facts;
    struct facts_site *sites;
    struct times times;
    bool fates_known;    /* what became of blocks was counted in this run */
    bool contents_known; /* somebody looked at the contents of some */
    struct peak_copy copies[STORE_COPY_KINDS];
    struct resident resident; /* the latest moment; .moments is 0 where none is known */
    struct resident_lines pinned;
    struct finding *findings; /* in their order */
    size_t facts_count, site_count, finding_count;
    struct suppressed known;
    size_t suppressed[SUPPRESSORS]; /* findings that would be there but for them, by who did it */
    size_t asks;                    /* findings that are only worth a look */
    int64_t peak_without;           /* the run's peak without what the findings (but for ASK) are about */
    int64_t without_bytes, without_allocations, without_resident; /* what they save of those, added up; */
    int64_t without_space, without_end; /* and of address space, at the peak, and at the end */
    int status;                         /* of the rules: EXIT_FINE, or what went wrong */
};

struct advice_query {
    const struct filter *filter; /* prepared */
    bool all;          /* findings that are only worth a look, and those about lines of libraries, are kept */
    const bool *rules; /* which to ask, in the order of their table; NULL = all */
};

/* Asks the rules. On failure says why; call advice_free() in any case. */
int advice_read(const struct report *report, const struct run *run, const struct advice_query *query,
                struct advice *advice);
void advice_free(struct advice *advice);

/* True if some of it is of Python code. */
bool advice_has_python(const struct advice *advice);

#endif
