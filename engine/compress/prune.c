#include "engine/compress/prune.h"

#include <math.h>
#include <string.h>

static status parse_share(const node *json, prune_config *out, err *e)
{
    TRY(node_bounded(json, "initial", 0, 1, &out->initial, e));
    TRY(node_bounded(json, "final", 0, 1, &out->final, e));
    return node_bounded(json, "power", 1e-3, 1e3, &out->power, e);
}

static status parse_pattern(const node *json, prune_config *out, err *e)
{
    static const char *const words[] = {"2:4", "1:4"};
    static const int kept[] = {2, 1};
    int i;
    TRY(node_choice(json, "pattern", words, 2, &i, e));
    out->kept = kept[i];
    out->block = 4;
    return OK;
}

status prune_config_parse(const node *json, int steps_per_epoch, prune_config *out, err *e)
{
    *out = (prune_config){0};
    double begin, end;
    const char *unit;
    TRY(node_get(json, "pattern") ? parse_pattern(json, out, e) : parse_share(json, out, e));
    TRY(node_bounded(json, "begin", 0, 1e9, &begin, e));
    TRY(node_bounded(json, "end", 0, 1e9, &end, e));
    TRY(node_int(json, "frequency", 1, INT32_MAX, &out->frequency, e));
    TRY(node_string(json, "unit", &unit, e));
    bool epochs = strcmp(unit, "epochs") == 0;
    if (!epochs && strcmp(unit, "steps") != 0)
        return FAIL(e, ERR_ARG, "prune: unit '%s' is unknown; use epochs or steps", unit);
    int scale = epochs ? steps_per_epoch : 1, next = epochs ? 1 : 0;
    out->begin = llround(begin * scale) + next;
    out->end = llround(end * scale) + next;
    if (out->end <= out->begin)
        return FAIL(e, ERR_INPUT, "prune: ends at step %lld, not after it begins at step %lld",
                    (long long)out->end, (long long)out->begin);
    return OK;
}

bool prune_due(const prune_config *c, int64_t step)
{
    return step >= c->begin && step <= c->end && (step - c->begin) % c->frequency == 0;
}

float prune_sparsity(const prune_config *c, int64_t step)
{
    float initial = (float)c->initial, final = (float)c->final;
    float p = (float)(step - c->begin) / (float)(c->end - c->begin);
    p = p < 0 ? 0 : p > 1 ? 1 : p;
    return (initial - final) * powf(1 - p, (float)c->power) + final;
}

int prune_kept(int n, float sparsity)
{
    float kept = rintf((float)n * (1 - sparsity));
    return kept > 1 ? (int)kept : 1;
}

/* The k-th largest (from 0) of v[n], which is reordered: Hoare's selection with the middle element
 * as pivot. */
static float select_largest(float *v, int n, int k)
{
    int low = 0, high = n - 1;
    while (low < high) {
        float pivot = v[low + (high - low) / 2];
        int i = low, j = high;
        while (i <= j) {
            while (v[i] > pivot) i++;
            while (v[j] < pivot) j--;
            if (i > j) break;
            float t = v[i];
            v[i++] = v[j];
            v[j--] = t;
        }
        if (k <= j)
            high = j;
        else if (k >= i)
            low = i;
        else
            break;
    }
    return v[k];
}

void prune_mask(const float *w, int n, int kept, uint32_t *keep, float *magnitudes)
{
    for (int i = 0; i < n; i++) magnitudes[i] = fabsf(w[i]);
    float threshold = select_largest(magnitudes, n, kept - 1);
    for (int i = 0; i < n; i++) keep[i] = fabsf(w[i]) >= threshold ? UINT32_MAX : 0;
}

/* Whether w[i] is among the `kept` largest of w[n], of equals the first. */
static bool among_largest(const float *w, int n, int i, int kept)
{
    int larger = 0;
    for (int j = 0; j < n; j++)
        larger += fabsf(w[j]) > fabsf(w[i]) || (j < i && fabsf(w[j]) == fabsf(w[i]));
    return larger < kept;
}

void prune_mask_pattern(const float *w, int rows, int cols, int kept, int block, uint32_t *keep)
{
    for (int r = 0; r < rows; r++, w += cols, keep += cols)
        for (int c = 0; c < cols; c++) {
            const int first = c - c % block, n = cols - first < block ? cols - first : block;
            keep[c] = among_largest(w + first, n, c - first, kept) ? UINT32_MAX : 0;
        }
}

typedef struct {
    prune_config config;
    float *magnitudes; /* of the largest prunable tensor */
} pruning;

static bool before_step(void *user, int64_t step, const net_layout *layout, const float *params,
                        uint32_t *keep)
{
    pruning *p = user;
    if (!prune_due(&p->config, step)) return false;
    const prune_config *c = &p->config;
    const float sparsity = c->block ? 0 : prune_sparsity(c, step);
    for (int i = 0; i < layout->n_tensors; i++) {
        const net_tensor *t = &layout->tensor[i];
        const float *w = params + t->offset;
        const int cols = t->dims.dim[t->dims.rank - 1];
        if (t->prunable && c->block)
            prune_mask_pattern(w, t->size / cols, cols, c->kept, c->block, keep + t->offset);
        else if (t->prunable)
            prune_mask(w, t->size, prune_kept(t->size, sparsity), keep + t->offset, p->magnitudes);
    }
    return true;
}

status prune_hooks(const prune_config *c, const net_layout *layout, arena *a, train_hooks *out,
                   err *e)
{
    int most = 0;
    for (int i = 0; i < layout->n_tensors; i++)
        if (layout->tensor[i].prunable && layout->tensor[i].size > most)
            most = layout->tensor[i].size;
    pruning *p = ARENA_NEW(a, pruning, 1);
    if (!p) return FAIL(e, ERR_MEM, "no memory for pruning");
    p->config = *c;
    p->magnitudes = ARENA_NEW(a, float, most);
    if (!p->magnitudes) return FAIL(e, ERR_MEM, "no memory for pruning");
    *out = (train_hooks){.user = p, .before_step = before_step, .settled = c->end};
    return OK;
}

void prune_count(const net_layout *layout, const float *params, prune_report *out)
{
    memset(out, 0, sizeof *out);
    for (int i = 0; i < layout->n_tensors; i++) {
        const net_tensor *t = &layout->tensor[i];
        for (int k = 0; k < t->size; k++) out->zeros[i] += params[t->offset + k] == 0;
        if (!t->prunable) continue;
        out->n_weights += t->size;
        out->n_zeros += out->zeros[i];
    }
}
