/* Which examples a file is graded on. A file whose metadata describes its front end gets that one;
 * otherwise the space's front ends are compared with the shape of its input, and exactly one must fit. */
#include <string.h>

#include "search/grade.h"

static status no_memory(err *e)
{
    return FAIL(e, ERR_MEM, "out of memory for a front end");
}

typedef struct {
    int rank, dim[8];
    double n; /* numbers in it */
} port_shape;

static port_shape read_shape(const graded_file *f, const char *port)
{
    port_shape s = {.n = 1};
    const node *list = node_get(node_get(f->facts, port), "shape");
    for (int i = 0; list && i < list->n && i < 8; i++) {
        s.dim[s.rank++] = (int)list->item[i]->number;
        s.n *= list->item[i]->number;
    }
    return s;
}

static const char *show_shape(const port_shape *s, arena *a)
{
    const char *text = "";
    for (int i = 0; text && i < s->rank; i++)
        text = arena_printf(a, "%s%s%d", text, i ? "x" : "", s->dim[i]);
    return text ? text : "";
}

/* "49x10": an example's shape without dimensions of 1. */
static const char *show_example(const shape *s, arena *a)
{
    port_shape p = {0};
    for (int i = 0; i < s->rank; i++)
        if (s->dim[i] != 1) p.dim[p.rank++] = s->dim[i];
    return show_shape(&p, a);
}

/* Dimensions of 1 do not count, nor does a fixed batch; a network may also flatten its input. */
static bool fits_input(const port_shape *in, const shape *example)
{
    int got[8], want[8], n = 0, m = 0;
    const int first = in->rank > example->rank ? 1 : 0; /* the batch */
    for (int i = first; i < in->rank; i++)
        if (in->dim[i] != 1) got[n++] = in->dim[i];
    for (int i = 0; i < example->rank; i++)
        if (example->dim[i] != 1) want[m++] = example->dim[i];
    if (n == m && memcmp(got, want, sizeof *got * (size_t)n) == 0) return true;
    return in->rank <= 2 && n == 1 && got[0] == shape_size(*example);
}

static double outputs_of(const data_record *d)
{
    return d->io.steps_out ? (double)d->io.steps_out * d->io.outputs : d->io.outputs;
}

static bool fits_output(const graded_file *f, const data_record *d)
{
    const port_shape in = read_shape(f, "input"), out = read_shape(f, "output");
    const double batch = in.n / shape_size(d->io.in);
    return out.n == outputs_of(d) * batch;
}

/* --- the examples, each kind once --- */

static status use_data(grade *g, graded_file *f, const char *params, const char *input,
                       const char *features, err *e)
{
    const hash key = stage_key(STAGE_DATA, params, NULL, 0);
    f->features = features;
    for (f->data = 0; f->data < g->n_data; f->data++)
        if (strcmp(g->data[f->data].key.text, key.text) == 0) return OK;
    grade_data *longer = ARENA_NEW(g->a, grade_data, g->n_data + 1);
    if (!longer) return no_memory(e);
    if (g->n_data) memcpy(longer, g->data, sizeof *longer * (size_t)g->n_data);
    g->data = longer;
    g->data[g->n_data++] = (grade_data){params, input, features, key};
    return OK;
}

/* The parameters of a record with another front end in place of its own. */
static const char *with_features(grade *g, const data_record *d, const char *features)
{
    const char *own = strstr(d->params, d->features);
    if (!own) return NULL;
    return arena_printf(g->a, "%.*s%s%s", (int)(own - d->params), d->params, features,
                        own + strlen(d->features));
}

/* --- failures, as sentences --- */

static status refuse(graded_file *f, const char *why, err *e)
{
    f->failure = why;
    return why ? OK : no_memory(e);
}

