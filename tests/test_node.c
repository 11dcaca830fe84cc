/* The YAML and JSON reader: what it takes for what, what it refuses, and that nothing hostile costs
 * more than a moment. */
#include "engine/base/node.h"
#include "tests/support/expect.h"

#include <criterion/new/assert.h>

#include <stdlib.h>

static arena a;

static void setup(void)
{
    arena_init(&a, 512 << 20);
}

static void teardown(void)
{
    arena_free(&a);
}

TestSuite(node, .init = setup, .fini = teardown, .timeout = 60);

static node *read_text(const char *text)
{
    diag d;
    err e = {0};
    diag_init(&d, &a);
    node *n = node_read_yaml(&a, "t", text, strlen(text), &d);
    diag_status(&d, &e);
    cr_assert(n != NULL, "%s: %s", text, e.msg);
    cr_expect(d.total == 0);
    return n;
}

/* All messages, a line each. */
static void expect_bytes_refused(const char *text, size_t n, const char *want)
{
    diag d;
    err e = {0};
    diag_init(&d, &a);
    char *exact = malloc(n ? n : 1);
    memcpy(exact, text, n);
    cr_expect(node_read_yaml(&a, "t", exact, n, &d) == NULL, "%s", want);
    diag_sort(&d);
    diag_list(&d, &e);
    EXPECT_TEXT(e.msg, want);
    free(exact);
}

static void expect_refused(const char *text, const char *want)
{
    expect_bytes_refused(text, strlen(text), want);
}

static void expect_json(const char *text, const char *want)
{
    buf b = {0};
    node_put_json(&b, read_text(text));
    EXPECT_TEXT(b.data, want);
    buf_free(&b);
}

Test(node, scalars_are_what_they_look_like)
{
    expect_json("[1, -2, +3, 0.5, .5, 5., 1e3, 1E-3, -0]", "[1,-2,3,0.5,0.5,5,1000,0.001,0]");
    expect_json("[true, false, null, ~, ]", "[true,false,null,null]");
    expect_json("a:", "{\"a\":null}");
    expect_json("[yes, no, on, off, True, NULL, stop]",
                "[\"yes\",\"no\",\"on\",\"off\",\"True\",\"NULL\",\"stop\"]");
    expect_json("['1', \"true\", 'null', \"~\", '']", "[\"1\",\"true\",\"null\",\"~\",\"\"]");
    expect_json("[0x10, 1:30, 1_000, 1e, e5, +, ., 1.2.3, 12 kB, -, 1e+]",
                "[\"0x10\",\"1:30\",\"1_000\",\"1e\",\"e5\",\"+\",\".\",\"1.2.3\",\"12 kB\",\"-\","
                "\"1e+\"]");
}

Test(node, places_are_kept)
{
    node *n = read_text("a: 1\nb:\n  - x\n  - {c: \"°C\"}\n");
    node *b = node_get(n, "b"), *c = node_get(b->item[1], "c");
    EXPECT_TEXT(b->file, "t");
    cr_expect(eq(int, b->item[0]->line, 3));
    cr_expect(eq(int, b->item[0]->column, 5));
    cr_expect(eq(int, c->line, 4));
    cr_expect(eq(int, c->column, 9));
    cr_expect(c->quoted && c->kind == NODE_STRING);
    EXPECT_TEXT(c->text, "°C");
    cr_expect(node_get(n, "z") == NULL);
    cr_expect(node_get(b, "z") == NULL);
    cr_expect(node_get(NULL, "z") == NULL);
}

Test(node, numbers_that_are_none_are_refused)
{
    expect_refused("1e999", "t:1:1: number out of range; the largest is about 1.8e308");
    expect_refused("a: -1e999", "t:1:4: number out of range; the largest is about 1.8e308");
    expect_refused("[010, -007]",
                   "t:1:2: a number must not begin with 0; drop the zero, or quote the text\n"
                   "t:1:7: a number must not begin with 0; drop the zero, or quote the text");
    expect_refused("[.inf, -.INF, +.inf, .nan, .NaN]",
                   "t:1:2: not a finite number; write a finite one, or quote the text\n"
                   "t:1:8: not a finite number; write a finite one, or quote the text\n"
                   "t:1:15: not a finite number; write a finite one, or quote the text\n"
                   "t:1:22: not a finite number; write a finite one, or quote the text\n"
                   "t:1:28: not a finite number; write a finite one, or quote the text");
    expect_json("['.inf', '010', 1e-999]", "[\".inf\",\"010\",0]");
}

