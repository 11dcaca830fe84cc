/* When settings matter: conditions are compiled once all names are known, and the slots put into an
 * order in which each stands behind those that its conditions read. */
#include "search/candidate.h"
#include "search/space_parts.h"

#include <string.h>

/* --- points of a training --- */

static bool is_steps(const value *v)
{
    return v->kind == VALUE_TEXT && strstr(v->text, "steps") != NULL;
}

/* Counts the values of a period that are in steps and that are not. */
static void count_steps(const space *s, int slot, int count[2])
{
    const slot_info *info = &s->slot[slot];
    int n = info->axis >= 0 ? s->axis[info->axis].n : 1;
    for (int i = 0; i < n; i++)
        count[is_steps(info->axis >= 0 ? &s->axis[info->axis].values[i] : &info->fixed)]++;
    if (info->otherwise_node) count[is_steps(&info->otherwise)]++;
}

/* Pruning is told to trainers in one unit, so begin and end share it, over all their values. */
void space_check_periods(space *s)
{
    int count[2] = {0, 0};
    count_steps(s, SET_PRUNE_BEGIN, count);
    count_steps(s, SET_PRUNE_END, count);
    if (count[1] == 0) return;
    s->slot[SET_PRUNE_BEGIN].kind = s->slot[SET_PRUNE_END].kind = VALUE_TEXT;
    const node *place = s->slot[SET_PRUNE_END].place;
    if (!place) place = s->slot[SET_PRUNE_BEGIN].place;
    if (count[0] > 0)
        document_wrong(&s->source, place,
                       "prune.begin and prune.end are partly in steps and partly in "
                       "epochs; give both, everywhere, in one unit");
}

/* How many values a setting may take. */
static int count_values(const space *s, int slot)
{
    const slot_info *info = &s->slot[slot];
    return (info->axis >= 0 ? s->axis[info->axis].n : 1) + (info->when_node != NULL);
}

static const value *value_at(const space *s, int slot, int i)
{
    const slot_info *info = &s->slot[slot];
    if (info->axis < 0) return &info->fixed;
    return i < s->axis[info->axis].n ? &s->axis[info->axis].values[i] : &info->otherwise;
}

/* Whether every candidate, or only some, is pruned by a pattern, which fixes the share. */
static void pattern_range(const space *s, bool *all, bool *some)
{
    const int n = count_values(s, SET_PRUNE_PATTERN);
    *all = true;
    *some = false;
    for (int i = 0; i < n; i++) {
        const bool pattern = strcmp(value_at(s, SET_PRUNE_PATTERN, i)->text, "unstructured") != 0;
        *all &= pattern;
        *some |= pattern;
    }
}

/* The least and the greatest final sparsity of all candidates that no pattern fixes. */
static void sparsity_range(const space *s, double *least, double *most)
{
    const slot_info *info = &s->slot[SET_FINAL_SPARSITY];
    *least = *most = info->axis < 0 ? info->fixed.number : s->axis[info->axis].values[0].number;
    for (int i = 0; info->axis >= 0 && i < s->axis[info->axis].n; i++) {
        const double v = s->axis[info->axis].values[i].number;
        if (v < *least) *least = v;
        if (v > *most) *most = v;
    }
    if (info->when_node && info->otherwise.number < *least) *least = info->otherwise.number;
}

/* A point of the training that is the same for all candidates, in its own unit; percent in epochs.
 */
static bool fixed_period(const space *s, int slot, setting length, double *out)
{
    const value *v = &s->slot[slot].fixed, *epochs = &s->slot[length].fixed;
    bool percent = v->kind == VALUE_TEXT && !is_steps(v);
    *out = percent ? v->number * epochs->number / 100 : v->number;
    return s->slot[slot].axis < 0 && !(percent && s->slot[length].axis >= 0);
}

static const char *period_text(const space *s, int slot)
{
    const node *n = s->slot[slot].place;
    return n ? n->text : schema_row((setting)slot)->def;
}

/* Pruning that cannot go on for any candidate, as far as fixed settings say so; for others there is
 * a rule of the plan. */