static status refuse_output(grade *g, graded_file *f, const data_record *d, err *e)
{
    const port_shape out = read_shape(f, "output");
    const char *shown = show_shape(&out, g->a);
    if (d->io.steps_out == 0)
        return refuse(
            f, arena_printf(g->a, "gives %s, but the space has %d words", shown, d->io.outputs), e);
    return refuse(f,
                  arena_printf(g->a,
                               "gives %s, but the space asks for %d steps of %d; --set "
                               "data.steps_out=N grades forecasts of N steps",
                               shown, d->io.steps_out, d->io.outputs),
                  e);
}

/* The shapes that the space has, each once. */
static const char *list_shapes(const grade *g)
{
    const char *list = "";
    for (int i = 0; list && i < g->p->n_data; i++) {
        const char *one = show_example(&g->p->data[i].io.in, g->a);
        if (!strstr(list, one)) list = arena_printf(g->a, "%s%s%s", list, *list ? ", " : "", one);
    }
    return list;
}

static status refuse_input(grade *g, graded_file *f, err *e)
{
    const port_shape in = read_shape(f, "input");
    const char *has = list_shapes(g), *shown = show_shape(&in, g->a);
    if (!has) return no_memory(e);
    if (!space_spots_words(g->s))
        return refuse(
            f, arena_printf(g->a, "takes %s, but the space's examples are %s", shown, has), e);
    return refuse(
        f,
        arena_printf(g->a,
                     "takes %s, but the space's front ends give %s (--set data.feature=..., "
                     "data.frame_ms=... for another)",
                     shown, has),
        e);
}

static bool same_text(const node *p, const node *q)
{
    return p && q && p->text && q->text && strcmp(p->text, q->text) == 0;
}

/* "rate 16000 frame 640": what sets one of several front ends apart. */
static const char *differences(grade *g, node *const *all, int n, int i)
{
    const char *text = "";
    for (int k = 0; text && k < all[i]->n; k++) {
        const char *key = all[i]->key[k]->text;
        bool differs = false;
        for (int j = 0; j < n; j++) differs |= !same_text(all[i]->item[k], node_get(all[j], key));
        if (differs)
            text = arena_printf(g->a, "%s%s%s %s", text, *text ? ", " : "", key,
                                all[i]->item[k]->text);
    }
    return text;
}

static status refuse_choice(grade *g, graded_file *f, const int *record, int n, err *e)
{
    const port_shape in = read_shape(f, "input");
    node **all = ARENA_NEW(g->a, node *, n);
    if (!all) return no_memory(e);
    for (int i = 0; i < n; i++) {
        const char *json = g->p->data[record[i]].features;
        TRY(node_read_json(g->a, json, strlen(json), &all[i], e));
    }
    const char *text =
        arena_printf(g->a,
                     "does not say how its features are made, and %d front ends of the space give "
                     "%s: ",
                     n, show_shape(&in, g->a));
    for (int i = 0; text && i < n; i++)
        text = arena_printf(g->a, "%s%s(%s)", text, i ? ", " : "", differences(g, all, n, i));
    if (!text) return no_memory(e);
    return refuse(f, arena_printf(g->a, "%s; choose one with --set", text), e);
}

/* --- the choice --- */

/* The file says how its features are made. */
static status choose_own(grade *g, graded_file *f, const node *features, err *e)
{
    const data_record *d = &g->p->data[0];
    const port_shape in = read_shape(f, "input");
    buf canonical = {0};
    shape given;
    double seconds;
    const status s = stage_check_features(features, &canonical, &given, &seconds, e);
    const char *json = s == OK ? arena_copy(g->a, canonical.data, canonical.len) : NULL;
    buf_free(&canonical);
    TRY(s);
    if (!json) return no_memory(e);
    if (!fits_input(&in, &given))
        return refuse(f,
                      arena_printf(g->a, "takes %s, but the front end in its metadata gives %s",
                                   show_shape(&in, g->a), show_example(&given, g->a)),
                      e);
    data_record own = *d;
    own.io.in = given;
    if (!fits_output(f, &own)) return refuse_output(g, f, d, e);
    const char *params = with_features(g, d, json);
    if (!params) return no_memory(e);
    return use_data(g, f, params, d->input, json, e);
}

