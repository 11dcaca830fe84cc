#include "engine/signal/audio.h"

#include <criterion/criterion.h>
#include <math.h>
#include <sndfile.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/base/file.h"

static arena memory;
static char folder[] = "/tmp/paretune-audio-XXXXXX";

static void start(void)
{
    arena_init(&memory, 0);
    cr_assert(mkdtemp(folder));
}

static void end(void)
{
    char command[80];
    snprintf(command, sizeof command, "rm -rf %s", folder);
    cr_expect_eq(system(command), 0);
    arena_free(&memory);
}

TestSuite(audio, .init = start, .fini = end);

static const audio_options usual = {.full_scale = 32768};

/* A file written by libsndfile: n frames of sample values 0.5, -0.25, 0.125, ... */
static const char *sound_file(const char *name, int format, int channels, int rate, int n)
{
    const char *path = file_join(&memory, folder, name);
    SF_INFO info = {.samplerate = rate, .channels = channels, .format = format};
    SNDFILE *f = sf_open(path, SFM_WRITE, &info);
    cr_assert(f, "%s: %s", name, sf_strerror(NULL));
    float *x = ARENA_NEW(&memory, float, n *channels);
    for (int i = 0; i < n * channels; i++) x[i] = (i % 2 ? -0.25f : 0.5f) / (float)(1 + i % 5);
    cr_assert_eq(sf_writef_float(f, x, n), n);
    sf_close(f);
    return path;
}

static const char *raw_file(const char *name, const void *bytes, size_t n)
{
    const char *path = file_join(&memory, folder, name);
    err e = {0};
    cr_assert(file_write(path, bytes, n, &e) == OK, "%s", e.msg);
    return path;
}

static audio_clip read_fine(const char *path, audio_options o)
{
    audio_clip c;
    audio_fault fault;
    err e = {0};
    cr_assert(audio_read(path, &o, &memory, &c, &fault, &e) == OK, "%s", e.msg);
    cr_expect_eq(fault, AUDIO_FINE);
    return c;
}

/* Expects the fault, and a message that is the path and then `message`. */
static void expect_fault(const char *path, audio_options o, audio_fault want, const char *message)
{
    audio_clip c;
    audio_fault fault;
    err e = {0};
    cr_expect_eq(audio_read(path, &o, &memory, &c, &fault, &e), ERR_INPUT);
    cr_expect_eq(fault, want, "%s: %s", path, audio_fault_name(fault));
    cr_assert(strncmp(e.msg, path, strlen(path)) == 0, "%s", e.msg);
    cr_expect_str_eq(e.msg + strlen(path), message);
    cr_expect(c.n == 0 && c.x == NULL);
}

/* --- what can be read --- */

Test(audio, wav_and_flac_give_the_same_samples)
{
    audio_clip w =
        read_fine(sound_file("a.wav", SF_FORMAT_WAV | SF_FORMAT_PCM_16, 1, 16000, 999), usual);
    audio_clip f =
        read_fine(sound_file("a.flac", SF_FORMAT_FLAC | SF_FORMAT_PCM_16, 1, 16000, 999), usual);
    cr_assert(w.n == 999 && f.n == 999 && w.rate == 16000 && w.bits == 16 && w.n_channels == 1);
    cr_expect(memcmp(w.x, f.x, 999 * sizeof(float)) == 0);
    cr_expect_eq(w.x[1], -0.125f);
}

Test(audio, sixteen_bits_are_divided_by_the_full_scale_asked_for)
{
    static const unsigned char wav[] = {
        'R', 'I', 'F', 'F', 42,  0,   0, 0, 'W',  'A', 'V',  'E',  'f',  'm',  't', ' ', 16,
        0,   0,   0,   1,   0,   1,   0, 0, 0x7d, 0,   0,    0,    0xfa, 0,    0,   2,   0,
        16,  0,   'd', 'a', 't', 'a', 6, 0, 0,    0,   0xff, 0x7f, 0,    0x80, 1,   0};
    const char *path = raw_file("edge.wav", wav, sizeof wav);
    audio_clip a = read_fine(path, usual),
               b = read_fine(path, (audio_options){.full_scale = 32767});
    cr_assert(a.n == 3 && b.n == 3 && a.rate == 32000);
    cr_expect(a.x[0] == 32767 / 32768.0f && a.x[1] == -1 && a.x[2] == 1 / 32768.0f);
    cr_expect(b.x[0] == 1 && b.x[1] == -32768 / 32767.0f && b.x[2] == 1 / 32767.0f);
}

/* Sample i of one channel of a sound_file. */
static double sound_sample(int i)
{
    return (i % 2 ? -0.25 : 0.5) / (1 + i % 5);
}

