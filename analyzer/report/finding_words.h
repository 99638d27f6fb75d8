/* finding_words.h - a finding in words and as JSON, for advise and for those reports that name findings. */
#ifndef LIBTRACE_REPORT_FINDING_WORDS_H
#define LIBTRACE_REPORT_FINDING_WORDS_H

#include "advice.h"

#define FINDING_SAVINGS 5
#define FINDING_SAVING 128

/* "records.py:12 (main)"; malloc'ed, not harmless yet. */
char *finding_place(const struct advice *advice, const struct finding *finding);

/* "about 14.0 MiB of the peak (93.4 %)", and so on: returns how many there are, the one that matters most first. */
size_t finding_savings(const struct report *report, const struct advice *advice,
                       const struct finding *finding, char savings[FINDING_SAVINGS][FINDING_SAVING]);

/* "a list that is walked once (walked-once, likely); saves about 14.0 MiB of the peak (93.4 %)", and the same behind its
 * place; malloc'ed and harmless. */
char *finding_claim(const struct report *report, const struct advice *advice, const struct finding *finding);
char *finding_sentence(const struct report *report, const struct advice *advice,
                       const struct finding *finding);

/* Members of the open object: what it is and where, and what it saves. */
void finding_json_place(struct json *json, const struct advice *advice, const struct finding *finding);
void finding_json_savings(struct json *json, const struct finding *finding);

/* The whole finding, as an object of the open array; and the array "cannot_tell", of rules that lack something. */
void finding_json(struct json *json, const struct advice *advice, const struct finding *finding);
void finding_json_lacks(struct json *json, const struct advice *advice, const bool *which);

/* Prints which rules cannot tell, and why; of those that were asked (NULL = all). space: before each sentence. */
void finding_lacks(const struct report *report, const struct advice *advice, const bool *which,
                   const char *space);

/* "2 findings are suppressed: 1 by known.supp, 1 by a comment"; prints nothing where none is. */
void finding_suppressed(const struct report *report, const struct advice *advice, const char *space);
void finding_json_suppressed(struct json *json, const struct advice *advice);

/* The first one that is certain or likely; NULL = there is none. */
const struct finding *finding_first(const struct advice *advice);

#endif