void space_check_pruning(space *s)
{
    double begin, end, least, most;
    const char *words = period_text(s, SET_PRUNE_BEGIN);
    const node *place = s->slot[SET_PRUNE_BEGIN].place;
    const bool tune = strcmp(s->slot[SET_PRUNE_DURING].fixed.text, "fine-tune") == 0;
    const setting length = tune ? SET_TUNE_EPOCHS : SET_EPOCHS;
    const value *epochs = &s->slot[length].fixed;
    bool all_pattern, some_pattern;
    sparsity_range(s, &least, &most);
    pattern_range(s, &all_pattern, &some_pattern);
    if (all_pattern && s->slot[SET_FINAL_SPARSITY].written)
        document_wrong(&s->source, s->slot[SET_FINAL_SPARSITY].place,
                       "prune.pattern fixes the share of zeros; remove final_sparsity, or add "
                       "unstructured to the patterns");
    if (all_pattern) least = 1;
    if (some_pattern) most = 1;
    if (s->source.d->total > 0 || most <= 0 || s->slot[SET_PRUNE_DURING].axis >= 0) return;
    if (tune && s->slot[length].axis < 0 && epochs->number < 1) {
        document_wrong(&s->source, s->slot[SET_PRUNE_DURING].place,
                       "pruning during fine-tune needs a fine-tuning: say how long, "
                       "fine_tune: {epochs: 5}");
        return;
    }
    if (!fixed_period(s, SET_PRUNE_BEGIN, length, &begin)) return;
    if (fixed_period(s, SET_PRUNE_END, length, &end) && begin >= end)
        document_wrong(&s->source, place ? place : s->slot[SET_PRUNE_END].place,
                       "prune.begin, %s, must be before prune.end, %s", words,
                       period_text(s, SET_PRUNE_END));
    if (s->slot[length].axis >= 0 || least <= 0 || begin < epochs->number ||
        is_steps(&s->slot[SET_PRUNE_BEGIN].fixed))
        return;
    if (!place) place = s->slot[length].place;
    document_wrong(&s->source, place ? place : s->slot[SET_FINAL_SPARSITY].place,
                   "prune.begin, %s, must be before the end of the training, %s %.10g", words,
                   schema_row(length)->path, epochs->number);
}

/* --- what fine-tuning does besides --- */

/* The value that all candidates have; NULL when it varies. */
static const value *fixed_value(const space *s, int slot)
{
    return s->slot[slot].axis < 0 ? &s->slot[slot].fixed : NULL;
}

static bool is_word(const value *v, const char *word)
{
    return v && strcmp(v->text, word) == 0;
}

static bool always_prunes(const space *s)
{
    bool all, some;
    double least, most;
    pattern_range(s, &all, &some);
    sparsity_range(s, &least, &most);
    return all || least > 0;
}

static void check_clusters(space *s)
{
    const node *place = s->slot[SET_CLUSTERS].place;
    for (int i = 0; i < count_values(s, SET_CLUSTERS); i++)
        if (value_at(s, SET_CLUSTERS, i)->number == 1)
            document_wrong(
                &s->source, place,
                "one cluster would make all weights of a tensor equal; write 0 for none, "
                "or at least 2");
    const value *clusters = fixed_value(s, SET_CLUSTERS);
    if (!clusters || clusters->number <= 0) return;
    if (is_word(fixed_value(s, SET_LABELS), "standardized"))
        document_wrong(&s->source, place,
                       "clusters need labels: physical; standardized ones are scaled back in the "
                       "last layer, each output by its own factor, which would pull its clusters "
                       "apart");
    if (is_word(fixed_value(s, SET_PRUNE_DURING), "fine-tune") && always_prunes(s))
        document_wrong(&s->source, place,
                       "clustering and pruning cannot share a fine-tuning; write prune: {during: "
                       "training}, the zeros stay");
}

/* What cannot go together for any candidate, as far as fixed settings say so; for others there is a
 * rule of the plan. */
void space_check_tuning(space *s)
{
    static const setting asks[] = {SET_CHANNELS, SET_CLUSTERS};
    const value *epochs = fixed_value(s, SET_TUNE_EPOCHS);
    if (s->source.d->total > 0) return;
    for (int i = 0; i < 2; i++) {
        const value *v = fixed_value(s, asks[i]);
        if (v && v->number > 0 && epochs && epochs->number < 1)
            document_wrong(&s->source, s->slot[asks[i]].place,
                           "%s needs a fine-tuning: say how long, fine_tune: {epochs: 5}",
                           schema_row(asks[i])->path);
    }
    check_clusters(s);
}

/* --- noise --- */

void space_check_noise(space *s)
{
    const value *low = fixed_value(s, SET_SNR_LOW), *high = fixed_value(s, SET_SNR_HIGH);
    if (s->source.d->total > 0 || !low || !high || low->number <= high->number) return;
    const node *place = s->slot[SET_SNR_LOW].place;
    document_wrong(&s->source, place ? place : s->slot[SET_SNR_HIGH].place,
                   "augment.snr_low, %.10g dB, must not be above augment.snr_high, %.10g dB",
                   low->number, high->number);
}

/* --- conditions --- */

/* An expression of the schema itself; NULL stays NULL. */
static expr *compile_own(space *s, const char *text, const expr_names *names)
{
    expr *x = NULL;
    err e = {0};
    int at;
    if (text && expr_compile(s->a, text, names, &x, &at, &e) != OK)
        diag_report(s->source.d, s->path, 0, 0, "%s: %s", text, e.msg);
    return x;
}

void space_compile_conditions(space *s)
{
    const expr_names *names = space_names(s);
    if (!names) return;
    for (int i = 0; i < N_SLOTS; i++) {
        slot_info *info = &s->slot[i];
        if (i < N_SETTINGS) {
            info->matters = compile_own(s, schema_row((setting)i)->matters, names);
            info->param_when = compile_own(s, schema_row((setting)i)->param_when, names);
        }
        if (info->when_node)
            info->when = document_expr(&s->source, info->when_node, names, VALUE_BOOL);
    }
}

