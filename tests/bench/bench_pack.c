/* What each of the writer's economies saves, flat and packed, on networks of the course with random
 * weights, and what each packing makes of them. Prints the tables of docs/packing.md. */
#include "engine/base/rng.h"
#include "engine/nn/spec.h"
#include "engine/tflite/emit.h"
#include "engine/tflite/pack.h"
#include "engine/tflite/tfl_reader.h"
#include "engine/tflite/writer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DENSE(units, act) \
    "{\"kind\":\"dense\",\"units\":" #units ",\"activation\":\"" act "\",\"bias\":true}"
#define CONV2D(k, stride)                                                               \
    "{\"kind\":\"conv2d\",\"filters\":64,\"kernel\":[" #k "," #k "],\"stride\":" stride \
    ",\"padding\":\"valid\",\"activation\":\"relu\",\"bias\":true}"
#define DEPTHWISE                                                                             \
    "{\"kind\":\"depthwise-conv2d\",\"kernel\":[3,3],\"stride\":[1,1],\"padding\":\"valid\"," \
    "\"activation\":\"none\",\"bias\":false}"

static const struct {
    const char *name, *json;
    weight_storage storage;
} nets[] = {
    {"MLP 12-6-12",
     "{\"input\":[6,2],\"layers\":[{\"kind\":\"flatten\"}," DENSE(6, "relu") "," DENSE(
         12, "none") ",{\"kind\":\"reshape\",\"to\":[6,2]}]}",
     STORE_FLOAT32},
    {"CNN-1D",
     "{\"input\":[6,2],\"layers\":[{\"kind\":\"conv1d\",\"filters\":8,\"kernel\":3,\"stride\":1,"
     "\"padding\":\"valid\",\"activation\":\"relu\",\"bias\":true},{\"kind\":\"flatten\"}," DENSE(
         12, "none") ",{\"kind\":\"reshape\",\"to\":[6,2]}]}",
     STORE_FLOAT32},
    {"DS-CNN, float16",
     "{\"input\":[49,10,1],\"layers\":[" CONV2D(3, "[2,1]") "," DEPTHWISE "," CONV2D(
         1, "[1,1]") "," DEPTHWISE
                     "," CONV2D(1, "[1,1]") ",{\"kind\":\"global-average-pool2d\"}," DENSE(
                         8, "none") "]}",
     STORE_FLOAT16},
    {"DS-CNN, int8",
     "{\"input\":[49,10,1],\"layers\":[" CONV2D(3, "[2,1]") "," DEPTHWISE "," CONV2D(
         1, "[1,1]") "," DEPTHWISE
                     "," CONV2D(1, "[1,1]") ",{\"kind\":\"global-average-pool2d\"}," DENSE(
                         8, "none") "]}",
     STORE_DYNAMIC},
};
enum { N_NETS = sizeof nets / sizeof *nets };

static void must(status s, const err *e)
{
    if (s == OK) return;
    fprintf(stderr, "bench_pack: %s\n", e->msg);
    exit(1);
}

static void write_net(int i, bool like, arena *a, buf *out)
{
    node *tree;
    err e = {0};
    net_spec *spec = ARENA_NEW(a, net_spec, 1);
    net_layout *layout = ARENA_NEW(a, net_layout, 1);
    must(node_read_json(a, nets[i].json, strlen(nets[i].json), &tree, &e), &e);
    must(net_spec_parse(tree, spec, &e), &e);
    must(net_layout_make(spec, layout, &e), &e);
    float *params = ARENA_NEW(a, float, layout->n_params);
    rng r = rng_stream(1, RNG_TEST, (uint64_t)i);
    for (int k = 0; k < layout->n_params; k++) params[k] = 0.3F * rng_normal(&r);
    const tflite_options o = {.storage = nets[i].storage,
                              .dynamic_min_elements = 1024,
                              .per_channel = true,
                              .converter_like = like};
    must(tflite_write(spec, params, &o, a, out, &e), &e);
}

static size_t packed_bytes(packing how, int level, const buf *file)
{
    buf b = {0};
    err e = {0};
    must(pack_as(how, level, file->data, file->len, &b, &e), &e);
    const size_t n = b.len;
    buf_free(&b);
    return n;
}

