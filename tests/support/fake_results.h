/* Studies made through the store's door, with figures of the test's choosing. */
#ifndef PARETUNE_TESTS_SUPPORT_FAKE_RESULTS_H
#define PARETUNE_TESTS_SUPPORT_FAKE_RESULTS_H

#include "store/store.h"

/* A file name in a fresh folder under /tmp, in static storage of the (single-test) process. */
const char *fake_path(void);
void fake_remove(void); /* the folder and what is in it */

/* Two knobs (alpha, storage), objectives T_mae, RH_mae, size; version a: T_mae < 0.5 °C, RH_mae
 * < 1.8 %, size < 2 kB; version b: T_mae < 0.1 °C, size < 1 kB. `variant` changes the text. */
store_space fake_space(int variant);
store_run fake_run_row(void);

/* A new study at fake_path with a run of fake_space(1) begun. */
store *fake_open(void);

typedef struct {
    double T_mae, RH_mae, size;     /* validation; NaN is stored as a missing figure */
    double T_mae_test, RH_mae_test; /* 0: the validation figure */
} fake_figures;

hash fake_hash(const char *name, int64_t i);

/* Adds a trial with its chain of four stages (data shared by all). */
int64_t fake_add(store *s, int64_t candidate, uint64_t seed);
/* Closes its stages and the trial. */
void fake_finish(store *s, int64_t trial, int64_t candidate, uint64_t seed, const fake_figures *f);
/* Both. */
int64_t fake_trial(store *s, int64_t candidate, const fake_figures *f);

/* The first cell of the first row of a statement, as a number. */
double fake_number(store *s, const char *sql);

#endif
