/* The arithmetic of lanes.h, included once per instruction set with LANES_WIDTH floats to a vector
 * and LANES_SET naming the table. No fused multiply-add may be formed here (-ffp-contract=off): the
 * sets must agree bit for bit. */
#include "engine/signal/lanes.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

typedef float vec __attribute__((vector_size(4 * LANES_WIDTH)));
typedef int32_t ivec __attribute__((vector_size(4 * LANES_WIDTH)));
typedef float vec4 __attribute__((vector_size(16)));

enum { VECS = LANES / LANES_WIDTH }; /* vectors to one lane-form number */

static inline vec get(const float *p)
{
    return *(const vec *)(const void *)p;
}

static inline void put(float *p, vec v)
{
    *(vec *)(void *)p = v;
}

/* Real and imaginary parts lie LANES floats apart. */
typedef struct {
    vec re, im;
} cvec;

static inline cvec cget(const float *p)
{
    return (cvec){get(p), get(p + LANES)};
}

static inline void cput(float *p, cvec v)
{
    put(p, v.re);
    put(p + LANES, v.im);
}

static inline cvec cadd(cvec a, cvec b)
{
    return (cvec){a.re + b.re, a.im + b.im};
}

static inline cvec csub(cvec a, cvec b)
{
    return (cvec){a.re - b.re, a.im - b.im};
}

/* a (w[0] + i w[1]) */
static inline cvec ctwist(cvec a, const float *w)
{
    return (cvec){a.re * w[0] - a.im * w[1], a.re * w[1] + a.im * w[0]};
}

/* The short transforms: u[j] = sum_k t[k] exp(-2 pi i j k / r), in place. */
static inline void short2(cvec *t)
{
    cvec a = t[0], b = t[1];
    t[0] = cadd(a, b);
    t[1] = csub(a, b);
}

static inline void short3(cvec *t)
{
    const float half_root3 = 0.866025403784438647f;
    cvec sum = cadd(t[1], t[2]), diff = csub(t[1], t[2]), a = t[0];
    cvec mid = {a.re - 0.5f * sum.re, a.im - 0.5f * sum.im};
    vec x = half_root3 * diff.im, y = half_root3 * diff.re;
    t[0] = cadd(a, sum);
    t[1] = (cvec){mid.re + x, mid.im - y};
    t[2] = (cvec){mid.re - x, mid.im + y};
}

static inline void short4(cvec *t)
{
    cvec a = cadd(t[0], t[2]), b = csub(t[0], t[2]), c = cadd(t[1], t[3]), d = csub(t[1], t[3]);
    t[0] = cadd(a, c);
    t[1] = (cvec){b.re + d.im, b.im - d.re};
    t[2] = csub(a, c);
    t[3] = (cvec){b.re - d.im, b.im + d.re};
}

static inline void short5(cvec *t)
{
    const float c1 = 0.309016994374947424f, c2 = -0.809016994374947424f; /* cos 72°, 144° */
    const float s1 = 0.951056516295153572f, s2 = 0.587785252292473129f;
    cvec a = t[0], p = cadd(t[1], t[4]), q = csub(t[1], t[4]), r = cadd(t[2], t[3]),
         s = csub(t[2], t[3]);
    cvec m1 = {a.re + c1 * p.re + c2 * r.re, a.im + c1 * p.im + c2 * r.im};
    cvec m2 = {a.re + c2 * p.re + c1 * r.re, a.im + c2 * p.im + c1 * r.im};
    cvec n1 = {s1 * q.im + s2 * s.im, s1 * q.re + s2 * s.re};
    cvec n2 = {s2 * q.im - s1 * s.im, s2 * q.re - s1 * s.re};
    t[0] = cadd(a, cadd(p, r));
    t[1] = (cvec){m1.re + n1.re, m1.im - n1.im};
    t[2] = (cvec){m2.re + n2.re, m2.im - n2.im};
    t[3] = (cvec){m2.re - n2.re, m2.im + n2.im};
    t[4] = (cvec){m1.re - n1.re, m1.im + n1.im};
}

/* One pass over sub-transforms of length n at stride s (n s = m), radix r:
 * y[q + s (r p + j)] = w^(p j) sum_k x[q + s (p + k n/r)] exp(-2 pi i j k / r). */
