/* FlatBuffers, as much of the format as .tflite files need: a builder that never repeats itself and
 * a reader that never trusts an offset. Hosts are little-endian, as the format is.
 *
 * A file is a graph of tables and vectors that refer to each other by 32-bit distances, always to
 * higher addresses. A table begins with the distance to its vtable, a list of u16 that says where
 * inside the table each field lies (0: absent, the default holds); tables of one form share a
 * vtable. */
#ifndef PARETUNE_ENGINE_TFLITE_FLATBUFFER_H
#define PARETUNE_ENGINE_TFLITE_FLATBUFFER_H

#include "engine/base/arena.h"
#include "engine/base/buf.h"
#include "engine/base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* --- building: children first, then what refers to them, the root last --- */

typedef uint32_t fb_ref; /* an object's distance from the end of the file; 0 = no object */

typedef struct fb_known fb_known; /* an object that may be referred to again */
enum { FB_MAX_FIELDS = 12 };
typedef struct {
    int size;   /* bytes: 0 absent, 1 or 4 */
    int is_ref; /* `value` is an fb_ref */
    uint32_t value;
} fb_field;

typedef struct {
    arena *a;
    buf back;     /* the file from its last byte to its first */
    size_t align; /* greatest alignment asked for */
    fb_known *known;
    bool failed;
    bool repeats_vtables;          /* each table gets one of its own */
    fb_field field[FB_MAX_FIELDS]; /* of the table under way */
} fb_builder;

/* `a` keeps the list of shared objects and must outlive the builder. */
void fb_init(fb_builder *b, arena *a);
void fb_free(fb_builder *b);

/* A vector of `n` elements of `size` bytes whose first element lies on a multiple of `align`. When
 * `shared`, an equal vector written as shared before is used again. */
fb_ref fb_vector(fb_builder *b, const void *elements, size_t n, size_t size, size_t align,
                 bool shared);
fb_ref fb_refs(fb_builder *b, const fb_ref *refs, size_t n);
fb_ref fb_string(fb_builder *b, const char *text);

/* Zeros, so that what is put next ends on a multiple of `align`. */
void fb_align(fb_builder *b, size_t align);

/* One table at a time: begin, its fields in any order, end. A scalar equal to its default is left
 * out, and so is a reference to nothing. */
void fb_table_begin(fb_builder *b);
void fb_put_byte(fb_builder *b, int id, int value, int def);
void fb_put_int(fb_builder *b, int id, int value, int def);
void fb_put_float(fb_builder *b, int id, float value);
void fb_put_ref(fb_builder *b, int id, fb_ref r);
/* When `shared`, an equal table written as shared before is used again. */
fb_ref fb_table_end(fb_builder *b, bool shared);

/* Appends the finished file to `out`. ERR_MEM when something did not fit. */
status fb_finish(fb_builder *b, fb_ref root, const char identifier[4], buf *out, err *e);

/* --- reading --- */

typedef struct {
    const uint8_t *bytes;
    size_t n;
    bool damaged; /* set by the first access outside of the file; later ones give zeros */
} fb_file;

typedef struct {
    size_t at; /* 0: no such table */
    size_t vtable, vtable_bytes, table_bytes;
} fb_table;

typedef struct {
    size_t at, n; /* first element and count */
} fb_list;

/* ERR_INPUT when the identifier or the root is not there. */
status fb_open(fb_file *f, const void *bytes, size_t n, const char identifier[4], fb_table *root,
               err *e);
bool fb_has(fb_file *f, fb_table t, int id);
int fb_byte(fb_file *f, fb_table t, int id, int def); /* signed */
int32_t fb_int(fb_file *f, fb_table t, int id, int32_t def);
float fb_float(fb_file *f, fb_table t, int id);
/* An absent field gives at = 0, n = 0. */
fb_table fb_child(fb_file *f, fb_table t, int id);
fb_list fb_elements(fb_file *f, fb_table t, int id, size_t element_size);
fb_table fb_item(fb_file *f, fb_list tables, size_t i);
int32_t fb_item_int(fb_file *f, fb_list ints, size_t i);
/* The text in `a`; "" when absent, longer than 255 bytes or holding a NUL. */
const char *fb_text(fb_file *f, fb_table t, int id, arena *a);

#endif
