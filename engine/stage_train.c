/* train: epochs [from, to) of a training, begun anew, continued from the earlier stage's checkpoint or,
 * with "start":"weights", begun with the weights that the earlier training kept. With "channels" these are
 * what is left when channels are removed; with "cluster" those of the network with its batch norms folded,
 * since folding later would pull the clusters apart. The artifact is the checkpoint; the detail is the
 * learning curve so far, of this training. */
#include "engine/compress/cluster.h"
#include "engine/compress/fake_quant.h"
#include "engine/compress/prune.h"
#include "engine/compress/shrink.h"
#include "engine/data/augment.h"
#include "engine/nn/checkpoint.h"
#include "engine/nn/fold.h"
#include "engine/nn/train.h"
#include "engine/stage_kinds.h"

#include <string.h>

static void put_curve(buf *b, const checkpoint *state)
{
    buf_text(b, "{\"curve\":[");
    for (int i = 0; i < state->epoch; i++) {
        const curve_point *p = &state->curve[i];
        buf_text(b, i ? ",[" : "[");
        buf_number(b, p->train_loss);
        buf_char(b, ',');
        buf_number(b, p->val_loss);
        buf_char(b, ',');
        buf_number(b, p->rate);
        if (state->classes) {
            buf_char(b, ',');
            buf_number(b, p->val_accuracy);
        }
        buf_char(b, ']');
    }
    buf_char(b, ']');
    if (state->earlier_epochs) buf_printf(b, ",\"earlier_epochs\":%d", state->earlier_epochs);
    buf_char(b, '}');
}

static status read_earlier(const stage_job *job, checkpoint *earlier, err *e)
{
    file_map map = {0};
    status s = stage_open_parent(job, 1, STAGE_TRAIN, &map, e);
    if (s == OK) s = stage_distrust(checkpoint_read(job->a, map.bytes, map.n, earlier, e), e);
    file_unmap(&map);
    return s;
}

static status go_on(const stage_job *job, const train_config *config, checkpoint *state, err *e)
{
    TRY(read_earlier(job, state, e));
    if (state->epoch != config->from_epoch && !state->stopped)
        return FAIL(e, ERR_STATE, "the earlier training ended at epoch %d, not %d", state->epoch,
                    config->from_epoch);
    state->keep_best = config->keep_best; /* the part before pruning need not have known */
    return OK;
}

/* The network of `earlier` as fine-tuning wants it, with its kept weights. */
static status adapt_weights(const stage_job *job, const checkpoint *earlier, net_spec *net,
                            const float **weights, err *e)
{
    const node *channels = node_get(job->params, "channels");
    net_spec *before = ARENA_NEW(job->a, net_spec, 1);
    float *adapted;
    if (!before) return FAIL(e, ERR_MEM, "out of memory");
    *net = earlier->net;
    *weights = checkpoint_kept_weights(earlier);
    if (channels) {
        shrink_config c;
        TRY(shrink_config_parse(channels, &c, e));
        *before = *net;
        TRY(shrink_weights(before, *weights, &c, job->a, net, &adapted, e));
        *weights = adapted;
    }
    if (!node_get(job->params, "cluster")) return OK;
    *before = *net;
    TRY(net_fold(before, *weights, job->a, net, &adapted, e));
    *weights = adapted;
    return OK;
}

/* What was pruned is zero, and stays so through all that adapting does. */
static void find_masks(const net_layout *layout, checkpoint *state)
{
    for (int i = 0; i < layout->n_tensors; i++) {
        const net_tensor *t = &layout->tensor[i];
        for (int j = t->offset; t->prunable && j < t->offset + t->size; j++)
            state->keep[j] = state->params[j] != 0 ? UINT32_MAX : 0;
    }
}

/* `earlier` as if the adapted network had been trained. */
static status adapt(const stage_job *job, checkpoint *earlier, err *e)
{
    net_spec *net = ARENA_NEW(job->a, net_spec, 1);
    net_layout *layout = ARENA_NEW(job->a, net_layout, 1);
    checkpoint *adapted = ARENA_NEW(job->a, checkpoint, 1);
    const float *weights;
    if (!net || !layout || !adapted) return FAIL(e, ERR_MEM, "out of memory");
    if (!node_get(job->params, "channels") && !node_get(job->params, "cluster")) return OK;
    TRY(adapt_weights(job, earlier, net, &weights, e));
    TRY(net_layout_make(net, layout, e));
    TRY(checkpoint_make(adapted, net, 0, job->a, e));
    memcpy(adapted->params, weights, (size_t)adapted->n_params * sizeof *weights);
    if (earlier->masked) find_masks(layout, adapted);
    earlier->net = *net;
    earlier->n_params = adapted->n_params;
    earlier->params = adapted->params;
    earlier->keep = adapted->keep;
    earlier->keep_best = false;
    return OK;
}

static status begin(const stage_job *job, const train_config *config, const examples *ex,
                    int n_sounds, checkpoint *state, err *e)
{
    if (!config->from_weights && job->rq->n_parents - n_sounds > 1)
        return go_on(job, config, state, e);
    if (!config->from_weights) return train_begin(config, ex, job->a, state, e);
    checkpoint *earlier = ARENA_NEW(job->a, checkpoint, 1);
    if (!earlier) return FAIL(e, ERR_MEM, "out of memory");
    TRY(read_earlier(job, earlier, e));
    TRY(adapt(job, earlier, e));
    return train_begin_trained(config, earlier, job->a, state, e);
}

