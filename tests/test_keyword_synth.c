#include "engine/data/keyword_synth.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "engine/data/clip_set.h"

static arena memory;

static void start(void)
{
    arena_init(&memory, 0);
}

static void end(void)
{
    arena_free(&memory);
}

TestSuite(keyword_synth, .init = start, .fini = end);

static clips open_fine(keyword_options o)
{
    clips c;
    err e = {0};
    cr_assert(keyword_open(&c, &o, &memory, &e) == OK, "%s", e.msg);
    return c;
}

Test(keyword_synth, words_are_balanced_and_speakers_stay_in_one_part)
{
    keyword_options o = keyword_defaults();
    clips c = open_fine(o);
    int count[KEYWORD_WORDS] = {0}, part_of[100], speakers[N_PARTS] = {0};
    for (int i = 0; i < 100; i++) part_of[i] = -1;
    cr_assert_eq(c.n, 2000);
    for (int i = 0; i < c.n; i++) {
        int s = c.clip[i].speaker;
        count[c.clip[i].label]++;
        if (part_of[s] < 0) speakers[c.clip[i].part]++;
        cr_expect(part_of[s] < 0 || part_of[s] == (int)c.clip[i].part);
        part_of[s] = (int)c.clip[i].part;
        cr_expect(i == 0 || c.clip[i].part >= c.clip[i - 1].part);
    }
    for (int w = 0; w < KEYWORD_WORDS; w++) cr_expect_eq(count[w], 250);
    cr_expect(speakers[PART_VAL] == 10 && speakers[PART_TEST] == 10 && speakers[PART_TRAIN] == 80);
    cr_expect_eq(c.n_part[0] + c.n_part[1] + c.n_part[2], 2000);
}

Test(keyword_synth, a_batch_of_neighbours_mixes_words)
{
    clips c = open_fine(keyword_defaults());
    for (int first = 0; first + 32 <= c.n_part[PART_TRAIN]; first += 32) {
        int seen[KEYWORD_WORDS] = {0}, n = 0;
        for (int i = first; i < first + 32; i++) n += seen[c.clip[i].label]++ == 0;
        cr_expect_geq(n, 4);
    }
}

Test(keyword_synth, clips_depend_on_their_key_alone)
{
    static float a[KEYWORD_SAMPLES], b[KEYWORD_SAMPLES];
    static const struct {
        uint64_t seed;
        int speaker, word, take;
        bool same;
    } rows[] = {{1, 2, 3, 4, true},
                {2, 2, 3, 4, false},
                {1, 3, 3, 4, false},
                {1, 2, 4, 4, false},
                {1, 2, 3, 5, false}};
    keyword_render(a, 1, 2, 3, 4);
    for (int i = 0; i < 5; i++) {
        keyword_render(b, rows[i].seed, rows[i].speaker, rows[i].word, rows[i].take);
        cr_expect_eq(memcmp(a, b, sizeof a) == 0, rows[i].same, "row %d", i);
    }
}

Test(keyword_synth, samples_are_sixteen_bits_wide_and_audible)
{
    static float x[KEYWORD_SAMPLES];
    for (int speaker = 0; speaker < 40; speaker++) {
        for (int word = 0; word < KEYWORD_WORDS; word++) {
            double energy = 0, most = 0;
            keyword_render(x, 1, speaker, word, 0);
            for (int i = 0; i < KEYWORD_SAMPLES; i++) {
                cr_assert(x[i] >= -1 && x[i] < 1 && x[i] * 32768 == rintf(x[i] * 32768));
                energy += (double)x[i] * (double)x[i];
                most = fmax(most, fabs((double)x[i]));
            }
            cr_expect(sqrt(energy / KEYWORD_SAMPLES) > 1e-3 && most > 0.01, "speaker %d word %d",
                      speaker, word);
        }
    }
}

Test(keyword_synth, other_rates_and_scales_are_served)
{
    clips c = open_fine(keyword_defaults());
    static float x[KEYWORD_SAMPLES], y[KEYWORD_SAMPLES], z[8000];
    audio_fault fault;
    err e = {0};
    cr_assert_eq(c.samples(&c, 0, &(audio_options){.full_scale = 32768}, 16000, x, 16000, &memory,
                           &fault, &e),
                 OK);
    cr_assert_eq(c.samples(&c, 0, &(audio_options){.full_scale = 32767}, 16000, y, 16000, &memory,
                           &fault, &e),
                 OK);
    cr_assert_eq(
        c.samples(&c, 0, &(audio_options){.full_scale = 32768}, 8000, z, 8000, &memory, NULL, &e),
        OK);
    double full = 0, low = 0;
    for (int i = 0; i < 16000; i++) {
        cr_assert(fabsf(y[i] - x[i] * 32768 / 32767) < 1e-7f);
        full += (double)x[i] * (double)x[i];
    }
    for (int i = 0; i < 8000; i++) low += 2 * (double)z[i] * (double)z[i];
    cr_expect(low > 0.2 * full && low <= full, "energy %g of %g", low, full);
}

