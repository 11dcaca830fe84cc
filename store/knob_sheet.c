#include "store/knob_sheet.h"

#include <string.h>

static int number_of_word(knob_sheet *s, const char *text)
{
    for (int i = 0; i < s->n_words; i++)
        if (strcmp(s->word[i], text) == 0) return i;
    if (s->n_words == s->cap_words) {
        int cap = 2 * s->cap_words + 16;
        const char **more = ARENA_NEW(s->a, const char *, cap);
        if (!more) return -1;
        if (s->n_words) memcpy(more, s->word, (size_t)s->n_words * sizeof *more);
        s->word = more;
        s->cap_words = cap;
    }
    s->word[s->n_words] = arena_string(s->a, text);
    return s->word[s->n_words] ? s->n_words++ : -1;
}

static int knob_index(const store_space *space, const char *name)
{
    for (int k = 0; k < space->n_knobs; k++)
        if (strcmp(space->knob[k], name) == 0) return k;
    return -1;
}

/* One pass over the whole table beats a look-up for every trial. */
static status read_values(store *s, knob_sheet *h, err *e)
{
    const int64_t *all = h->trial;
    int row = 0;
    query q = db_query(&s->d,
                       "SELECT trial_id, knob, value, typeof(value) = 'text' FROM trial_knobs"
                       " WHERE value IS NOT NULL ORDER BY trial_id, knob",
                       e);
    while (query_row(&q)) {
        int64_t trial = query_column_int(&q, 0);
        while (row < h->n && all[row] < trial) row++;
        if (row == h->n) break;
        int k = all[row] == trial ? knob_index(h->space, query_column_text(&q, 1)) : -1;
        if (k < 0) continue;
        setting *at = &h->at[row * h->space->n_knobs + k];
        *at = (setting){.kind = query_column_int(&q, 3) ? WORD : NUMBER};
        if (at->kind == NUMBER)
            at->number = query_column_real(&q, 2);
        else if ((at->word = number_of_word(h, query_column_text(&q, 2))) < 0)
            q.s = FAIL(e, ERR_MEM, "no memory for knobs");
    }
    return query_end(&q);
}

bool knob_sheet_same(const setting *a, const setting *b)
{
    return a->kind == b->kind && (a->kind == NUMBER ? a->number == b->number : a->word == b->word);
}

const char *knob_sheet_text(const knob_sheet *h, const setting *v)
{
    return v->kind == WORD && h->word ? h->word[v->word] : arena_printf(h->a, "%g", v->number);
}

status knob_sheet_read(store *s, const store_space *space, const int64_t *all, int n, arena *a,
                       knob_sheet *out, err *e)
{
    *out = (knob_sheet){.a = a,
                        .space = space,
                        .n = n,
                        .trial = all,
                        .at = ARENA_NEW(a, setting, (size_t)n * (size_t)space->n_knobs + 1)};
    if (!out->at) return FAIL(e, ERR_MEM, "no memory for knobs");
    return read_values(s, out, e);
}
