/* The choice of an instruction set, and the naive kernels: the meaning of each entry of the table
 * in the plainest form. */
#include "engine/nn/kernel.h"
#include "engine/nn/kernel_naive.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

static void naive_gemm(const gemm *g)
{
    for (int m = 0; m < g->M; m++)
        for (int n = 0; n < g->N; n++) {
            float sum = 0;
            for (int k = 0; k < g->K; k++) {
                float a = g->a_transposed ? g->a[(size_t)k * (size_t)g->lda + (size_t)m]
                                          : g->a[(size_t)m * (size_t)g->lda + (size_t)k];
                sum += a * g->b[(size_t)k * (size_t)(g->b_packed ? g->N : g->ldb) + (size_t)n];
            }
            float *c = &g->c[(size_t)m * (size_t)g->ldc + (size_t)n];
            if (g->add) sum += *c;
            if (g->bias) sum += g->bias[n];
            *c = g->relu && sum < 0 ? 0 : sum;
        }
}

static void naive_pack(float *packed, const float *b, int ldb, int K, int N)
{
    for (int k = 0; k < K; k++)
        for (int n = 0; n < N; n++) packed[k * N + n] = b[k * ldb + n];
}

static void naive_pack_transposed(float *packed, const float *w, int ldw, int K, int N)
{
    for (int k = 0; k < K; k++)
        for (int n = 0; n < N; n++) packed[k * N + n] = w[n * ldw + k];
}

static float sigmoid(float x)
{
    return 1.0f / (1.0f + expf(-x));
}

static void naive_activate(float *y, int n, activation act)
{
    for (int i = 0; i < n; i++) switch (act) {
        case ACT_RELU:
            y[i] = y[i] < 0 ? 0 : y[i];
            break;
        case ACT_TANH:
            y[i] = tanhf(y[i]);
            break;
        case ACT_SIGMOID:
            y[i] = sigmoid(y[i]);
            break;
        case ACT_RELU6:
            y[i] = y[i] < 0 ? 0 : y[i] > 6 ? 6 : y[i];
            break;
        default:
            break;
        }
}

static float slope(float y, activation act)
{
    switch (act) {
    case ACT_RELU:
        return y > 0 ? 1 : 0;
    case ACT_TANH:
        return 1 - y * y;
    case ACT_SIGMOID:
        return y * (1 - y);
    case ACT_RELU6:
        return y > 0 && y < 6 ? 1 : 0;
    default:
        return 1;
    }
}

static void naive_activate_back(float *dy, const float *y, activation act, int rows, int cols,
                                float *db)
{
    for (int r = 0; r < rows; r++)
        for (int c = 0; c < cols; c++) {
            int i = r * cols + c;
            if (act != ACT_NONE) dy[i] *= slope(y[i], act);
            if (db) db[c] += dy[i];
        }
}

static void naive_lstm_forward(const lstm_cell *s)
{
    int u = s->u;
    for (int b = 0; b < s->B; b++)
        for (int j = 0; j < u; j++) {
            float *gate = s->gates + (size_t)b * 4 * (size_t)u + j;
            float i = sigmoid(gate[0]), f = sigmoid(gate[u]), g = tanhf(gate[2 * u]),
                  o = sigmoid(gate[3 * u]);
            float c = f * s->c_before[b * u + j] + i * g;
            gate[0] = i, gate[u] = f, gate[2 * u] = g, gate[3 * u] = o;
            s->c[b * u + j] = c;
            s->tanh_c[b * u + j] = tanhf(c);
            s->h[b * s->ldh + j] = o * s->tanh_c[b * u + j];
        }
}

static void naive_lstm_backward(const lstm_cell *s)
{
    int u = s->u;
    for (int b = 0; b < s->B; b++)
        for (int j = 0; j < u; j++) {
            float *gate = s->gates + (size_t)b * 4 * (size_t)u + j;
            float i = gate[0], f = gate[u], g = gate[2 * u], o = gate[3 * u];
            float dh = s->dh[b * u + j], t = s->tanh_c[b * u + j];
            float dc = s->dc[b * u + j] + dh * o * (1 - t * t);
            gate[0] = dc * g * (i * (1 - i));
            gate[u] = dc * s->c_before[b * u + j] * (f * (1 - f));
            gate[2 * u] = dc * i * (1 - g * g);
            gate[3 * u] = dh * t * (o * (1 - o));
            s->dc[b * u + j] = dc * f;
        }
}