#define PASS(r)                                                                                   \
    static void pass##r(float *restrict y, const float *restrict x, int n, int s, const float *w) \
    {                                                                                             \
        const int C = 2 * LANES, m = n / r;                                                       \
        for (int p = 0; p < m; p++, w += 2 * (r - 1)) {                                           \
            for (int q = 0; q < s * VECS; q++) {                                                  \
                const float *from = x + (s * p + q / VECS) * C + q % VECS * LANES_WIDTH;          \
                float *to = y + (s * r * p + q / VECS) * C + q % VECS * LANES_WIDTH;              \
                cvec t[r];                                                                        \
                for (int k = 0; k < r; k++) t[k] = cget(from + k * m * s * C);                    \
                short##r(t);                                                                      \
                cput(to, t[0]);                                                                   \
                for (int j = 1; j < r; j++)                                                       \
                    cput(to + j * s * C, m == 1 ? t[j] : ctwist(t[j], w + 2 * (j - 1)));          \
            }                                                                                     \
        }                                                                                         \
    }
PASS(2)
PASS(3)
PASS(4)
PASS(5)

static float *transform(const lanes_fft *f, float *z, float *work)
{
    static void (*const pass[])(float *restrict, const float *restrict, int, int,
                                const float *) = {NULL, NULL, pass2, pass3, pass4, pass5};
    int n = f->m, s = 1;
    for (int i = 0; i < f->n_passes; i++) {
        pass[f->radix[i]](work, z, n, s, f->twiddle[i]);
        n /= f->radix[i];
        s *= f->radix[i];
        float *t = z;
        z = work;
        work = t;
    }
    return z;
}

static inline vec4 get4(const float *p)
{
    vec4 v;
    memcpy(&v, p, sizeof v);
    return v;
}

static inline void put4(float *p, vec4 v)
{
    memcpy(p, &v, sizeof v);
}

/* Transposes four rows of four; the results go to rows `stride` apart. */
static inline void turn4(float *z, int stride, vec4 a, vec4 b, vec4 c, vec4 d)
{
    vec4 ab0 = __builtin_shufflevector(a, b, 0, 4, 1, 5),
         ab1 = __builtin_shufflevector(a, b, 2, 6, 3, 7);
    vec4 cd0 = __builtin_shufflevector(c, d, 0, 4, 1, 5),
         cd1 = __builtin_shufflevector(c, d, 2, 6, 3, 7);
    put4(z, __builtin_shufflevector(ab0, cd0, 0, 1, 4, 5));
    put4(z + stride, __builtin_shufflevector(ab0, cd0, 2, 3, 6, 7));
    put4(z + 2 * stride, __builtin_shufflevector(ab1, cd1, 0, 1, 4, 5));
    put4(z + 3 * stride, __builtin_shufflevector(ab1, cd1, 2, 3, 6, 7));
}

static void load(float *z, const float *x, const int start[LANES], const float *window,
                 int n_window, int n)
{
    int i = 0;
    for (; i + 4 <= n_window; i += 4) {
        vec4 w = get4(window + i);
        for (int l = 0; l < LANES; l += 4)
            turn4(z + i * LANES + l, LANES, get4(x + start[l] + i) * w,
                  get4(x + start[l + 1] + i) * w, get4(x + start[l + 2] + i) * w,
                  get4(x + start[l + 3] + i) * w);
    }
    for (; i < n_window; i++)
        for (int l = 0; l < LANES; l++) z[i * LANES + l] = x[start[l] + i] * window[i];
    memset(z + n_window * LANES, 0, (size_t)(n - n_window) * LANES * sizeof *z);
}

/* With Z the transform of the pairs x[2n] + i x[2n+1] and a + ib = Z[k], c + id = Z[m-k]:
 * X[k] = ((a+c) + i(b-d))/2 + exp(-i pi k/m) ((b+d) - i(a-c))/2. */
