/* racing: further seeds for those candidates whose case they can decide.
 *
 * A sampler around another one. At most every second suggestion is a further seed of a point that was tried; the
 * others come from the sampler within. Who gets one:
 *  - aimed at versions: of each version that no point keeps for certain yet, the point whose interval straddles one of
 *    its limits and that has the most room in units of its error (Student's t with the spread pooled over all points
 *    with several seeds; corrected for the number of points that look good, Sidak 1967). The leader goes on to all its
 *    seeds even when it keeps the limits for certain by this rule, which knows nothing of how rare such points are; and a
 *    leader whose luck ends is found out. First seeds that look
 *    best lose when they were lucky, and the next one gets its chance; this is successive racing (Maron & Moore, NIPS
 *    1993; irace: Lopez-Ibanez et al., ORP 3, 2016), restricted to one contender at a time.
 *  - aimed at the front: the point with the fewest seeds which is beaten at the bad end of its interval
 *    and not at the good one.
 * While fewer than three differences between seeds are known, points that look good get their second seed.
 *
 * The sampler within sees a history without further seeds: each of its suggestions with the mean figures
 * over all seeds known so far. What is decided depends on known results only, as guide.h demands. */
#ifndef PARETUNE_SEARCH_RACING_H
#define PARETUNE_SEARCH_RACING_H

#include "search/sampler.h"

typedef struct {
    int aim;           /* as in sampler_options */
    int max_seeds;     /* of one point; no more than the problem's n_seeds */
    double confidence; /* in (0, 1): of the intervals */
} racing_options;

/* `p` and `within` are borrowed; the rest lives in `a`, which grows with the number of suggestions. With max_seeds
 * below 2 *out is `within`. */
status sampler_race(const problem *p, sampler *within, const racing_options *o, arena *a,
                    sampler **out, err *e);

#endif
