/* The builder writes from the end of the file to its beginning, so that a reference always points
 * to bytes already written and its distance is known. The bytes are collected in that order in
 * `back` and turned around once, by fb_finish. A position is the count of bytes from an object's
 * first byte to the end of the file; since the file's length becomes a multiple of the greatest
 * alignment, an address is aligned exactly when its position is.
 *
 * File: u32 root, 4 bytes identifier, then objects. Vector: u32 count, elements. Table: i32
 * distance back to the vtable (table address - vtable address), fields. VTable: u16 own bytes, u16
 * bytes of the table, u16 offset of each field or 0. */
#include "engine/tflite/flatbuffer.h"

#include <assert.h>
#include <string.h>

typedef enum { KNOWN_VTABLE, KNOWN_VECTOR, KNOWN_TABLE } known_kind;
struct fb_known {
    fb_known *next;
    known_kind kind;
    fb_ref ref;
    size_t n, size; /* elements and bytes of each */
    void *content;  /* vtable and vector: the elements; table: its fields */
};

void fb_init(fb_builder *b, arena *a)
{
    *b = (fb_builder){.a = a, .align = 4};
}

void fb_free(fb_builder *b)
{
    buf_free(&b->back);
}

static void push(fb_builder *b, const void *bytes, size_t n)
{
    const char *p = bytes;
    char turned[256];
    while (n > 0) {
        size_t k = n < sizeof turned ? n : sizeof turned;
        for (size_t i = 0; i < k; i++) turned[i] = p[n - 1 - i];
        buf_put(&b->back, turned, k);
        n -= k;
    }
}

static void push_u32(fb_builder *b, uint32_t v)
{
    push(b, &v, 4);
}

/* Zeros such that after `n` more bytes the position is a multiple of `align`. */
static void pad(fb_builder *b, size_t n, size_t align)
{
    if (align > b->align) b->align = align;
    buf_zeros(&b->back, (align - (b->back.len + n) % align) % align);
}

static fb_ref position(const fb_builder *b)
{
    return (fb_ref)b->back.len;
}

static fb_ref recall(const fb_builder *b, known_kind kind, const void *content, size_t n,
                     size_t size)
{
    for (const fb_known *k = b->known; k; k = k->next)
        if (k->kind == kind && k->n == n && k->size == size &&
            memcmp(k->content, content, n * size) == 0)
            return k->ref;
    return 0;
}

/* The object just finished may be referred to again. */
static void remember(fb_builder *b, known_kind kind, const void *content, size_t n, size_t size)
{
    fb_known *k = ARENA_NEW(b->a, fb_known, 1);
    void *copy = k ? arena_copy(b->a, content, n * size) : NULL;
    if (!copy) {
        b->failed = true;
        return;
    }
    *k = (fb_known){b->known, kind, position(b), n, size, copy};
    b->known = k;
}

fb_ref fb_vector(fb_builder *b, const void *elements, size_t n, size_t size, size_t align,
                 bool shared)
{
    if (align < 4) align = 4;
    fb_ref known = shared ? recall(b, KNOWN_VECTOR, elements, n, size) : 0;
    if (known && (known - 4) % align == 0) return known;
    pad(b, n * size, align);
    push(b, elements, n * size);
    push_u32(b, (uint32_t)n);
    if (shared) remember(b, KNOWN_VECTOR, elements, n, size);
    return position(b);
}

fb_ref fb_refs(fb_builder *b, const fb_ref *refs, size_t n)
{
    pad(b, 4 * n, 4);
    for (size_t i = n; i-- > 0;) push_u32(b, position(b) + 4 - refs[i]);
    push_u32(b, (uint32_t)n);
    return position(b);
}

fb_ref fb_string(fb_builder *b, const char *text)
{
    size_t n = strlen(text);
    pad(b, n + 1, 4);
    push(b, text, n + 1);
    push_u32(b, (uint32_t)n);
    return position(b);
}

void fb_align(fb_builder *b, size_t align)
{
    pad(b, 0, align);
}

void fb_table_begin(fb_builder *b)
{
    memset(b->field, 0, sizeof b->field);
}

static void put(fb_builder *b, int id, int size, int is_ref, uint32_t value)
{
    assert(id >= 0 && id < FB_MAX_FIELDS);
    b->field[id] = (fb_field){size, is_ref, value};
}