Test(node, aliases_stand_for_their_anchors)
{
    expect_json("a: &x [1, &y 2]\nb: *x\nc: *y\n", "{\"a\":[1,2],\"b\":[1,2],\"c\":2}");
    expect_json("a: &x 1\nb: &x 2\nc: *x\n", "{\"a\":1,\"b\":2,\"c\":2}");
    expect_json("&k key: 1\nother: *k\n", "{\"key\":1,\"other\":\"key\"}");
    expect_refused("a: *x\n", "t:1:4: alias of an anchor that is not defined above");
    expect_refused("a: &x [1, *x]\n", "t:1:11: an alias inside its own anchor would never end");
    expect_refused("&x {a: {b: *x}}", "t:1:12: an alias inside its own anchor would never end");
}

Test(node, merged_maps_fill_what_is_not_written)
{
    expect_json("base: &b {x: 1, y: 2}\nuse:\n  y: 3\n  <<: *b\n  z: 4\n",
                "{\"base\":{\"x\":1,\"y\":2},\"use\":{\"y\":3,\"z\":4,\"x\":1}}");
    expect_json("{<<: {a: 1}, \"<<\": 2}", "{\"<<\":2,\"a\":1}");
    expect_refused("a: &b 5\nuse: {<<: *b}\n", "t:2:7: << merges a map; this is not one");
}

Test(node, maps_must_have_single_words_once_as_keys)
{
    expect_refused("a: 1\nb: 2\na: 3\n", "t:3:1: key 'a' stands twice in this map; keep one");
    expect_refused("[a]: 1\n", "t:1:1: a key must be a single word");
    expect_refused("? {a: 1}\n: 2\n", "t:1:3: a key must be a single word");
    buf b = {0};
    for (int i = 0; i < 100; i++) buf_printf(&b, "k%d: %d\n", i, i);
    node *n = read_text(b.data);
    for (int i = 0; i < 100; i++)
        cr_expect(eq(dbl, node_get(n, arena_printf(&a, "k%d", i))->number, i));
    buf_text(&b, "k57: again\n");
    expect_refused(b.data, "t:101:1: key 'k57' stands twice in this map; keep one");
    buf_free(&b);
}

Test(node, all_mistakes_are_told_at_once)
{
    expect_refused("a: 010\nb: !!str 1\na: 2\nc: .nan\n",
                   "t:1:4: a number must not begin with 0; drop the zero, or quote the text\n"
                   "t:2:4: tags are not used here; drop it\n"
                   "t:3:1: key 'a' stands twice in this map; keep one\n"
                   "t:4:4: not a finite number; write a finite one, or quote the text");
}

Test(node, tags_documents_and_empty_files_are_refused)
{
    expect_refused("!!map {a: 1}", "t:1:1: tags are not used here; drop it");
    expect_refused("a: !custom [1]", "t:1:4: tags are not used here; drop it");
    expect_refused("a: ! 1", "t:1:4: tags are not used here; drop it");
    expect_refused("a: 1\n---\nb: 2\n", "t:2:1: a second document; keep one document in a file");
    expect_refused("", "t:1:1: the file is empty");
    expect_refused("# only a remark\n", "t:1:1: the file is empty");
    expect_json("---\na: 1\n...\n", "{\"a\":1}");
}

Test(node, texts_that_are_no_yaml_are_refused_with_their_place)
{
    expect_refused("a: [1, 2\n", "t:2:1: not valid YAML: did not find expected ',' or ']'");
    expect_refused("a: 1\n b: 2\n", "t:2:3: not valid YAML: mapping values are not allowed in this "
                                    "context");
    expect_refused("a: 1\nb: \xff\n", "t:2:4: not valid YAML: invalid leading UTF-8 octet");
    expect_refused("a: \"\xed\xa0\x80\"\n", "t:1:5: not valid YAML: invalid Unicode character");
    expect_bytes_refused("a: 1\nb: \0\n", 10,
                         "t:2:4: not valid YAML: control characters are not allowed");
    expect_refused("a: \"x\\0y\"\n", "t:1:4: a NUL character inside a text; remove it");
}