Test(keyword_synth, wrong_options_are_refused)
{
    static const struct {
        keyword_options o;
        const char *message;
    } rows[] = {
        {{.clips = 7, .speakers = 3},
         "synthetic-keywords: clips is 7; it must be between 8 and 4194304"},
        {{.clips = 80, .speakers = 2},
         "synthetic-keywords: speakers is 2; it must be between 3 and 80, the clips"},
        {{.clips = 80, .speakers = 8, .val_percent = 50, .test_percent = 50},
         "synthetic-keywords: 50 % for validation and 50 % for test; they must be 0 or more and "
         "together below 100"},
    };
    for (int i = 0; i < 3; i++) {
        clips c;
        err e = {0};
        cr_expect_eq(keyword_open(&c, &rows[i].o, &memory, &e), ERR_INPUT);
        cr_expect_str_eq(e.msg, rows[i].message);
    }
}

Test(keyword_synth, every_part_has_a_speaker_however_few_there_are)
{
    for (int speakers = 3; speakers < 8; speakers++) {
        clips c = open_fine((keyword_options){
            .clips = 64, .speakers = speakers, .val_percent = 49, .test_percent = 49});
        for (int p = 0; p < N_PARTS; p++)
            cr_expect_gt(c.n_part[p], 0, "%d speakers, part %d", speakers, p);
    }
}

/* --- as hard as it should be --- */

typedef struct {
    int n, size;
    float *x;
    int32_t *label;
} table;

static table fetch(const clip_set *s, part p)
{
    table t = {s->part_from[p + 1] - s->part_from[p], shape_size(s->in), NULL, NULL};
    t.x = ARENA_NEW(&memory, float, t.n *t.size);
    t.label = ARENA_NEW(&memory, int32_t, t.n);
    clip_set_fetch(s, p, 0, t.n, t.x, t.label);
    return t;
}

static double distance(const float *a, const float *b, int n)
{
    double sum = 0;
    for (int i = 0; i < n; i++)
        sum += ((double)a[i] - (double)b[i]) * ((double)a[i] - (double)b[i]);
    return sum;
}

/* Share of `t` whose nearest row of `from` has the right label. */
static double nearest(const table *t, const table *from)
{
    int right = 0;
    for (int i = 0; i < t->n; i++) {
        double best = INFINITY;
        int32_t label = -1;
        for (int k = 0; k < from->n; k++) {
            double d = distance(t->x + i * t->size, from->x + k * from->size, t->size);
            if (d < best) best = d, label = from->label[k];
        }
        right += label == t->label[i];
    }
    return (double)right / t->n;
}

static table centroids(const table *t)
{
    table c = {KEYWORD_WORDS, t->size, ARENA_NEW(&memory, float, KEYWORD_WORDS * t->size),
               ARENA_NEW(&memory, int32_t, KEYWORD_WORDS)};
    for (int w = 0; w < KEYWORD_WORDS; w++) {
        int n = 0;
        c.label[w] = w;
        for (int i = 0; i < t->n; i++) {
            if (t->label[i] != w) continue;
            for (int k = 0; k < t->size; k++) c.x[w * t->size + k] += t->x[i * t->size + k];
            n++;
        }
        for (int k = 0; k < t->size; k++) c.x[w * t->size + k] /= (float)n;
    }
    return c;
}

/* Every coefficient to unit variance over the rows of `like`: loudness would drown the rest. */
static void standardize(table *t, const table *like)
{
    enum { K = 10 };
    for (int k = 0; k < K; k++) {
        double sum = 0, squares = 0;
        int n = like->n * like->size / K;
        for (int i = 0; i < n; i++) {
            sum += (double)like->x[i * K + k];
            squares += (double)like->x[i * K + k] * (double)like->x[i * K + k];
        }
        double mean = sum / n, scale = 1 / sqrt(squares / n - mean * mean);
        for (int i = 0; i < t->n * t->size / K; i++)
            t->x[i * K + k] = (float)(((double)t->x[i * K + k] - mean) * scale);
    }
}

/* The crudest classifier is well above chance (one in eight), a better one is better, and neither
 * is anywhere near perfect: there is room for a network. */
Test(keyword_synth, better_classifiers_score_better)
{
    clips c = open_fine(keyword_defaults());
    clip_set_options o = {.features = feature_defaults(FEATURE_MFCC)};
    buf b = {0};
    err e = {0};
    clip_set s;
    cr_assert(clip_set_build(&c, &o, 0, c.n, &memory, &b, &e) == OK, "%s", e.msg);
    cr_assert(clip_set_read(&s, b.data, b.len, "set", &e) == OK, "%s", e.msg);
    table train = fetch(&s, PART_TRAIN), val = fetch(&s, PART_VAL);
    standardize(&val, &train);
    standardize(&train, &train);
    table centre = centroids(&train);
    double crude = nearest(&val, &centre), better = nearest(&val, &train);
    cr_expect(crude > 0.2 && better > crude + 0.02 && better < 0.7,
              "centroids %.3f, neighbours %.3f", crude, better);
    buf_free(&b);
}
