#include "store/provenance.h"

#include <stdio.h>

#include "store/handle.h"

static status read_head(store *s, int64_t trial, arena *a, store_provenance *out, err *e)
{
    query q =
        db_query(&s->d,
                 "SELECT t.seed, t.state, b.candidate, p.path, p.text, p.text_hash,"
                 " (SELECT count(*) FROM trial_stages WHERE trial_id = t.id)"
                 " FROM trials t JOIN space_trials b ON b.trial_id = t.id"
                 " JOIN spaces p ON p.id = b.space_id WHERE t.id = :trial"
                 " ORDER BY (SELECT max(id) FROM runs r WHERE r.space_id = p.id) DESC LIMIT 1",
                 e);
    query_int(&q, ":trial", trial);
    bool found = query_row(&q);
    if (found) {
        *out = (store_provenance){.trial = trial,
                                  .seed = (uint64_t)query_column_int(&q, 0),
                                  .state = arena_string(a, query_column_text(&q, 1)),
                                  .candidate = query_column_int(&q, 2),
                                  .space_path = arena_string(a, query_column_text(&q, 3)),
                                  .space_text = arena_string(a, query_column_text(&q, 4)),
                                  .n = (int)query_column_int(&q, 6)};
        snprintf(out->space_hash.text, sizeof out->space_hash.text, "%s", query_column_text(&q, 5));
    }
    TRY(query_end(&q));
    if (!found)
        return FAIL(e, ERR_INPUT, "%s: there is no trial %lld", s->d.path, (long long)trial);
    return out->state && out->space_path && out->space_text ? OK
                                                            : FAIL(e, ERR_MEM, "out of memory");
}

status store_read_provenance(struct store *s, int64_t trial, arena *a, store_provenance *out,
                             err *e)
{
    int n = 0;
    bool whole = true;
    TRY(read_head(s, trial, a, out, e));
    store_origin *list = ARENA_NEW(a, store_origin, out->n + 1);
    if (!list) return FAIL(e, ERR_MEM, "out of memory");
    query q = db_query(&s->d,
                       "SELECT g.key, g.kind, g.params, g.state, g.version, r.version, r.compiler,"
                       " r.cpu, r.kernels, r.system FROM trial_stages c"
                       " JOIN stages g ON g.id = c.stage_id LEFT JOIN runs r ON r.id = g.run_id"
                       " WHERE c.trial_id = :trial ORDER BY c.position",
                       e);
    query_int(&q, ":trial", trial);
    for (; n < out->n && query_row(&q); n++) {
        store_origin *o = &list[n];
        const char **const text[] = {&o->kind,     &o->params, &o->state,   NULL,      &o->program,
                                     &o->compiler, &o->cpu,    &o->kernels, &o->system};
        snprintf(o->key.text, sizeof o->key.text, "%s", query_column_text(&q, 0));
        o->version = (int)query_column_int(&q, 4);
        for (int i = 0; i < 9; i++)
            if (text[i])
                whole &= (*text[i] = arena_string(a, query_column_text(&q, i + 1))) != NULL;
    }
    out->n = n;
    out->stage = list;
    TRY(query_end(&q));
    return whole ? OK : FAIL(e, ERR_MEM, "out of memory");
}