static void magnitude(const lanes_fft *f, float *mag, const float *z, int first, int count)
{
    for (int i = 0; i < count; i++) {
        int k = first + i;
        const float *zk = z + (size_t)(k % f->m) * 2 * LANES;
        const float *zn = z + (size_t)((f->m - k) % f->m) * 2 * LANES;
        float c = f->split[2 * k], s = f->split[2 * k + 1];
        for (int v = 0; v < LANES; v += LANES_WIDTH) {
            cvec a = cget(zk + v), b = cget(zn + v);
            vec er = a.re + b.re, ei = a.im - b.im, or = a.im + b.im, oi = b.re - a.re;
            vec re = 0.5f * (er + (c * or +s * oi)), im = 0.5f * (ei + (c * oi - s * or));
            put(mag + i * LANES + v, re * re + im * im);
        }
        for (int l = 0; l < LANES; l++) mag[i * LANES + l] = sqrtf(mag[i * LANES + l]);
    }
}

static void bands(const lanes_bands *b, float *y, const float *x, int x_first)
{
    for (int r = 0; r < b->n_rows; r++) {
        const float *w = b->weight + b->at[r], *from = x + (b->first[r] - x_first) * LANES;
        vec sum[VECS] = {0};
        for (int i = 0; i < b->count[r]; i++)
            for (int v = 0; v < VECS; v++) sum[v] += w[i] * get(from + i * LANES + v * LANES_WIDTH);
        for (int v = 0; v < VECS; v++) put(y + r * LANES + v * LANES_WIDTH, sum[v]);
    }
}

/* Cephes' logf: x = 2^e (1 + m) with 1 + m in [sqrt(1/2), sqrt(2)), log(1+m) by a polynomial of
 * degree 9, log 2 split in two so that e log 2 is exact enough. */
static inline vec log_vec(vec x)
{
    const int32_t root_half = 0x3f3504f3;
    ivec bits = (ivec)x - root_half;
    ivec exponent = bits >> 23;
    vec m = (vec)((bits & 0x007fffff) + root_half) - 1.0f;
    vec e = __builtin_convertvector(exponent, vec), m2 = m * m;
    vec y = 7.0376836292e-2f * m - 1.1514610310e-1f;
    y = y * m + 1.1676998740e-1f;
    y = y * m - 1.2420140846e-1f;
    y = y * m + 1.4249322787e-1f;
    y = y * m - 1.6668057665e-1f;
    y = y * m + 2.0000714765e-1f;
    y = y * m - 2.4999993993e-1f;
    y = y * m + 3.3333331174e-1f;
    y = y * m * m2 - 2.12194440e-4f * e - 0.5f * m2;
    return m + y + 0.693359375f * e;
}

static void log_lanes(float *y, const float *x, float offset, int n)
{
    for (int i = 0; i < n * LANES; i += LANES_WIDTH) put(y + i, log_vec(get(x + i) + offset));
}

static void product(float *y, const float *w, const float *x, int n_out, int n_in)
{
    for (int o = 0; o < n_out; o++) {
        vec sum[VECS] = {0};
        for (int i = 0; i < n_in; i++)
            for (int v = 0; v < VECS; v++)
                sum[v] += w[o * n_in + i] * get(x + i * LANES + v * LANES_WIDTH);
        for (int v = 0; v < VECS; v++) put(y + o * LANES + v * LANES_WIDTH, sum[v]);
    }
}

static void store(float *row, int stride, int n_rows, const float *x, int n)
{
    int whole = n_rows / 4 * 4, i = 0;
    for (; i + 4 <= n; i += 4) {
        for (int l = 0; l < whole; l += 4) {
            const float *from = x + i * LANES + l;
            turn4(row + l * stride + i, stride, get4(from), get4(from + LANES),
                  get4(from + 2 * LANES), get4(from + 3 * LANES));
        }
    }
    for (int l = 0; l < n_rows; l++)
        for (int k = l < whole ? i : 0; k < n; k++) row[l * stride + k] = x[k * LANES + l];
}

static void taps(float *restrict sum, const float *const x[LANES_TAPS], const float h[LANES_TAPS],
                 int n)
{
    const float *restrict a = x[0], *restrict b = x[1], *restrict c = x[2], *restrict d = x[3];
    float ha = h[0], hb = h[1], hc = h[2], hd = h[3];
    for (int i = 0; i < n; i++)
        sum[i] = (((sum[i] + ha * a[i]) + hb * b[i]) + hc * c[i]) + hd * d[i];
}

const lanes_ops LANES_SET = {.name = LANES_NAME,
                             .load = load,
                             .transform = transform,
                             .magnitude = magnitude,
                             .bands = bands,
                             .log = log_lanes,
                             .product = product,
                             .store = store,
                             .taps = taps};