void fb_put_byte(fb_builder *b, int id, int value, int def)
{
    if (value != def) put(b, id, 1, 0, (uint8_t)value);
}

void fb_put_int(fb_builder *b, int id, int value, int def)
{
    if (value != def) put(b, id, 4, 0, (uint32_t)value);
}

void fb_put_float(fb_builder *b, int id, float value)
{
    uint32_t bits;
    memcpy(&bits, &value, 4);
    if (bits) put(b, id, 4, 0, bits);
}

void fb_put_ref(fb_builder *b, int id, fb_ref r)
{
    if (r) put(b, id, 4, 1, r);
}

/* Words first, in the order of their ids, then bytes: no padding inside. Returns the u16 count. */
static size_t lay_out(const fb_field *field, uint16_t *vtable)
{
    int n = 0;
    uint16_t at = 4;
    for (int id = 0; id < FB_MAX_FIELDS; id++)
        if (field[id].size) n = id + 1;
    memset(vtable, 0, sizeof *vtable * (2 + FB_MAX_FIELDS));
    for (int size = 4; size >= 1; size -= 3)
        for (int id = 0; id < n; id++)
            if (field[id].size == size) {
                vtable[2 + id] = at;
                at = (uint16_t)(at + size);
            }
    vtable[0] = (uint16_t)(2 * (n + 2));
    vtable[1] = at;
    return (size_t)n + 2;
}

static fb_ref put_vtable(fb_builder *b, const uint16_t *vtable, size_t n)
{
    fb_ref ref = b->repeats_vtables ? 0 : recall(b, KNOWN_VTABLE, vtable, n, sizeof *vtable);
    if (ref) return ref;
    pad(b, 2 * n, 2);
    push(b, vtable, 2 * n);
    remember(b, KNOWN_VTABLE, vtable, n, sizeof *vtable);
    return position(b);
}

fb_ref fb_table_end(fb_builder *b, bool shared)
{
    fb_ref known = shared ? recall(b, KNOWN_TABLE, b->field, 1, sizeof b->field) : 0;
    if (known) return known;
    uint16_t vtable[2 + FB_MAX_FIELDS];
    size_t n = lay_out(b->field, vtable);
    fb_ref vtable_ref = put_vtable(b, vtable, n);
    pad(b, vtable[1], 4);
    for (int size = 1; size <= 4; size += 3)
        for (int id = FB_MAX_FIELDS; id-- > 0;) {
            const fb_field *f = &b->field[id];
            if (f->size != size) continue;
            uint32_t v = f->is_ref ? position(b) + 4 - f->value : f->value;
            push(b, &v, (size_t)size);
        }
    push_u32(b, vtable_ref - (position(b) + 4));
    if (shared) remember(b, KNOWN_TABLE, b->field, 1, sizeof b->field);
    return position(b);
}

status fb_finish(fb_builder *b, fb_ref root, const char identifier[4], buf *out, err *e)
{
    pad(b, 8, b->align);
    push(b, identifier, 4);
    push_u32(b, position(b) + 4 - root);
    TRY(buf_check(&b->back, e));
    if (b->failed) return FAIL(e, ERR_MEM, "out of memory while writing a model");
    if (b->back.len > INT32_MAX) return FAIL(e, ERR_INPUT, "a model over 2 GiB cannot be written");
    char turned[256];
    for (size_t left = b->back.len; left > 0;) {
        size_t k = left < sizeof turned ? left : sizeof turned;
        for (size_t i = 0; i < k; i++) turned[i] = b->back.data[left - 1 - i];
        buf_put(out, turned, k);
        left -= k;
    }
    return buf_check(out, e);
}

/* Reading. Every address is checked before it is used; `damaged` is the one sign of trouble. */

static bool inside(fb_file *f, size_t at, size_t n)
{
    if (at <= f->n && n <= f->n - at) return true;
    f->damaged = true;
    return false;
}

static uint32_t load(fb_file *f, size_t at, size_t n)
{
    uint32_t v = 0;
    if (inside(f, at, n)) memcpy(&v, f->bytes + at, n);
    return v;
}

