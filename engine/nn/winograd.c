/* Examples go through in groups whose transformed numbers fit the second-level cache. */
#include "engine/nn/winograd.h"

#include <string.h>

enum { PLANES = 16, LEAST_CHANNELS = 16, GROUP_FLOATS = 131072 };

bool winograd_fits(const image_window *s, int Ci, int Co)
{
    return s->Kh == 3 && s->Kw == 3 && s->Sh == 1 && s->Sw == 1 && Ci >= LEAST_CHANNELS &&
           Co >= LEAST_CHANNELS;
}

/* The convolution that gives dx from dy. */
static image_window back_window(const image_window *s)
{
    return (image_window){.H = s->Ho,
                          .W = s->Wo,
                          .Ho = s->H,
                          .Wo = s->W,
                          .Kh = 3,
                          .Kw = 3,
                          .Sh = 1,
                          .Sw = 1,
                          .top = 2 - s->top,
                          .left = 2 - s->left};
}

static int tiles_of(const image_window *s)
{
    return ((s->Ho + 1) / 2) * ((s->Wo + 1) / 2);
}

static int most_tiles(const image_window *s)
{
    image_window back = back_window(s);
    int forward = tiles_of(s), other = tiles_of(&back);
    return forward > other ? forward : other;
}

static long long floats_per_example(const image_window *s, int Ci, int Co)
{
    return (long long)PLANES * most_tiles(s) * ((long long)Ci + Co);
}

static int group_of(const image_window *s, int Ci, int Co)
{
    long long n = GROUP_FLOATS / floats_per_example(s, Ci, Co);
    return n < 1 ? 1 : (int)n;
}

static long long filter_floats(int Ci, int Co)
{
    return (long long)PLANES * Ci * Co;
}

static long long packed_floats(int Ci, int Co)
{
    long long one = gemm_packed_size(Ci, Co), other = gemm_packed_size(Co, Ci);
    return PLANES * (one > other ? one : other);
}

long long winograd_fixed(const image_window *s, int Ci, int Co)
{
    (void)s;
    return packed_floats(Ci, Co) + filter_floats(Ci, Co);
}

long long winograd_scratch(const image_window *s, int Ci, int Co)
{
    long long group = floats_per_example(s, Ci, Co) * group_of(s, Ci, Co);
    long long filter = filter_floats(Ci, Co);
    return group > filter ? group : filter;
}

static float *filter_sums(const winograd *g)
{
    return g->fixed + packed_floats(g->Ci, g->Co);
}

void winograd_begin(const winograd *g, const float *w)
{
    long long size = gemm_packed_size(g->Ci, g->Co);
    g->k->winograd_filter(g->scratch, w, g->Co, g->Ci);
    for (int i = 0; i < PLANES; i++)
        g->k->pack_transposed(g->fixed + i * size, g->scratch + (ptrdiff_t)i * g->Ci * g->Co, g->Ci,
                              g->Ci, g->Co);
}

/* A kernel read backwards transforms into the same planes, first and last exchanged. */
static int backwards(int plane)
{
    static const int other[4] = {3, 1, 2, 0};
    return 4 * other[plane / 4] + other[plane % 4];
}

void winograd_begin_back(const winograd *g, const float *w)
{
    long long size = gemm_packed_size(g->Co, g->Ci);
    g->k->winograd_filter(g->scratch, w, g->Co, g->Ci);
    for (int i = 0; i < PLANES; i++)
        g->k->pack(g->fixed + i * size, g->scratch + (ptrdiff_t)backwards(i) * g->Ci * g->Co, g->Ci,
                   g->Co, g->Ci);
    memset(filter_sums(g), 0, (size_t)filter_floats(g->Ci, g->Co) * sizeof(float));
}

typedef struct {
    image_window s;
    int Ci, Co, tiles, examples;
    const float *x, *bias;
    bool relu;
    float *y;
} group;

