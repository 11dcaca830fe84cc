#include "engine/data/noise.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/base/file.h"
#include "tests/support/scratch.h"

static arena memory;
static char folder[SCRATCH_PATH];

static void start(void)
{
    arena_init(&memory, 0);
    scratch_make(folder);
}

static void end(void)
{
    scratch_remove(folder);
    arena_free(&memory);
}

TestSuite(noise, .init = start, .fini = end);

/* Mean square of orthonormal Haar details at `level`: of halves of blocks of 2^level samples. White
 * noise has the same at every level, pink noise twice as much with each. */
static double haar(const int16_t *x, int n, int level)
{
    int block = 1 << level;
    double sum = 0;
    for (int i = 0; i + block <= n; i += block) {
        double d = 0;
        for (int k = 0; k < block; k++) d += k < block / 2 ? x[i + k] : -x[i + k];
        sum += d * d / block;
    }
    return sum / (n / block);
}

Test(noise, white_is_flat_and_pink_falls_by_half_with_every_octave)
{
    enum { LENGTH = 1 << 18 };
    int16_t *x = ARENA_NEW(&memory, int16_t, LENGTH);
    noise_make(NOISE_WHITE, 1, x, LENGTH);
    cr_expect_float_eq(haar(x, LENGTH, 6) / haar(x, LENGTH, 2), 1, 0.1);
    noise_make(NOISE_PINK, 1, x, LENGTH);
    cr_expect_float_eq(haar(x, LENGTH, 6) / haar(x, LENGTH, 2), 16, 3.2);
    cr_expect_float_eq(haar(x, LENGTH, 8) / haar(x, LENGTH, 4), 16, 3.2);
}

static void write_ramp(const char *name, int n, int rate)
{
    float *x = ARENA_NEW(&memory, float, n);
    for (int i = 0; i < n; i++) x[i] = (float)(i % 30000) / 32768;
    cr_assert_eq(audio_write_wav(file_join(&memory, folder, name), x, n, rate, NULL), OK);
}

Test(noise, recordings_are_cut_into_whole_seconds)
{
    static float x[NOISE_RATE];
    clips c;
    err e = {0};
    write_ramp("b.wav", 40000, 16000);
    write_ramp("a.wav", 8000, 8000);
    cr_assert_eq(file_write(file_join(&memory, folder, "README.md"), "noise", 5, NULL), OK);
    cr_assert_eq(noise_open(&c, folder, &memory, &e), OK, "%s", e.msg);
    cr_assert(c.n == 3 && c.n_words == 2 && c.n_part[PART_TRAIN] == 3);
    cr_expect_str_eq(c.word[0], "a.wav");
    cr_expect(c.clip[0].label == 0 && c.clip[1].label == 1 && c.clip[2].label == 1);
    const audio_options o = {.full_scale = 32768};
    for (int i = 2; i >= 1; i--) {
        cr_assert_eq(c.samples(&c, i, &o, 16000, x, 16000, &memory, NULL, &e), OK, "%s", e.msg);
        for (int k = 0; k < 16000; k++)
            cr_assert_eq(x[k], (float)(((i - 1) * 16000 + k) % 30000) / 32768);
    }
    cr_expect_eq(c.samples(&c, 0, &o, 16000, x, 16000, &memory, NULL, &e), OK, "resampled");
    cr_expect_eq(c.samples(&c, 0, &o, 8000, x, 8000, &memory, NULL, &e), ERR_ARG);
}

Test(noise, folders_that_cannot_serve_say_why)
{
    clips c;
    err e = {0};
    cr_expect_eq(noise_open(&c, folder, &memory, &e), ERR_INPUT);
    cr_expect_str_eq(e.msg,
                     arena_printf(&memory, "%s: holds no .wav or .flac file of noise", folder));
    e = (err){0};
    write_ramp("short.wav", 15999, 16000);
    cr_expect_eq(noise_open(&c, folder, &memory, &e), ERR_INPUT);
    cr_expect(strstr(e.msg, "shorter than a second"), "%s", e.msg);
}
