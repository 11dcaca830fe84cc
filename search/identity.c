#include "search/identity.h"

static status allocate(identity_table *t, size_t cap, err *e)
{
    t->key = ARENA_NEW(t->a, uint64_t, cap);
    t->number = ARENA_NEW(t->a, uint32_t, cap);
    t->cap = cap;
    return t->key && t->number ? OK : FAIL(e, ERR_MEM, "out of memory for %zu identities", cap);
}

status identity_init(identity_table *t, arena *a, size_t expected, err *e)
{
    size_t cap = 64;
    while (cap / 2 < expected) cap *= 2;
    *t = (identity_table){.a = a};
    return allocate(t, cap, e);
}

/* Where `id` lies or would lie. */
static size_t place(const identity_table *t, uint64_t id)
{
    size_t i = (size_t)(id ^ (id >> 32)) & (t->cap - 1);
    while (t->key[i] && t->key[i] != id) i = (i + 1) & (t->cap - 1);
    return i;
}

const uint32_t *identity_find(const identity_table *t, uint64_t id)
{
    size_t i = place(t, id ? id : 1);
    return t->key[i] ? &t->number[i] : NULL;
}

static status grow(identity_table *t, err *e)
{
    identity_table old = *t;
    TRY(allocate(t, old.cap * 2, e));
    for (size_t i = 0; i < old.cap; i++) {
        if (!old.key[i]) continue;
        size_t k = place(t, old.key[i]);
        t->key[k] = old.key[i];
        t->number[k] = old.number[i];
    }
    return OK;
}

status identity_put(identity_table *t, uint64_t id, uint32_t number, bool *added, err *e)
{
    if (!id) id = 1;
    if (t->n * 2 >= t->cap) TRY(grow(t, e));
    size_t i = place(t, id);
    *added = t->key[i] == 0;
    if (!*added) return OK;
    t->key[i] = id;
    t->number[i] = number;
    t->n++;
    return OK;
}
