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

/* JSON of a stage on the list: "files_hash", what it makes, and which shard. */
static status put_stage(plan *p, const char *list, const char *files, const char *made, int shard,
                        int n_shards, const char **out, err *e)
{
    buf b = {0};
    buf_put(&b, list, strlen(list) - 1); /* its closing brace comes later */
    if (files) buf_printf(&b, ",\"files_hash\":\"%s\"", files);
    buf_printf(&b, ",%s", made);
    if (n_shards > 1) buf_printf(&b, ",\"shard\":[%d,%d]", shard, n_shards);
    buf_char(&b, '}');
    return plan_keep_text(p, &b, out, e);
}

static status survey_list(plan *p, const char *list, const char *input, const clip_list **out,
                          err *e)
{
    clip_list *l = ARENA_NEW(p->a, clip_list, 1);
    if (!l) return no_memory(e);
    TRY(stage_survey_data(list, input, p->a, &l->survey, e));
    if (*input) l->files = l->survey.files.text;
    for (int i = 0; i < l->survey.n_waves; i++)
        TRY(put_stage(p, list, *input ? l->survey.wave[i].text : NULL, "\"storage\":\"int16\"", i,
                      l->survey.n_waves, &l->wave[i], e));
    *out = l;
    return OK;
}

/* Lists the clips, unless another record has them already. `list` is the JSON that chooses them. */
static status survey_clips(plan *p, const char *list, data_record *d, err *e)
{
    bool added;
    uint64_t id = hash_u64(list, strlen(list), hash_u64(d->input, strlen(d->input), 5));
    const uint32_t *same = identity_find(&p->clips_of, id);
    if (same) {
        d->clips = p->data[*same].clips;
    } else {
        TRY(survey_list(p, list, d->input, &d->clips, e));
        TRY(identity_put(&p->clips_of, id, (uint32_t)p->n_data, &added, e));
    }
    memcpy(d->n, d->clips->survey.n, sizeof d->n);
    d->io.outputs = d->clips->survey.n_classes;
    return OK;
}

static status check_features(plan *p, const value *slots, buf *canonical, data_record *d, err *e)
{
    buf b = {0};
    const char *text;
    node *tree;
    chain_put_features(p->s, slots, &b);
    TRY(plan_keep_text(p, &b, &text, e));
    TRY(node_read_json(p->a, text, strlen(text), &tree, e));
    return stage_check_features(tree, canonical, &d->io.in, &d->clip_seconds, e);
}

static status put_params(plan *p, const char *list, data_record *d, err *e)
{
    const stage_survey *v = &d->clips->survey;
    const char *made = arena_printf(p->a, "\"features\":%s,\"storage\":\"float16\"", d->features);
    if (!made) return no_memory(e);
    d->n_shards = v->n_shards > 1 ? v->n_shards : 0;
    for (int i = 0; i < d->n_shards; i++)
        TRY(put_stage(p, list, d->clips->files ? v->shard[i].text : NULL, made, i, v->n_shards,
                      &d->shard[i], e));
    return put_stage(p, list, d->clips->files, made, 0, 1, &d->params, e);
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
    status s = check_features(p, slots, &b, d, e);
    if (s == OK) s = plan_keep_text(p, &b, &d->features, e);
    buf_free(&b);
    TRY(s);
    return put_params(p, list, d, e);
}

bool plan_hears(const value *slots)
{
    return slots[SET_SHIFT].number > 0 || slots[SET_NOISE].number > 0 || slots[SET_GAIN].number > 0;
}

bool plan_hears_recordings(const plan *p, const value *slots)
{
    return candidate_matters(p->s, slots, SET_NOISE_FOLDER);
}

status plan_find_noise(plan *p, const value *slots, err *e)
{
    static const char list[] = "{\"task\":\"keywords\",\"source\":\"noise-recordings\"}";
    stage_survey survey;
    if (p->noise || !plan_hears_recordings(p, slots)) return OK;
    p->noise_input = slots[SET_NOISE_FOLDER].text;
    TRY(stage_survey_data(list, p->noise_input, p->a, &survey, e));
    return put_stage(p, list, survey.files.text, "\"storage\":\"int16\"", 0, 1, &p->noise, e);
}

uint64_t plan_waves_identity(const data_record *d)
{
    return hash_u64(d->clips->wave[0], strlen(d->clips->wave[0]), 7);
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