static bool is_zero(const tfl_tensor *t)
{
    const char *p = t->data;
    for (size_t i = 0; i < t->bytes; i++)
        if (p[i]) return false;
    return t->data != NULL;
}

/* The graph of the written file, with names of the usual length and the marks that the writer gives to
 * what may be shared. */
static void read_back(const buf *file, arena *a, tfl_graph *g)
{
    err e = {0};
    must(tfl_read(a, file->data, file->len, g, &e), &e);
    for (int i = 0; i < g->n_tensors; i++) {
        g->tensor[i].name = arena_printf(a, "sequential/layer_%d/MatMul", i);
        g->tensor[i].is_structural = g->tensor[i].type == TFL_INT32 || is_zero(&g->tensor[i]);
    }
}

static void print_style(const char *what, const tfl_graph *graphs, const emit_style *style,
                        arena *a)
{
    printf("| %s |", what);
    for (int i = 0; i < N_NETS; i++) {
        buf file = {0};
        err e = {0};
        must(tfl_emit_styled(&graphs[i], style, a, &file, &e), &e);
        printf(" %zu / %zu |", file.len, packed_bytes(PACK_ZLIB, PACK_LEVEL, &file));
        buf_free(&file);
    }
    printf("\n");
}

static void print_head(const char *first)
{
    printf("\n| %s |", first);
    for (int i = 0; i < N_NETS; i++) printf(" %s |", nets[i].name);
    printf("\n|---|");
    for (int i = 0; i < N_NETS; i++) printf("---|");
    printf("\n");
}

static void print_styles(const buf *files, const buf *like, arena *a)
{
    tfl_graph graphs[N_NETS];
    emit_style style = emit_style_minimal();
    for (int i = 0; i < N_NETS; i++) read_back(&files[i], a, &graphs[i]);
    print_head("flat / zlib, bytes");
    print_style("all economies", graphs, &style, a);
    style.numbers = false;
    print_style("operators numbered as they come", graphs, &style, a);
    style = emit_style_minimal();
    style.groups = false;
    print_style("written tensor by tensor", graphs, &style, a);
    style = emit_style_minimal();
    style.align = 16;
    print_style("16-byte alignment", graphs, &style, a);
    style = emit_style_minimal();
    style.shares = false;
    print_style("equal objects not shared", graphs, &style, a);
    style = emit_style_minimal();
    style.shares_vtables = false;
    print_style("a vtable for every table", graphs, &style, a);
    style = emit_style_minimal();
    style.names = true;
    print_style("names of tensors", graphs, &style, a);
    printf("| like the converter |");
    for (int i = 0; i < N_NETS; i++)
        printf(" %zu / %zu |", like[i].len, packed_bytes(PACK_ZLIB, PACK_LEVEL, &like[i]));
    printf("\n");
}

static void print_packings(const buf *files)
{
    static const struct {
        const char *name;
        packing how;
        int level;
    } rows[] = {{"flat", PACK_FLAT, 6},
                {"zlib, level 1", PACK_ZLIB, 1},
                {"zlib, level 6", PACK_ZLIB, 6},
                {"zlib, level 9", PACK_ZLIB, 9},
                {"zip, level 6", PACK_ZIP, 6},
                {"zopfli", PACK_ZOPFLI, 6},
                {"zopfli-zip", PACK_ZOPFLI_ZIP, 6}};
    print_head("bytes");
    for (size_t k = 0; k < sizeof rows / sizeof *rows; k++) {
        printf("| %s |", rows[k].name);
        for (int i = 0; i < N_NETS; i++)
            printf(" %zu |", packed_bytes(rows[k].how, rows[k].level, &files[i]));
        printf("\n");
    }
}

int main(void)
{
    arena a;
    buf files[N_NETS] = {{0}}, like[N_NETS] = {{0}};
    arena_init(&a, 0);
    for (int i = 0; i < N_NETS; i++) {
        write_net(i, false, &a, &files[i]);
        write_net(i, true, &a, &like[i]);
    }
    print_styles(files, like, &a);
    print_packings(files);
    for (int i = 0; i < N_NETS; i++) {
        buf_free(&files[i]);
        buf_free(&like[i]);
    }
    arena_free(&a);
    return 0;
}