Test(audio, other_sample_formats_follow_the_same_scale)
{
    static const struct {
        const char *name;
        int format, bits;
        double tolerance;
    } rows[] = {{"u8.wav", SF_FORMAT_WAV | SF_FORMAT_PCM_U8, 8, 1.0 / 128},
                {"p16.wav", SF_FORMAT_WAV | SF_FORMAT_PCM_16, 16, 1.0 / 32768},
                {"p24.wav", SF_FORMAT_WAV | SF_FORMAT_PCM_24, 24, 1e-6},
                {"p32.wav", SF_FORMAT_WAV | SF_FORMAT_PCM_32, 32, 1e-6},
                {"f32.wav", SF_FORMAT_WAV | SF_FORMAT_FLOAT, 32, 1e-6},
                {"f64.wav", SF_FORMAT_WAV | SF_FORMAT_DOUBLE, 64, 1e-6},
                {"ulaw.wav", SF_FORMAT_WAV | SF_FORMAT_ULAW, 8, 0.02},
                {"p24.flac", SF_FORMAT_FLAC | SF_FORMAT_PCM_24, 24, 1e-6}};
    for (int scale = 32767; scale <= 32768; scale++) {
        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
            const char *path = sound_file(rows[i].name, rows[i].format, 1, 16000, 300);
            audio_clip c = read_fine(path, (audio_options){.full_scale = scale});
            cr_assert(c.n == 300 && c.bits == rows[i].bits, "%s: %d bits", rows[i].name, c.bits);
            for (int k = 0; k < 300; k++)
                cr_assert(fabs((double)c.x[k] - sound_sample(k) * 32768 / scale) <
                              rows[i].tolerance,
                          "%s [%d]", rows[i].name, k);
        }
    }
}

Test(audio, channels_are_averaged_when_that_is_allowed)
{
    const char *path = sound_file("two.wav", SF_FORMAT_WAV | SF_FORMAT_PCM_16, 2, 8000, 100);
    audio_clip c = read_fine(path, (audio_options){.full_scale = 32768, .mix_down = true});
    cr_assert(c.n == 100 && c.n_channels == 2 && c.rate == 8000);
    cr_expect_eq(c.x[0], (0.5f + -0.125f) / 2);
}

/* --- what cannot --- */

Test(audio, a_missing_file_is_named)
{
    expect_fault(file_join(&memory, folder, "none.wav"), usual, AUDIO_UNREADABLE,
                 ": cannot read: No such file or directory");
}

Test(audio, several_channels_are_refused_unless_allowed)
{
    expect_fault(sound_file("two.wav", SF_FORMAT_WAV | SF_FORMAT_PCM_16, 2, 8000, 100), usual,
                 AUDIO_STEREO, ": has 2 channels; record in mono, or allow mixing them down");
}

Test(audio, other_formats_are_refused_when_only_16_bits_are_allowed)
{
    expect_fault(sound_file("p24.wav", SF_FORMAT_WAV | SF_FORMAT_PCM_24, 1, 8000, 100),
                 (audio_options){.full_scale = 32768, .only_16bit = true}, AUDIO_FORMAT,
                 ": 24-bit samples where only 16-bit PCM is allowed");
}

Test(audio, empty_files_and_empty_sounds_are_empty)
{
    expect_fault(raw_file("zero.wav", "", 0), usual, AUDIO_EMPTY, ": an empty file");
    expect_fault(sound_file("none.wav", SF_FORMAT_WAV | SF_FORMAT_PCM_16, 1, 16000, 0), usual,
                 AUDIO_EMPTY, ": holds no sample");
}

Test(audio, text_is_not_a_sound_file)
{
    const char *path = raw_file("text.wav", "these are words, not samples\n", 29);
    audio_clip c;
    audio_fault fault;
    err e = {0};
    cr_expect_eq(audio_read(path, &usual, &memory, &c, &fault, &e), ERR_INPUT);
    cr_expect_eq(fault, AUDIO_NOT_SOUND);
    cr_expect(strstr(e.msg, "text.wav: not a sound file that can be read ("), "%s", e.msg);
}

static const char *cut_copy(const char *path, const char *name, size_t less)
{
    char *bytes;
    size_t n;
    err e = {0};
    cr_assert(file_read(&memory, path, AUDIO_MAX_BYTES, &bytes, &n, &e) == OK);
    return raw_file(name, bytes, n - less);
}