/* y = the filters in `fixed` over x, for one group. */
static void convolve(const winograd *g, const group *r)
{
    const int rows = r->tiles * r->examples, v_plane = rows * r->Ci, m_plane = rows * r->Co;
    float *v = g->scratch, *m = v + (ptrdiff_t)PLANES * v_plane;
    const image_window *s = &r->s;
    for (int b = 0; b < r->examples; b++)
        g->k->winograd_input(v + (ptrdiff_t)b * r->tiles * r->Ci, v_plane,
                             r->x + (ptrdiff_t)b * s->H * s->W * r->Ci, r->Ci, s);
    for (int i = 0; i < PLANES; i++)
        g->k->gemm(&(gemm){.M = rows,
                           .N = r->Co,
                           .K = r->Ci,
                           .a = v + (ptrdiff_t)i * v_plane,
                           .lda = r->Ci,
                           .b = g->fixed + i * gemm_packed_size(r->Ci, r->Co),
                           .b_packed = true,
                           .c = m + (ptrdiff_t)i * m_plane,
                           .ldc = r->Co,
                           .fetch = g->fetch});
    for (int b = 0; b < r->examples; b++)
        g->k->winograd_output(r->y + (ptrdiff_t)b * s->Ho * s->Wo * r->Co,
                              m + (ptrdiff_t)b * r->tiles * r->Co, m_plane, r->bias, r->relu, r->Co,
                              s);
}

static void convolve_all(const winograd *g, int B, group r)
{
    int most = group_of(&g->s, g->Ci, g->Co);
    r.tiles = tiles_of(&r.s);
    for (int b = 0; b < B; b += most) {
        r.examples = B - b < most ? B - b : most;
        convolve(g, &r);
        r.x += (ptrdiff_t)r.examples * r.s.H * r.s.W * r.Ci;
        r.y += (ptrdiff_t)r.examples * r.s.Ho * r.s.Wo * r.Co;
    }
}

void winograd_forward(const winograd *g, int B, const float *x, const float *bias, bool relu,
                      float *y)
{
    convolve_all(
        g, B,
        (group){.s = g->s, .Ci = g->Ci, .Co = g->Co, .x = x, .bias = bias, .relu = relu, .y = y});
}

void winograd_put_dx(const winograd *g, int B, const float *dy, float *dx)
{
    convolve_all(g, B,
                 (group){.s = back_window(&g->s), .Ci = g->Co, .Co = g->Ci, .x = dy, .y = dx});
}

/* du[plane] += m^T v over one group's tiles. */
static void add_products(const winograd *g, int examples, const float *x, const float *dy)
{
    const image_window *s = &g->s;
    const int tiles = tiles_of(s), rows = tiles * examples;
    const int v_plane = rows * g->Ci, m_plane = rows * g->Co;
    float *v = g->scratch, *m = v + (ptrdiff_t)PLANES * v_plane;
    for (int b = 0; b < examples; b++) {
        g->k->winograd_input(v + (ptrdiff_t)b * tiles * g->Ci, v_plane,
                             x + (ptrdiff_t)b * s->H * s->W * g->Ci, g->Ci, s);
        g->k->winograd_output_back(m + (ptrdiff_t)b * tiles * g->Co, m_plane,
                                   dy + (ptrdiff_t)b * s->Ho * s->Wo * g->Co, g->Co, s);
    }
    for (int i = 0; i < PLANES; i++)
        g->k->gemm(&(gemm){.M = g->Co,
                           .N = g->Ci,
                           .K = rows,
                           .a = m + (ptrdiff_t)i * m_plane,
                           .lda = g->Co,
                           .a_transposed = true,
                           .b = v + (ptrdiff_t)i * v_plane,
                           .ldb = g->Ci,
                           .c = filter_sums(g) + (ptrdiff_t)i * g->Co * g->Ci,
                           .ldc = g->Ci,
                           .add = true,
                           .fetch = g->fetch});
}

void winograd_add_dw(const winograd *g, int B, const float *x, const float *dy)
{
    int most = group_of(&g->s, g->Ci, g->Co);
    for (int b = 0; b < B; b += most)
        add_products(g, B - b < most ? B - b : most, x + (ptrdiff_t)b * g->s.H * g->s.W * g->Ci,
                     dy + (ptrdiff_t)b * g->s.Ho * g->s.Wo * g->Co);
}

void winograd_end_back(const winograd *g, float *dw)
{
    g->k->winograd_filter_back(dw, filter_sums(g), g->Co, g->Ci);
}