static void naive_adam(float *w, float *g, float *m, float *v, int n, const adam_step *s)
{
    for (int i = 0; i < n; i++) {
        m[i] += (g[i] - m[i]) * s->one_minus_beta1;
        v[i] += (g[i] * g[i] - v[i]) * s->one_minus_beta2;
        w[i] -= s->alpha * m[i] / (sqrtf(v[i]) + s->epsilon);
        g[i] = 0;
    }
}

static void naive_sgd(float *w, float *g, float *m, int n, const sgd_step *s)
{
    for (int i = 0; i < n; i++) {
        float step = -s->rate * g[i];
        if (m) {
            m[i] = s->momentum * m[i] + step;
            step = s->nesterov ? s->momentum * m[i] + step : m[i];
        }
        w[i] += step;
        g[i] = 0;
    }
}

static void naive_mask(float *w, const uint32_t *keep, int n)
{
    for (int i = 0; i < n; i++) w[i] = keep[i] ? w[i] : 0.0f;
}

static double naive_spin(int rounds, float *sink)
{
    float sum[12] = {0}, x = *sink;
    for (int r = 0; r < rounds; r++)
        for (int i = 0; i < 12; i++) sum[i] = sum[i] * x + x;
    for (int i = 0; i < 12; i++) *sink += sum[i];
    return 24.0 * rounds;
}

const kernels kernel_naive = {
    .name = "naive",
    .lanes = 1,
    .gemm = naive_gemm,
    .pack = naive_pack,
    .pack_transposed = naive_pack_transposed,
    .activate = naive_activate,
    .activate_back = naive_activate_back,
    .lstm_forward = naive_lstm_forward,
    .lstm_backward = naive_lstm_backward,
    .depthwise = naive_depthwise,
    .depthwise_dx = naive_depthwise_dx,
    .depthwise_dw = naive_depthwise_dw,
    .column_sums = naive_column_sums,
    .batch_norm = naive_batch_norm,
    .batch_norm_sums = naive_batch_norm_sums,
    .batch_norm_back = naive_batch_norm_back,
    .adam = naive_adam,
    .sgd = naive_sgd,
    .mask = naive_mask,
    .spin = naive_spin,
};

static bool machine_has(const char *name)
{
#if defined(__x86_64__)
    if (strcmp(name, "avx2") == 0)
        return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    if (strcmp(name, "avx512") == 0)
        return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
               __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq");
#endif
    (void)name;
    return true;
}

/* The k-th set, widest first; NULL where it was not compiled. */
static const kernels *table_at(int k)
{
    switch (k) {
    case 0:
        return kernel_avx512_table();
    case 1:
        return kernel_avx2_table();
    case 2:
        return kernel_neon_table();
    case 3:
        return kernel_generic_table();
    default:
        return &kernel_naive;
    }
}
enum { N_TABLES = 5 };

const kernels *kernel_find(const char *name)
{
    for (int k = 0; k < N_TABLES; k++) {
        const kernels *t = table_at(k);
        if (t && strcmp(t->name, name) == 0 && machine_has(name)) return t;
    }
    return NULL;
}

status kernel_choose(const kernels **out, err *e)
{
    const char *wish = getenv("PARETUNE_KERNELS");
    if (wish && *wish) {
        *out = kernel_find(wish);
        if (*out) return OK;
        return FAIL(e, ERR_STATE,
                    "PARETUNE_KERNELS=%s: this machine has no such kernels; unset it, or use "
                    "naive, generic, avx2, avx512 or neon",
                    wish);
    }
    *out = NULL;
    for (int k = 0; !*out; k++) {
        const kernels *t = table_at(k);
        if (t && machine_has(t->name)) *out = t;
    }
    return OK;
}

unsigned kernel_flush_denormals(void)
{
#if defined(__x86_64__)
    unsigned before = _mm_getcsr();
    _mm_setcsr(before | 0x8040u); /* flush to zero, denormals are zero */
    return before;
#elif defined(__aarch64__)
    uint64_t before;
    __asm__ volatile("mrs %0, fpcr" : "=r"(before));
    __asm__ volatile("msr fpcr, %0" : : "r"(before | (1u << 24)));
    return (unsigned)before;
#else
    return 0;
#endif
}

void kernel_restore_denormals(unsigned before)
{
#if defined(__x86_64__)
    _mm_setcsr(before);
#elif defined(__aarch64__)
    uint64_t value = before;
    __asm__ volatile("msr fpcr, %0" : : "r"(value));
#else
    (void)before;
#endif
}
