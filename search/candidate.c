#include "search/candidate.h"

#include <stdio.h>
#include <string.h>

digits candidate_digits(const space *s, int64_t candidate)
{
    digits d = {{0}};
    for (int i = s->n_axes - 1; i >= 0; i--) {
        d.at[i] = (int)(candidate % s->axis[i].n);
        candidate /= s->axis[i].n;
    }
    return d;
}

void candidate_next(const space *s, digits *d)
{
    for (int i = s->n_axes - 1; i >= 0; i--) {
        if (++d->at[i] < s->axis[i].n) return;
        d->at[i] = 0;
    }
}

status candidate_test(const space *s, const expr *x, const node *place, const value *slots,
                      bool *holds, err *e)
{
    err own = {0};
    value v;
    int at = 0, line = 0, column = 0;
    if (expr_eval(x, slots, &v, &at, &own) == OK) {
        *holds = v.number != 0;
        return OK;
    }
    if (!place) return FAIL(e, ERR_INPUT, "%s", own.msg);
    document_place(&s->source, place, at, &line, &column);
    return FAIL(e, ERR_INPUT, "%s:%d:%d: %s", place->file, line, column, own.msg);
}

/* The knob's index in the candidate's architecture; -1 when it does not have it. */
static int own_knob(const space *s, const value *slots, int slot)
{
    return s->own_knob[(int)slots[SET_ARCHITECTURE].number][slot - SLOT_KNOBS];
}

static bool is_knob(const space *s, int slot)
{
    return slot >= SLOT_KNOBS && slot < SLOT_KNOBS + s->n_knobs;
}

static status slot_matters(const space *s, const value *slots, int slot, bool *matters, err *e)
{
    *matters = true;
    if (is_knob(s, slot)) *matters = own_knob(s, slots, slot) >= 0;
    if (slot < N_SETTINGS && !schema_has(schema_row((setting)slot), s->task)) {
        *matters = false;
        return OK;
    }
    const expr *x = s->slot[slot].matters;
    return x ? candidate_test(s, x, NULL, slots, matters, e) : OK;
}

bool candidate_matters(const space *s, const value *slots, int slot)
{
    bool matters = false;
    return slot_matters(s, slots, slot, &matters, NULL) == OK && matters;
}

/* The setting that says how long the training is that pruning happens in. */
static setting phase_length(const value *slots)
{
    return strcmp(slots[SET_PRUNE_DURING].text, "fine-tune") == 0 ? SET_TUNE_EPOCHS : SET_EPOCHS;
}

bool candidate_prunes(const value *slots)
{
    return slots[SET_FINAL_SPARSITY].number > 0 ||
           strcmp(slots[SET_PRUNE_PATTERN].text, "unstructured") != 0;
}

/* "20 %" of a training becomes epochs. */
static void settle_period(value *v, const value *slots)
{
    if (v->kind == VALUE_TEXT && strchr(v->text, '%'))
        *v = value_number(v->number * slots[phase_length(slots)].number / 100);
}

status candidate_settle(const space *s, const digits *d, int slot, value *slots, err *e)
{
    const slot_info *info = &s->slot[slot];
    bool matters, now = true;
    TRY(slot_matters(s, slots, slot, &matters, e));
    if (!matters) {
        slots[slot] = info->def;
    } else {
        slots[slot] = info->axis >= 0 ? s->axis[info->axis].values[d->at[info->axis]] : info->fixed;
        if (info->when) TRY(candidate_test(s, info->when, info->when_node, slots, &now, e));
        if (!now) slots[slot] = info->otherwise;
        if (is_knob(s, slot) && (!info->written || (!now && !info->otherwise_node))) {
            const architecture *x = s->architecture[(int)slots[SET_ARCHITECTURE].number];
            slots[slot] = architecture_knob(x, own_knob(s, slots, slot))->def;
        }
    }
    if (slot == SET_PRUNE_BEGIN || slot == SET_PRUNE_END) settle_period(&slots[slot], slots);
    return OK;
}

status candidate_fill(const space *s, const digits *d, value *slots, err *e)
{
    for (int i = 0; i < s->n_axes; i++) slots[s->axis[i].slot] = s->axis[i].values[d->at[i]];
    for (int i = 0; i < s->n_dynamic; i++) TRY(candidate_settle(s, d, s->dynamic[i], slots, e));
    return OK;
}

/* --- canonical configuration --- */

/* Opens the section of `path` ("train" of "train.batch") when another one is open now. */
static void open_section(buf *b, const char *path, char *open, size_t n, bool *first)
{
    size_t length = strchr(path, '.') ? (size_t)(strchr(path, '.') - path) : 0;
    if (strlen(open) != length || strncmp(open, path, length) != 0) {
        if (*open) buf_char(b, '}');
        if (b->len > 1) buf_char(b, ',');
        snprintf(open, n, "%.*s", (int)length, path);
        if (*open) {
            buf_json_string(b, open);
            buf_text(b, ":{");
        }
        *first = true;
    }
    if (!*first) buf_char(b, ',');
    *first = false;
}

static void put_knobs(const space *s, const value *slots, buf *b)
{
    const architecture *x = s->architecture[(int)slots[SET_ARCHITECTURE].number];
    for (int i = 0; i < architecture_n_knobs(x); i++) {
        for (int k = 0; k < s->n_knobs; k++) {
            if (s->own_knob[(int)slots[SET_ARCHITECTURE].number][k] != i) continue;
            buf_char(b, ',');
            buf_json_string(b, s->slot[SLOT_KNOBS + k].name);
            buf_char(b, ':');
            value_put_json(b, &slots[SLOT_KNOBS + k]);
        }
    }
}

status candidate_put_config(const space *s, const value *slots, const char *net, const char *files,
                            buf *b, err *e)
{
    char open[20] = "";
    bool first = true;
    buf_char(b, '{');
    for (int i = 0; i < N_SETTINGS; i++) {
        const setting_row *row = schema_row((setting)i);
        bool matters;
        if (!row->axis && i != SET_TASK) continue;
        TRY(slot_matters(s, slots, i, &matters, e));
        if (!matters || (row->quiet && value_equal(&slots[i], &s->slot[i].def))) continue;
        open_section(b, row->path, open, sizeof open, &first);
        buf_json_string(b, row->type == TYPE_FILE ? "file_hash"
                                                  : row->path + (*open ? strlen(open) + 1 : 0));
        buf_char(b, ':');
        if (row->type == TYPE_FILE)
            buf_json_string(b, s->file[(int)slots[i].number].content.text);
        else
            value_put_json(b, &slots[i]);
        if (i == SET_DATA_SOURCE && files) buf_printf(b, ",\"files_hash\":\"%s\"", files);
        if (i != SET_ARCHITECTURE) continue;
        put_knobs(s, slots, b);
        buf_printf(b, ",\"net\":\"%s\"", hash_bytes(net, strlen(net)).text);
    }
    buf_text(b, *open ? "}}" : "}");
    return buf_check(b, e);
}

const char *candidate_show(const space *s, const value *slots, arena *a)
{
    buf b = {0};
    char text[80];
    for (int i = 0; i < s->n_axes; i++)
        buf_printf(&b, "%s%s=%s", i ? ", " : "", s->axis[i].name,
                   value_show(&slots[s->axis[i].slot], text, sizeof text));
    const char *shown = arena_string(a, b.len ? b.data : "the only candidate");
    buf_free(&b);
    return shown ? shown : "";
}