Test(node, depth_is_limited_also_through_aliases)
{
    buf b = {0};
    for (int i = 0; i < NODE_MAX_DEPTH; i++) buf_char(&b, '[');
    buf_text(&b, "1");
    for (int i = 0; i < NODE_MAX_DEPTH; i++) buf_char(&b, ']');
    read_text(b.data);
    char *deeper = arena_printf(&a, "[%s]", b.data);
    expect_refused(deeper, "t:1:33: nested too deep; the limit is 32 levels");
    expect_refused("a: &a [[[[[[[[[[1]]]]]]]]]]\nb: &b [[[[[[[[[[*a]]]]]]]]]]\n"
                   "c: [[[[[[[[[[[[*b]]]]]]]]]]]]\n",
                   "t:3:16: nested too deep; the limit is 32 levels");
    read_text("a: &a [[[[[[[[[[1]]]]]]]]]]\nb: &b [[[[[[[[[[*a]]]]]]]]]]\n"
              "c: [[[[[[[[[[[*b]]]]]]]]]]]\n");
    buf_clear(&b);
    for (int i = 0; i < 1000000; i++) buf_char(&b, '[');
    expect_refused(b.data, "t:1:33: nested too deep; the limit is 32 levels");
    buf_free(&b);
}

Test(node, a_billion_laughs_end_at_once)
{
    expect_refused("a: &a [lol, lol, lol, lol, lol, lol, lol, lol, lol, lol]\n"
                   "b: &b [*a, *a, *a, *a, *a, *a, *a, *a, *a, *a]\n"
                   "c: &c [*b, *b, *b, *b, *b, *b, *b, *b, *b, *b]\n"
                   "d: &d [*c, *c, *c, *c, *c, *c, *c, *c, *c, *c]\n"
                   "e: &e [*d, *d, *d, *d, *d, *d, *d, *d, *d, *d]\n"
                   "f: &f [*e, *e, *e, *e, *e, *e, *e, *e, *e, *e]\n"
                   "g: &g [*f, *f, *f, *f, *f, *f, *f, *f, *f, *f]\n",
                   "t:6:8: too many values once aliases are expanded; the limit is 200000");
}

Test(node, large_texts_take_time_in_proportion)
{
    buf b = {0};
    for (int i = 0; i < 90000; i++) buf_printf(&b, "key%d: 1\n", i);
    cr_expect(eq(int, read_text(b.data)->n, 90000));
    buf_clear(&b);
    for (int i = 0; i < 1001; i++) buf_printf(&b, "- &a%d 1\n", i);
    expect_refused(b.data, "t:1001:3: too many anchors; the limit is 1000");
    buf_clear(&b);
    for (int i = 0; i < 200000; i++) buf_text(&b, "- 1\n");
    expect_refused(b.data,
                   "t:200000:3: too many values once aliases are expanded; the limit is 200000");
    buf_clear(&b);
    buf_zeros(&b, NODE_MAX_BYTES + 1);
    expect_bytes_refused(b.data, b.len, "t:1:1: the text has 4194305 bytes; the limit is 4194304");
    buf_free(&b);
}

Test(node, json_is_read_and_written_back_unchanged)
{
    static const char *const texts[] = {
        "{}",
        "[]",
        "null",
        "{\"a\":[1,-2.5,1e-07,true,false,null,\"\"],\"b\":{\"c\":\"°C\"}}",
        "\"\\\"quoted\\\\ \\n\\t\\u0001\"",
        "[[[[0.1]]]]",
        "{\"1\":2,\"\":3}"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) expect_json(texts[i], texts[i]);
}