Test(audio, truncated_files_are_told_from_short_clips)
{
    const char *wav = sound_file("a.wav", SF_FORMAT_WAV | SF_FORMAT_PCM_16, 1, 16000, 5000);
    expect_fault(cut_copy(wav, "cut.wav", 1000), usual, AUDIO_TRUNCATED,
                 ": truncated: its header promises 1000 bytes more");
    const char *flac = sound_file("a.flac", SF_FORMAT_FLAC | SF_FORMAT_PCM_16, 1, 16000, 50000);
    const char *cut = cut_copy(flac, "cut.flac", 200);
    audio_clip c;
    audio_fault fault;
    err e = {0};
    cr_expect_eq(audio_read(cut, &usual, &memory, &c, &fault, &e), ERR_INPUT);
    cr_expect_eq(fault, AUDIO_TRUNCATED, "%s", e.msg);
    cr_expect(strstr(e.msg, "of 50000 frames could be decoded"), "%s", e.msg);
}

Test(audio, a_streamed_wav_of_unknown_length_is_accepted)
{
    char *bytes;
    size_t n;
    err e = {0};
    const char *wav = sound_file("a.wav", SF_FORMAT_WAV | SF_FORMAT_PCM_16, 1, 16000, 500);
    cr_assert(file_read(&memory, wav, AUDIO_MAX_BYTES, &bytes, &n, &e) == OK);
    memset(bytes + 4, 0xff, 4);
    cr_expect_eq(read_fine(raw_file("stream.wav", bytes, n), usual).n, 500);
}

Test(audio, samples_that_are_not_numbers_are_found)
{
    const char *path = file_join(&memory, folder, "nan.wav");
    SF_INFO info = {.samplerate = 16000, .channels = 1, .format = SF_FORMAT_WAV | SF_FORMAT_FLOAT};
    SNDFILE *f = sf_open(path, SFM_WRITE, &info);
    float x[3] = {0, 0.5f, NAN};
    sf_writef_float(f, x, 3);
    sf_close(f);
    expect_fault(path, usual, AUDIO_NOT_FINITE, ": sample 2 is not a finite number");
}

Test(audio, another_full_scale_is_our_own_mistake)
{
    audio_clip c;
    err e = {0};
    audio_options o = {.full_scale = 1};
    cr_expect_eq(audio_decode("x", 1, "x", &o, &memory, &c, NULL, &e), ERR_ARG);
}

/* Every prefix and every flipped byte of small files ends in samples or an ERR_INPUT. */
static void try_all_damage(const char *path)
{
    char *bytes;
    size_t n;
    err e = {0};
    cr_assert(file_read(&memory, path, AUDIO_MAX_BYTES, &bytes, &n, &e) == OK);
    for (size_t i = 0; i < 2 * n; i++) {
        arena_mark_t mark = arena_mark(&memory);
        audio_clip c;
        char *copy = arena_copy(&memory, bytes, n);
        if (i >= n) copy[i - n] ^= (char)(1 << (i % 8));
        status s = audio_decode(copy, i < n ? i : n, "damaged", &usual, &memory, &c, NULL, NULL);
        cr_expect(s == OK || s == ERR_INPUT, "damage %zu: %s", i, err_word(s));
        arena_release(&memory, mark);
    }
}

Test(audio, damage_never_crashes)
{
    try_all_damage(sound_file("a.wav", SF_FORMAT_WAV | SF_FORMAT_PCM_16, 1, 16000, 300));
    try_all_damage(sound_file("a.flac", SF_FORMAT_FLAC | SF_FORMAT_PCM_16, 1, 16000, 300));
}

/* --- writing and fitting --- */

Test(audio, what_is_written_is_read_back)
{
    const char *path = file_join(&memory, folder, "out.wav");
    float x[5] = {0, 0.5f, -1, 2, 1 / 32768.0f};
    err e = {0};
    cr_assert(audio_write_wav(path, x, 5, 22050, &e) == OK, "%s", e.msg);
    audio_clip c = read_fine(path, (audio_options){.full_scale = 32768, .only_16bit = true});
    cr_assert(c.n == 5 && c.rate == 22050);
    cr_expect(c.x[0] == 0 && c.x[1] == 0.5f && c.x[2] == -1 && c.x[4] == x[4]);
    cr_expect_eq(c.x[3], 32767 / 32768.0f); /* clipped */
}

Test(audio, short_clips_are_padded_and_long_ones_cut_at_the_end)
{
    float x[3] = {1, 2, 3}, longer[5] = {9, 9, 9, 9, 9}, shorter[2];
    audio_fit(longer, 5, x, 3);
    audio_fit(shorter, 2, x, 3);
    cr_expect(longer[0] == 1 && longer[2] == 3 && longer[3] == 0 && longer[4] == 0);
    cr_expect(shorter[0] == 1 && shorter[1] == 2);
}