/* The i-th value that a slot may take, NULL behind the last. */
static const value *possible_value(const space *s, int slot, int i)
{
    const slot_info *info = &s->slot[slot];
    const int n = info->axis >= 0 ? s->axis[info->axis].n : 1;
    if (i < n) return info->axis >= 0 ? &s->axis[info->axis].values[i] : &info->fixed;
    return i == n && info->when_node ? &info->otherwise : NULL;
}

/* From the i-th slot that the condition reads on. */
static bool may_hold(const space *s, const expr *x, int i, value *slots, bool unknown)
{
    bool holds = false;
    if (i == expr_n_slots(x))
        return candidate_test(s, x, NULL, slots, &holds, NULL) == OK ? holds : unknown;
    const int slot = expr_slot(x, i);
    const value *v;
    for (int k = 0; (v = possible_value(s, slot, k)) != NULL; k++) {
        slots[slot] = *v;
        if (may_hold(s, x, i + 1, slots, unknown)) return true;
    }
    return false;
}

bool space_may_hold(const space *s, const expr *x, bool unknown)
{
    value slots[N_SLOTS];
    for (int i = 0; i < N_SLOTS; i++) slots[i] = s->slot[i].fixed;
    return !x || may_hold(s, x, 0, slots, unknown);
}

void space_check_strict(space *s)
{
    if (s->source.d->total > 0) return;
    for (int i = 0; i < N_SETTINGS; i++) {
        const slot_info *info = &s->slot[i];
        const bool asks = info->axis >= 0 || !value_equal(&info->fixed, &info->def);
        if (!schema_row((setting)i)->strict || !info->written || !asks) continue;
        if (space_may_hold(s, info->matters, true)) continue;
        document_wrong(&s->source, info->place,
                       "%s matters only when %s, which is so for no candidate; leave it out, or "
                       "ask for that, too",
                       schema_row((setting)i)->path, schema_row((setting)i)->matters);
    }
}

/* The i-th slot that settling `slot` reads; -1 after the last. */
static int dependency(const space *s, int slot, int i)
{
    const slot_info *info = &s->slot[slot];
    int n = info->matters ? expr_n_slots(info->matters) : 0;
    int m = info->when ? expr_n_slots(info->when) : 0;
    if (i < n) return expr_slot(info->matters, i);
    if (i < n + m) return expr_slot(info->when, i - n);
    if (slot == SET_PRUNE_BEGIN || slot == SET_PRUNE_END) {
        static const int read[] = {SET_EPOCHS, SET_TUNE_EPOCHS, SET_PRUNE_DURING};
        return i - n - m < 3 ? read[i - n - m] : -1;
    }
    if (i > n + m) return -1;
    return slot >= SLOT_KNOBS && slot < SLOT_KNOBS + s->n_knobs ? SET_ARCHITECTURE : -1;
}

typedef enum { NOT_SEEN, BEING_SEEN, SEEN } visit_state;

/* Depth-first, so that a slot comes behind what it reads. */
static void visit(space *s, int slot, visit_state *state)
{
    if (state[slot] == SEEN) return;
    if (state[slot] == BEING_SEEN) {
        const node *place = s->slot[slot].when_node ? s->slot[slot].when_node : s->source.root;
        document_wrong(&s->source, place,
                       "the condition of %s depends on itself, through other "
                       "conditions; break the circle",
                       s->slot[slot].name);
        return;
    }
    state[slot] = BEING_SEEN;
    for (int i = 0, d; (d = dependency(s, slot, i)) >= 0; i++) visit(s, d, state);
    state[slot] = SEEN;
    s->order[s->n_order++] = slot;
}

/* Whether a slot that varies must be settled for each candidate: not when only its default's
 * applicability varies. */
static bool needs_settling(const space *s, int slot)
{
    const slot_info *info = &s->slot[slot];
    bool knob_slot = slot >= SLOT_KNOBS && slot < SLOT_KNOBS + s->n_knobs;
    if (info->axis < 0 && !knob_slot && value_equal(&info->fixed, &info->def)) return false;
    return info->matters || info->when || dependency(s, slot, 0) >= 0;
}

void space_order_slots(space *s)
{
    visit_state state[N_SLOTS] = {0};
    bool varies[N_SLOTS] = {0};
    for (int i = 0; i < N_SLOTS; i++)
        if (s->slot[i].name) visit(s, i, state);
    for (int i = 0; i < s->n_order; i++) {
        int slot = s->order[i];
        varies[slot] = s->slot[slot].axis >= 0;
        for (int k = 0, d; (d = dependency(s, slot, k)) >= 0; k++) varies[slot] |= varies[d];
        if (varies[slot] && needs_settling(s, slot)) s->dynamic[s->n_dynamic++] = slot;
    }
}