Test(node, typed_reads_check_kind_and_range)
{
    node *n, *x;
    int i;
    double v;
    const char *s;
    err e = {0};
    const char text[] = "{\"i\":7,\"d\":2.5,\"s\":\"x\",\"l\":[1],\"m\":{}}";
    cr_assert(node_read_json(&a, text, sizeof text - 1, &n, &e) == OK, "%s", e.msg);
    cr_expect(node_int(n, "i", 0, 7, &i, &e) == OK && i == 7);
    cr_expect(node_double(n, "d", &v, &e) == OK && v == 2.5);
    cr_expect(node_string(n, "s", &s, &e) == OK && strcmp(s, "x") == 0);
    cr_expect(node_list(n, "l", &x, &e) == OK && x->n == 1);
    cr_expect(node_map(n, "m", &x, &e) == OK && x->n == 0);
    cr_expect(node_int(n, "i", 0, 6, &i, &e) == ERR_ARG);
    EXPECT_TEXT(e.msg, "parameter 'i' is 7; it must be a whole number from 0 to 6");
    e = (err){0};
    cr_expect(node_int(n, "d", 0, 6, &i, &e) == ERR_ARG);
    EXPECT_TEXT(e.msg, "parameter 'd' is 2.5; it must be a whole number from 0 to 6");
    e = (err){0};
    cr_expect(node_double(n, "s", &v, &e) == ERR_ARG);
    EXPECT_TEXT(e.msg, "parameter 's' must be a number");
    e = (err){0};
    cr_expect(node_string(n, "none", &s, &e) == ERR_ARG);
    EXPECT_TEXT(e.msg, "parameter 'none' must be a text");
    cr_expect(node_list(n, "m", &x, NULL) == ERR_ARG);
    cr_expect(node_map(n, "l", &x, NULL) == ERR_ARG);
    e = (err){0};
    cr_expect(node_read_json(&a, "{\"a\":", 5, &n, &e) == ERR_INPUT);
    EXPECT_TEXT(e.msg, "parameters:2:1: not valid YAML: did not find expected node content");
}

Test(node, memory_that_runs_out_at_any_point_gives_no_tree)
{
    static const char text[] = "a: &x [1, two, {b: 3}]\nc: *x\nd: {<<: {e: 1}}\n";
    int trees = 0;
    for (size_t cap = 64; cap <= 8192; cap += 64) {
        arena small;
        diag d;
        arena_init(&small, cap);
        diag_init(&d, &small);
        node *n = node_read_yaml(&small, "t", text, sizeof text - 1, &d);
        cr_expect(d.total == 0 ? n != NULL : n == NULL, "%zu bytes", cap);
        if (n) {
            buf b = {0};
            node_put_json(&b, n);
            EXPECT_TEXT(b.data, "{\"a\":[1,\"two\",{\"b\":3}],\"c\":[1,\"two\",{\"b\":3}],"
                                "\"d\":{\"e\":1}}");
            buf_free(&b);
            trees++;
        }
        arena_free(&small);
    }
    cr_expect(trees > 0 && trees < 120);
}

Test(node, parameters_are_held_to_their_bounds_and_words)
{
    static const char *const words[] = {"one", "two"};
    static const char json[] = "{\"x\":0.99999991,\"w\":\"two\",\"v\":\"three\"}";
    node *map;
    double x;
    int w = -1;
    err e = {0};
    cr_assert(node_read_json(&a, json, strlen(json), &map, &e) == OK, "%s", e.msg);
    cr_expect(node_bounded(map, "x", 0, 0.99999991, &x, &e) == OK && x == 0.99999991);
    cr_expect(node_bounded(map, "x", 0, 0.9999999, &x, &e) == ERR_ARG);
    cr_expect(strstr(e.msg, "'x' is 0.99999991; it must be from 0 to 0.9999999") != NULL, "%s",
              e.msg);
    e = (err){0};
    cr_expect(node_bounded(map, "w", 0, 1, &x, &e) == ERR_ARG);
    e = (err){0};
    cr_expect(node_choice(map, "w", words, 2, &w, &e) == OK && w == 1);
    cr_expect(node_choice(map, "w", words, 1, &w, &e) == ERR_ARG);
    e = (err){0};
    cr_expect(node_choice(map, "v", words, 2, &w, &e) == ERR_ARG);
    cr_expect(strstr(e.msg, "'v' is 'three', which is not one of its values") != NULL, "%s", e.msg);
}