static bool is_new(const grade *g, const int *record, int n, int i)
{
    const char *params = g->p->data[i].params;
    for (int k = 0; k < n; k++)
        if (strcmp(g->p->data[record[k]].params, params) == 0) return false;
    return true;
}

status grade_choose(grade *g, graded_file *f, err *e)
{
    const node *features = node_get(f->facts, "features");
    const port_shape in = read_shape(f, "input");
    int n = 0, n_in = 0, first = 0;
    if (features && space_spots_words(g->s)) return choose_own(g, f, features, e);
    int *record = ARENA_NEW(g->a, int, g->p->n_data);
    if (!record) return no_memory(e);
    for (int i = 0; i < g->p->n_data; i++) {
        const data_record *d = &g->p->data[i];
        if (!fits_input(&in, &d->io.in)) continue;
        if (n_in++ == 0) first = i;
        if (fits_output(f, d) && is_new(g, record, n, i)) record[n++] = i;
    }
    if (n_in == 0) return refuse_input(g, f, e);
    if (n == 0) return refuse_output(g, f, &g->p->data[first], e);
    const data_record *d = &g->p->data[record[0]];
    if (n == 1) return use_data(g, f, d->params, d->input, d->features, e);
    if (d->features) return refuse_choice(g, f, record, n, e);
    return refuse(
        f, arena_printf(g->a, "%d of the space's data settings fit it; choose one with --set", n),
        e);
}

/* --- the order of the words --- */

/* For each output the word that it is heard for most often, if these are all different. */
static bool guess_order(const node *confusion, int n, int *word)
{
    for (int heard = 0; heard < n; heard++) {
        word[heard] = 0;
        for (int spoken = 1; spoken < n; spoken++)
            if (confusion->item[spoken]->item[heard]->number >
                confusion->item[word[heard]]->item[heard]->number)
                word[heard] = spoken;
        for (int k = 0; k < heard; k++)
            if (word[k] == word[heard]) return false;
    }
    return true;
}

/* Percent right, with output i standing for word[i]. */
static double right_percent(const node *confusion, int n, const int *word)
{
    double right = 0, all = 0;
    for (int spoken = 0; spoken < n; spoken++)
        for (int heard = 0; heard < n; heard++) {
            const double count = confusion->item[spoken]->item[heard]->number;
            all += count;
            right += word[heard] == spoken ? count : 0;
        }
    return all > 0 ? 100 * right / all : 0;
}

/* The word that output `heard` of the file is graded as, in data.words. */
static const char *list_words(const grade *g, const int *word, int n)
{
    const char *text = "";
    for (int output = 0; text && output < n; output++) {
        const int graded = g->graded_as ? g->graded_as[output] : output;
        text = arena_printf(g->a, "%s%s%s", text, output ? "," : "", g->s->word[word[graded]]);
    }
    return text;
}

status grade_check_order(grade *g, graded_file *f, const node *detail, err *e)
{
    const node *confusion = node_get(node_get(detail, "confusion"), "val");
    const int n = confusion ? confusion->n : 0;
    int word[SPACE_MAX_WORDS], same[SPACE_MAX_WORDS];
    if (n == 0 || n != g->s->n_words) return OK;
    for (int i = 0; i < n; i++) same[i] = i;
    if (!guess_order(confusion, n, word)) return OK;
    const double now = right_percent(confusion, n, same), then = right_percent(confusion, n, word);
    if (then < 50 || then < now + 20) return OK;
    const char *list = list_words(g, word, n);
    f->note = list ? arena_printf(g->a, "right for %.1f %% of validation clips with --labels %s",
                                  then, list)
                   : NULL;
    return f->note ? OK : no_memory(e);
}
