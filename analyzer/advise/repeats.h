/* repeats.h - what blocks that were picked at random say of all of a site: how much of them there is more than once.
 *
 * Each different content is kept once. How many different ones there are among N blocks is not known from n of them: but
 * those that were met once, times N / n, and those that were met more often, added up, are not fewer on average, whatever the
 * blocks hold. (Charikar, Chaudhuri, Motwani, Narasayya: Towards Estimation Error Guarantees for Distinct Values, PODS
 * 2000; the former part is Good and Turing's estimate.) For a content that m blocks hold it is 1 + (m - 1) (1 - n/N)^m,
 * which is 1 at least. So what is saved is not overestimated on average, and far too low where nearly every content is met
 * once in the sample though not in all: where there are more different ones than were looked at.
 */
#ifndef LIBTRACE_ADVISE_REPEATS_H
#define LIBTRACE_ADVISE_REPEATS_H

/* Of a site: blocks that were looked at, those without an equal one among these, and contents that several had. */
struct repeats {
    double blocks, bytes, alone, alone_bytes, contents_bytes;
    double all; /* how many blocks there are */
};

/* The share of all bytes that could go: from 0 to 1. */
double repeats_share(const struct repeats *repeats);

/* The variance of that, from the sample's size. */
double repeats_variance(const struct repeats *repeats);

#endif
