/* How a study came along: the share of the box of front_volume that its front dominated, against the processor
 * time spent so far. Shown by figures and pages; a step function, of which only the steps are kept. */
#ifndef PARETUNE_REPORT_PROGRESS_VOLUME_H
#define PARETUNE_REPORT_PROGRESS_VOLUME_H

#include "engine/base/arena.h"
#include "engine/base/err.h"
#include "store/store.h"

#include <stdbool.h>

typedef struct {
    double cpu_seconds; /* spent when this trial was done */
    double share;       /* dominated from then on */
    int64_t trial;      /* that brought it */
    int n_trials;       /* that had come to an end by then, this one counted */
} progress_step;

typedef struct {
    int n;
    const progress_step *step;
    double cpu_seconds; /* of all trials */
    int n_trials;
} progress_volume;

typedef struct {
    bool flat_too; /* also trials that entered the front of their time without raising the share */
    int most; /* so many steps, evenly chosen, the first and the last among them; 0: all. Each costs a volume */
} progress_choice;

/* n = 0 when the box has no volume. The box is that of the whole study, so that the last step's share is
 * front_volume's. `space` is the study's last one; the result lives in `a`. */
status progress_volume_read(store *s, const store_space *space, progress_choice which, arena *a,
                            progress_volume *out, err *e);

#endif