static status read_clusters(const stage_job *job, const train_config *config, checkpoint *state,
                            train_hooks *hooks, err *e)
{
    cluster_config clusters;
    TRY(cluster_config_parse(node_get(job->params, "cluster"), &clusters, e));
    if (config->from_weights) TRY(cluster_begin(&clusters, config->seed, state, job->a, e));
    return cluster_hooks(&clusters, state, job->a, hooks, e);
}

static status read_pruning(const stage_job *job, const train_config *config, const examples *ex,
                           train_hooks *hooks, err *e)
{
    const node *prune = node_get(job->params, "prune");
    if (!prune || prune->kind == NODE_NULL) return OK;
    prune_config pruning;
    net_layout *layout = ARENA_NEW(job->a, net_layout, 1);
    if (!layout) return FAIL(e, ERR_MEM, "out of memory");
    TRY(prune_config_parse(prune, train_steps_per_epoch(config, ex), &pruning, e));
    TRY(net_layout_make(&config->net, layout, e));
    return prune_hooks(&pruning, layout, job->a, hooks, e);
}

static status read_fake_quant(const stage_job *job, const train_config *config, const examples *ex,
                              checkpoint *state, train_hooks *hooks, err *e)
{
    const node *json = node_get(job->params, "fake_quant");
    if (!json) return OK;
    fake_quant_config q;
    train_surrogate *surrogate = ARENA_NEW(job->a, train_surrogate, 1);
    if (!surrogate) return FAIL(e, ERR_MEM, "out of memory");
    TRY(fake_quant_parse(json, &q, e));
    hooks->surrogate = surrogate;
    return fake_quant_open(&q, config, ex, state, job->a, surrogate, e);
}

/* Parents behind the data and the earlier training. */
static status count_sounds(const stage_job *job, int *out, err *e)
{
    *out = 0;
    if (!node_get(job->params, "sounds")) return OK;
    return node_int(job->params, "sounds", 0, job->rq->n_parents - 1, out, e);
}

static status train(const stage_job *job, const examples *ex, int n_sounds, buf *artifact,
                    stage_result *out, err *e)
{
    train_config *config = ARENA_NEW(job->a, train_config, 1);
    checkpoint *state = ARENA_NEW(job->a, checkpoint, 1);
    if (!config || !state) return FAIL(e, ERR_MEM, "out of memory");
    TRY(train_config_parse(job->params, config, e));
    TRY(begin(job, config, ex, n_sounds, state, e));
    train_hooks hooks = {0};
    TRY(node_get(job->params, "cluster") ? read_clusters(job, config, state, &hooks, e)
                                         : read_pruning(job, config, ex, &hooks, e));
    TRY(read_fake_quant(job, config, ex, state, &hooks, e));
    TRY(train_run(config, ex, state, config->from_epoch, config->to_epoch, &hooks, job->progress,
                  job->user, job->a, e));
    train_summary summary = train_summarise(state);
    stage_put_metric(out, "train_loss", summary.train_loss);
    stage_put_metric(out, "val_loss", summary.val_loss);
    if (state->classes) stage_put_metric(out, "val_accuracy", 100 * summary.val_accuracy);
    stage_put_metric(out, "epochs", summary.epochs);
    stage_put_metric(out, "best_epoch", summary.best_epoch);
    put_curve(&out->detail, state);
    return checkpoint_write(state, artifact, e);
}

/* Recorded noise is the last of the sounds when it is asked for. */
static status augment(const stage_job *job, const node *how, const stage_examples *data,
                      const stage_clips *sounds, examples *ex, err *e)
{
    augment_config c;
    uint64_t seed;
    TRY(augment_parse(how, &c, e));
    TRY(node_seed(job->params, "seed", &seed, e));
    if (!data->ex.n_classes) return FAIL(e, ERR_ARG, "only clips can be augmented");
    bool recorded = c.noise > 0 && c.noise_kind == NOISE_RECORDINGS && sounds->n > 0;
    int n_waves = recorded ? sounds->n - 1 : sounds->n;
    augment_sounds s = {sounds->set, n_waves, recorded ? &sounds->set[n_waves] : NULL};
    return augment_examples(&c, &data->clips, &s, seed, job->a, ex, e);
}

status stage_build_train(const stage_job *job, buf *artifact, stage_result *out, err *e)
{
    stage_examples data;
    stage_clips sounds = {0};
    const node *how = node_get(job->params, "augment");
    int n = 0;
    TRY(count_sounds(job, &n, e));
    status s = stage_open_examples(job, 0, &data, e);
    if (s == OK) s = stage_open_clips(job, job->rq->n_parents - n, n, &sounds, e);
    examples ex = data.ex;
    if (s == OK && how) s = augment(job, how, &data, &sounds, &ex, e);
    if (s == OK) s = train(job, &ex, n, artifact, out, e);
    stage_close_clips(&sounds);
    stage_close_examples(&data);
    return s;
}

status stage_tuned_net(const node *net, double remove, bool folded, arena *a, buf *json, err *e)
{
    arena_mark_t mark = arena_mark(a);
    net_spec *spec = ARENA_NEW(a, net_spec, 1), *next = ARENA_NEW(a, net_spec, 1);
    float *none;
    status s = spec && next ? OK : FAIL(e, ERR_MEM, "out of memory");
    if (s == OK) s = net_spec_parse(net, spec, e);
    if (s == OK) s = shrink_net(spec, remove, next, e);
    if (s == OK && folded) {
        *spec = *next;
        s = net_fold(spec, NULL, a, next, &none, e);
    }
    if (s == OK) net_spec_put_json(json, next);
    arena_release(a, mark);
    return s == OK ? buf_check(json, e) : s;
}