static fb_table table_at(fb_file *f, size_t at)
{
    fb_table none = {0}, t = {.at = at};
    int64_t vtable = (int64_t)at - (int32_t)load(f, at, 4);
    if (f->damaged || vtable < 0) {
        f->damaged = true;
        return none;
    }
    t.vtable = (size_t)vtable;
    t.vtable_bytes = load(f, t.vtable, 2);
    t.table_bytes = load(f, t.vtable + 2, 2);
    if (t.vtable_bytes < 4 || t.table_bytes < 4) f->damaged = true;
    if (!inside(f, t.vtable, t.vtable_bytes) || !inside(f, at, t.table_bytes) || f->damaged)
        return none;
    return t;
}

status fb_open(fb_file *f, const void *bytes, size_t n, const char identifier[4], fb_table *root,
               err *e)
{
    *f = (fb_file){.bytes = bytes, .n = n};
    if (n < 8 || memcmp(f->bytes + 4, identifier, 4) != 0)
        return FAIL(e, ERR_INPUT, "not a .tflite file: the mark \"%.4s\" is not at byte 4",
                    identifier);
    *root = table_at(f, load(f, 0, 4));
    if (f->damaged) return FAIL(e, ERR_INPUT, "damaged file: the root table lies outside of it");
    return OK;
}

/* Address of a field of `size` bytes, 0 when absent. */
static size_t field_at(fb_file *f, fb_table t, int id, size_t size)
{
    size_t slot = 4 + 2 * (size_t)id;
    if (t.at == 0 || slot + 2 > t.vtable_bytes) return 0;
    size_t offset = load(f, t.vtable + slot, 2);
    if (offset == 0) return 0;
    if (offset < 4 || offset + size > t.table_bytes) {
        f->damaged = true;
        return 0;
    }
    return t.at + offset;
}

bool fb_has(fb_file *f, fb_table t, int id)
{
    return field_at(f, t, id, 1) != 0;
}

int fb_byte(fb_file *f, fb_table t, int id, int def)
{
    size_t at = field_at(f, t, id, 1);
    return at ? (int8_t)load(f, at, 1) : def;
}

int32_t fb_int(fb_file *f, fb_table t, int id, int32_t def)
{
    size_t at = field_at(f, t, id, 4);
    return at ? (int32_t)load(f, at, 4) : def;
}

float fb_float(fb_file *f, fb_table t, int id)
{
    size_t at = field_at(f, t, id, 4);
    uint32_t bits = at ? load(f, at, 4) : 0;
    float v;
    memcpy(&v, &bits, 4);
    return v;
}

/* Where a reference leads; 0 for none. */
static size_t follow(fb_file *f, size_t at)
{
    if (at == 0) return 0;
    uint32_t distance = load(f, at, 4);
    if (distance == 0 || !inside(f, at, (size_t)distance + 4)) f->damaged = true;
    return f->damaged ? 0 : at + distance;
}

fb_table fb_child(fb_file *f, fb_table t, int id)
{
    size_t at = follow(f, field_at(f, t, id, 4));
    return at ? table_at(f, at) : (fb_table){0};
}

fb_list fb_elements(fb_file *f, fb_table t, int id, size_t element_size)
{
    size_t at = follow(f, field_at(f, t, id, 4));
    if (!at) return (fb_list){0};
    size_t n = load(f, at, 4);
    if (n > f->n / element_size || !inside(f, at + 4, n * element_size)) {
        f->damaged = true;
        return (fb_list){0};
    }
    return (fb_list){at + 4, n};
}

fb_table fb_item(fb_file *f, fb_list tables, size_t i)
{
    assert(i < tables.n);
    size_t at = follow(f, tables.at + 4 * i);
    return at ? table_at(f, at) : (fb_table){0};
}

int32_t fb_item_int(fb_file *f, fb_list ints, size_t i)
{
    assert(i < ints.n);
    return (int32_t)load(f, ints.at + 4 * i, 4);
}

const char *fb_text(fb_file *f, fb_table t, int id, arena *a)
{
    fb_list text = fb_elements(f, t, id, 1);
    if (text.n == 0 || text.n > 255 || memchr(f->bytes + text.at, 0, text.n)) return "";
    const char *copy = arena_copy(a, (const char *)f->bytes + text.at, text.n);
    return copy ? copy : "";
}
