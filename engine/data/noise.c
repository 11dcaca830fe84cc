#include "engine/data/noise.h"

#include <dirent.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "engine/base/file.h"
#include "engine/base/rng.h"

typedef struct {
    const char *folder;
    const char *file[NOISE_MAX_FILES];
    int n_files;
    int seconds[NOISE_MAX_FILES];
    const int *second_of; /* per clip */
    /* The recording that clips were last cut from: they are asked for one after the other. */
    int *held;
    float *held_x;
} noise_source;

static bool is_sound(const char *name)
{
    size_t n = strlen(name);
    return name[0] != '.' && ((n > 4 && strcasecmp(name + n - 4, ".wav") == 0) ||
                              (n > 5 && strcasecmp(name + n - 5, ".flac") == 0));
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static status list_files(noise_source *s, arena *a, err *e)
{
    DIR *d = opendir(s->folder);
    if (!d) return file_failed(s->folder, "read the folder", errno, e);
    status code = OK;
    for (struct dirent *entry; code == OK && (entry = readdir(d));) {
        if (!is_sound(entry->d_name)) continue;
        if (s->n_files == NOISE_MAX_FILES)
            code = FAIL(e, ERR_INPUT, "%s: more than %d recordings of noise", s->folder,
                        NOISE_MAX_FILES);
        else if (!(s->file[s->n_files++] = arena_string(a, entry->d_name)))
            code = FAIL(e, ERR_MEM, "out of memory");
    }
    closedir(d);
    TRY(code);
    if (s->n_files == 0)
        return FAIL(e, ERR_INPUT, "%s: holds no .wav or .flac file of noise", s->folder);
    qsort(s->file, (size_t)s->n_files, sizeof *s->file, by_text);
    return OK;
}

static status read_file(const noise_source *s, int file, const audio_options *o, arena *a,
                        audio_clip *out, audio_fault *fault, err *e)
{
    const char *path = file_join(a, s->folder, s->file[file]);
    if (!path) return FAIL(e, ERR_MEM, "out of memory");
    return audio_read(path, o, a, out, fault, e);
}

/* Seconds of each recording; the most of one in *longest, all of them in *total. */
static status measure(noise_source *s, arena *a, int *longest, int *total, err *e)
{
    const audio_options o = {.full_scale = 32768, .mix_down = true};
    for (int i = 0; i < s->n_files; i++) {
        audio_clip in;
        arena_mark_t mark = arena_mark(a);
        status code = read_file(s, i, &o, a, &in, NULL, e);
        arena_release(a, mark);
        TRY(code);
        s->seconds[i] = in.n / in.rate;
        if (s->seconds[i] < 1)
            return FAIL(e, ERR_INPUT, "%s/%s: shorter than a second: no noise can be cut from it",
                        s->folder, s->file[i]);
        if (s->seconds[i] > CLIPS_MAX - *total)
            return FAIL(e, ERR_INPUT, "%s: more than %d seconds of noise", s->folder, CLIPS_MAX);
        *total += s->seconds[i];
        if (s->seconds[i] > *longest) *longest = s->seconds[i];
    }
    return OK;
}

static status hold(const noise_source *s, int file, const audio_options *o, arena *a,
                   audio_fault *fault, err *e)
{
    audio_clip in;
    audio_options mixed = *o;
    mixed.mix_down = true;
    arena_mark_t mark = arena_mark(a);
    *s->held = -1;
    status code = read_file(s, file, &mixed, a, &in, fault, e);
    if (code == OK)
        code = clips_fit(s->held_x, s->seconds[file] * NOISE_RATE, NOISE_RATE, in.x, in.n, in.rate,
                         a, e);
    arena_release(a, mark);
    if (code == OK) *s->held = file;
    return code;
}

static status samples_of_second(const clips *c, int i, const audio_options *o, int rate, float *x,
                                int n, arena *a, audio_fault *fault, err *e)
{
    const noise_source *s = c->source;
    int file = c->clip[i].label;
    if (rate != NOISE_RATE || n != NOISE_RATE)
        return FAIL(e, ERR_ARG, "noise is cut into seconds at %d Hz", NOISE_RATE);
    if (*s->held != file) TRY(hold(s, file, o, a, fault, e));
    memcpy(x, s->held_x + (size_t)s->second_of[i] * NOISE_RATE, NOISE_RATE * sizeof *x);
    return OK;
}

static status cut(noise_source *s, clips *c, int total, int longest, arena *a, err *e)
{
    clip *all = ARENA_NEW(a, clip, total);
    int *second = ARENA_NEW(a, int, total), n = 0;
    s->held = ARENA_NEW(a, int, 1);
    s->held_x = ARENA_NEW(a, float, (size_t)longest *NOISE_RATE);
    if (!all || !second || !s->held || !s->held_x)
        return FAIL(e, ERR_MEM, "out of memory for %d seconds of noise", total);
    *s->held = -1;
    s->second_of = second;
    for (int f = 0; f < s->n_files; f++)
        for (int k = 0; k < s->seconds[f]; k++, n++) {
            all[n] = (clip){s->file[f], f, 0, PART_TRAIN};
            second[n] = k;
        }
    *c = (clips){.n_words = s->n_files,
                 .word = s->file,
                 .n_speakers = 1,
                 .n = total,
                 .clip = all,
                 .n_part = {total},
                 .samples = samples_of_second,
                 .source = s};
    return OK;
}

status noise_open(clips *c, const char *folder, arena *a, err *e)
{
    int longest = 0, total = 0;
    noise_source *s = ARENA_NEW(a, noise_source, 1);
    *c = (clips){0};
    if (!s || !(s->folder = arena_string(a, folder))) return FAIL(e, ERR_MEM, "out of memory");
    TRY(list_files(s, a, e));
    TRY(measure(s, a, &longest, &total, e));
    return cut(s, c, total, longest, a, e);
}

/* --- made-up noise --- */

/* Three low passes whose sum falls by 3 dB an octave within half a decibel, from a thousandth of the
 * sampling rate up: "economy" pink noise, http://www.firstpr.com.au/dsp/pink-noise/. */
static float pink(float *state, float white)
{
    state[0] = 0.99765f * state[0] + white * 0.0990460f;
    state[1] = 0.96300f * state[1] + white * 0.2965164f;
    state[2] = 0.57000f * state[2] + white * 1.0526913f;
    return state[0] + state[1] + state[2] + white * 0.1848f;
}

void noise_make(noise_kind kind, uint64_t seed, int16_t *x, int n)
{
    rng r = rng_stream(seed, RNG_SYNTH, 0);
    float state[3] = {0};
    for (int i = 0; i < n; i++) {
        float white = rng_normal(&r) * 2000, y = kind == NOISE_PINK ? pink(state, white) : white;
        x[i] = (int16_t)fminf(fmaxf(rintf(y), -32768.0f), 32767.0f);
    }
}
