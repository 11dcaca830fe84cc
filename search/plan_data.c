/* The data that candidates train on: what a data stage is asked for, how many examples it will give,
 * and what a network on them takes and gives. Recordings are listed once for all front ends. */
#include "search/plan_parts.h"

#include <string.h>

static status no_memory(err *e)
{
    return FAIL(e, ERR_MEM, "out of memory for a plan");
}

static status make_forecast(plan *p, const value *slots, data_record *d, err *e)
{
    buf b = {0};
    stage_survey survey;
    chain_put_data(p->s, slots, &b);
    TRY(plan_keep_text(p, &b, &d->params, e));
    bool file = candidate_matters(p->s, slots, SET_DATA_FILE);
    d->input = file ? p->s->file[(int)slots[SET_DATA_FILE].number].path : "";
    TRY(stage_survey_data(d->params, d->input, p->a, &survey, e));
    memcpy(d->n, survey.n, sizeof d->n);
    d->io = (architecture_io){.in = {2, {(int)slots[SET_STEPS_IN].number, FORECAST_FEATURES}},
                              .steps_out = (int)slots[SET_STEPS_OUT].number,
                              .outputs = FORECAST_OUTPUTS};
    return OK;
}

/* The folder, and the three lists of a split by lists, a line each. */
static const char *clips_input(const space *s, const value *slots, arena *a)
{
    static const setting lists[] = {SET_TRAIN_LIST, SET_VAL_LIST, SET_TEST_LIST};
    if (!candidate_matters(s, slots, SET_DATA_FOLDER)) return "";
    const char *text = slots[SET_DATA_FOLDER].text;
    for (int i = 0; i < 3 && text && candidate_matters(s, slots, (int)lists[i]); i++)
        text = arena_printf(a, "%s\n%s", text, s->file[(int)slots[lists[i]].number].path);
    return text;
}

/* Lists the clips, unless another record has them already. `list` is the JSON that chooses them. */
static status survey_clips(plan *p, const char *list, data_record *d, err *e)
{
    bool added;
    stage_survey survey;
    uint64_t id = hash_u64(list, strlen(list), hash_u64(d->input, strlen(d->input), 5));
    const uint32_t *same = identity_find(&p->clips_of, id);
    if (same) {
        const data_record *other = &p->data[*same];
        memcpy(d->n, other->n, sizeof d->n);
        d->files = other->files;
        d->io.outputs = other->io.outputs;
        return OK;
    }
    TRY(stage_survey_data(list, d->input, p->a, &survey, e));
    memcpy(d->n, survey.n, sizeof d->n);
    d->io.outputs = survey.n_classes;
    d->files = *d->input ? arena_string(p->a, survey.files.text) : NULL;
    if (*d->input && !d->files) return no_memory(e);
    return identity_put(&p->clips_of, id, (uint32_t)p->n_data, &added, e);
}

static status check_features(plan *p, const value *slots, buf *canonical, shape *in, err *e)
{
    buf b = {0};
    const char *text;
    node *tree;
    chain_put_features(p->s, slots, &b);
    TRY(plan_keep_text(p, &b, &text, e));
    TRY(node_read_json(p->a, text, strlen(text), &tree, e));
    return stage_check_features(tree, canonical, in, e);
}

static status put_params(plan *p, const value *slots, const char *list, data_record *d, buf *b,
                         err *e)
{
    buf_put(b, list, strlen(list) - 1); /* its closing brace comes later */
    if (d->files) buf_printf(b, ",\"files_hash\":\"%s\"", d->files);
    buf features = {0};
    status s = check_features(p, slots, &features, &d->io.in, e);
    if (s != OK) {
        buf_free(&features);
        return s;
    }
    TRY(plan_keep_text(p, &features, &d->features, e));
    buf_printf(b, ",\"features\":%s,\"storage\":\"float16\"}", d->features);
    return OK;
}

static status make_keywords(plan *p, const value *slots, data_record *d, err *e)
{
    buf b = {0};
    const char *list;
    chain_put_clips(p->s, slots, &b);
    TRY(plan_keep_text(p, &b, &list, e));
    d->input = clips_input(p->s, slots, p->a);
    if (!d->input) return no_memory(e);
    TRY(survey_clips(p, list, d, e));
    status s = put_params(p, slots, list, d, &b, e);
    if (s == OK) return plan_keep_text(p, &b, &d->params, e);
    buf_free(&b);
    return s;
}

static status reserve(plan *p, err *e)
{
    if (p->n_data < p->cap_data) return OK;
    int longer = p->cap_data ? p->cap_data * 2 : 16;
    data_record *copy = ARENA_NEW(p->a, data_record, longer);
    if (!copy) return no_memory(e);
    if (p->n_data) memcpy(copy, p->data, (size_t)p->n_data * sizeof *copy);
    p->data = copy;
    p->cap_data = longer;
    return OK;
}

status plan_check_data(const plan *p, arena *a, buf *notes, err *e)
{
    for (int i = 0; i < p->n_data; i++) {
        bool read = false; /* for other windows, from the same table */
        for (int k = 0; k < i; k++) read |= strcmp(p->data[k].input, p->data[i].input) == 0;
        if (!read) TRY(stage_check_data(p->data[i].params, p->data[i].input, a, notes, e));
    }
    return OK;
}

status plan_make_data(plan *p, uint64_t id, const value *slots, err *e)
{
    bool added;
    TRY(reserve(p, e));
    data_record *d = &p->data[p->n_data];
    *d = (data_record){0};
    TRY(space_spots_words(p->s) ? make_keywords(p, slots, d, e) : make_forecast(p, slots, d, e));
    return identity_put(&p->data_of, id, (uint32_t)p->n_data++, &added, e);
}
