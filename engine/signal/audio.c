/* libsndfile repairs what it can: a WAV whose data chunk is cut short opens without complaint with
 * fewer frames. A keyword clip with its end missing is a wrong example, so the RIFF header's own
 * size is compared with the file's (unknown sizes, as streaming writers leave them, are accepted).
 */
#include "engine/signal/audio.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "engine/base/buf.h"
#include "engine/base/file.h"

#include <sndfile.h>

static const char *const fault_names[N_AUDIO_FAULTS] = {
    [AUDIO_FINE] = "fine",
    [AUDIO_UNREADABLE] = "unreadable",
    [AUDIO_NOT_SOUND] = "not a sound file",
    [AUDIO_EMPTY] = "empty",
    [AUDIO_TRUNCATED] = "truncated",
    [AUDIO_STEREO] = "more than one channel",
    [AUDIO_FORMAT] = "not 16-bit",
    [AUDIO_NOT_FINITE] = "samples that are not numbers",
    [AUDIO_TOO_LARGE] = "too large",
};

const char *audio_fault_name(audio_fault fault)
{
    return (unsigned)fault < N_AUDIO_FAULTS ? fault_names[fault] : "unknown";
}

/* --- a file in memory, as libsndfile wants to see it --- */

typedef struct {
    const unsigned char *bytes;
    sf_count_t n, at;
} memory;

static sf_count_t memory_length(void *user)
{
    return ((memory *)user)->n;
}

static sf_count_t memory_seek(sf_count_t offset, int whence, void *user)
{
    memory *m = user;
    sf_count_t base = whence == SEEK_SET ? 0 : whence == SEEK_CUR ? m->at : m->n;
    if (offset < -base || offset > m->n - base) return -1;
    return m->at = base + offset;
}

static sf_count_t memory_read(void *to, sf_count_t count, void *user)
{
    memory *m = user;
    if (count > m->n - m->at) count = m->n - m->at;
    if (count <= 0) return 0;
    memcpy(to, m->bytes + m->at, (size_t)count);
    m->at += count;
    return count;
}

static sf_count_t memory_write(const void *from, sf_count_t count, void *user)
{
    (void)from, (void)count, (void)user;
    return 0;
}

static sf_count_t memory_tell(void *user)
{
    return ((memory *)user)->at;
}

/* --- decoding --- */

typedef struct {
    const char *name;
    const audio_options *o;
    audio_fault *fault;
    err *e;
} job;

#define REFUSE(j, kind, ...) (*(j)->fault = (kind), FAIL((j)->e, ERR_INPUT, __VA_ARGS__))

static uint32_t little32(const unsigned char *p)
{
    return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

/* Bytes that a RIFF header says are missing at the end; 0 for other files and unknown sizes. One
 * byte is forgiven: some writers count the pad byte of an odd chunk that they did not write. */
static size_t riff_missing(const unsigned char *p, size_t n)
{
    if (n < 12 || memcmp(p, "RIFF", 4) != 0 || memcmp(p + 8, "WAVE", 4) != 0) return 0;
    uint32_t promised = little32(p + 4);
    if (promised == UINT32_MAX || promised == 0 || n >= (size_t)promised + 7) return 0;
    return (size_t)promised + 8 - n;
}

static int sample_bits(int format)
{
    switch (format & SF_FORMAT_SUBMASK) {
    case SF_FORMAT_PCM_S8:
    case SF_FORMAT_PCM_U8:
    case SF_FORMAT_ULAW:
    case SF_FORMAT_ALAW:
        return 8;
    case SF_FORMAT_PCM_16:
        return 16;
    case SF_FORMAT_PCM_24:
        return 24;
    case SF_FORMAT_PCM_32:
    case SF_FORMAT_FLOAT:
        return 32;
    case SF_FORMAT_DOUBLE:
        return 64;
    default:
        return 0;
    }
}

static status check_header(const job *j, const SF_INFO *info)
{
    int bits = sample_bits(info->format);
    if (info->channels < 1 || info->channels > AUDIO_MAX_CHANNELS || info->samplerate < 1 ||
        info->samplerate > AUDIO_MAX_RATE)
        return REFUSE(j, AUDIO_NOT_SOUND, "%s: %d channels at %d Hz is no sound that can be used",
                      j->name, info->channels, info->samplerate);
    if (info->frames <= 0) return REFUSE(j, AUDIO_EMPTY, "%s: holds no sample", j->name);
    if (info->frames > AUDIO_MAX_SAMPLES / info->channels)
        return REFUSE(j, AUDIO_TOO_LARGE, "%s: %lld frames of %d channels are more than %d samples",
                      j->name, (long long)info->frames, info->channels, AUDIO_MAX_SAMPLES);
    if (info->channels > 1 && !j->o->mix_down)
        return REFUSE(j, AUDIO_STEREO,
                      "%s: has %d channels; record in mono, or allow mixing them down", j->name,
                      info->channels);
    if ((info->format & SF_FORMAT_SUBMASK) != SF_FORMAT_PCM_16 && j->o->only_16bit)
        return REFUSE(j, AUDIO_FORMAT, "%s: %d-bit samples where only 16-bit PCM is allowed",
                      j->name, bits);
    return OK;
}

static status check_samples(const job *j, const float *x, sf_count_t n)
{
    for (sf_count_t i = 0; i < n; i++)
        if (!isfinite(x[i]))
            return REFUSE(j, AUDIO_NOT_FINITE, "%s: sample %lld is not a finite number", j->name,
                          (long long)i);
    return OK;
}

/* 16-bit samples are taken as integers, so that dividing by 32767 is one rounding. */
static sf_count_t read_frames(SNDFILE *f, const SF_INFO *info, int full_scale, float *x, arena *a)
{
    sf_count_t n = info->frames * info->channels;
    if ((info->format & SF_FORMAT_SUBMASK) == SF_FORMAT_PCM_16) {
        arena_mark_t mark = arena_mark(a);
        short *q = ARENA_NEW(a, short, n);
        if (!q) return -1;
        sf_count_t got = sf_readf_short(f, q, info->frames);
        for (sf_count_t i = 0; i < n; i++) x[i] = (float)q[i] / (float)full_scale;
        arena_release(a, mark);
        return got;
    }
    sf_count_t got = sf_readf_float(f, x, info->frames);
    if (full_scale != 32768)
        for (sf_count_t i = 0; i < n; i++) x[i] = x[i] * 32768.0f / (float)full_scale;
    return got;
}

static void mix_down(float *x, sf_count_t frames, int channels)
{
    for (sf_count_t i = 0; i < frames; i++) {
        float sum = 0;
        for (int c = 0; c < channels; c++) sum += x[i * channels + c];
        x[i] = sum / (float)channels;
    }
}

static status decode_open(const job *j, SNDFILE *f, const SF_INFO *info, arena *a, audio_clip *out)
{
    TRY(check_header(j, info));
    sf_count_t n = info->frames * info->channels;
    float *x = ARENA_NEW(a, float, n);
    if (!x) return FAIL(j->e, ERR_MEM, "%s: out of memory for %lld samples", j->name, (long long)n);
    sf_count_t got = read_frames(f, info, j->o->full_scale, x, a);
    if (got < 0) return FAIL(j->e, ERR_MEM, "%s: out of memory decoding", j->name);
    if (got != info->frames)
        return REFUSE(j, AUDIO_TRUNCATED, "%s: truncated: %lld of %lld frames could be decoded",
                      j->name, (long long)got, (long long)info->frames);
    TRY(check_samples(j, x, n));
    if (info->channels > 1) mix_down(x, info->frames, info->channels);
    *out = (audio_clip){info->samplerate, info->channels, sample_bits(info->format),
                        (int)info->frames, x};
    return OK;
}

status audio_decode(const void *bytes, size_t n, const char *name, const audio_options *o, arena *a,
                    audio_clip *out, audio_fault *fault, err *e)
{
    audio_fault unused;
    job j = {name, o, fault ? fault : &unused, e};
    *j.fault = AUDIO_FINE;
    *out = (audio_clip){0};
    if (o->full_scale != 32768 && o->full_scale != 32767)
        return FAIL(e, ERR_ARG, "full scale %d: must be 32768 or 32767", o->full_scale);
    if (n == 0) return REFUSE(&j, AUDIO_EMPTY, "%s: an empty file", name);
    size_t missing = riff_missing(bytes, n);
    if (missing)
        return REFUSE(&j, AUDIO_TRUNCATED, "%s: truncated: its header promises %zu bytes more",
                      name, missing);
    memory m = {bytes, (sf_count_t)n, 0};
    SF_VIRTUAL_IO io = {memory_length, memory_seek, memory_read, memory_write, memory_tell};
    SF_INFO info = {0};
    SNDFILE *f = sf_open_virtual(&io, SFM_READ, &info, &m);
    if (!f)
        return REFUSE(&j, AUDIO_NOT_SOUND, "%s: not a sound file that can be read (%s)", name,
                      sf_strerror(NULL));
    status s = decode_open(&j, f, &info, a, out);
    sf_close(f);
    return s;
}

status audio_read(const char *path, const audio_options *o, arena *a, audio_clip *out,
                  audio_fault *fault, err *e)
{
    audio_fault unused;
    if (!fault) fault = &unused;
    file_map m;
    *out = (audio_clip){0};
    *fault = AUDIO_UNREADABLE;
    TRY(file_map_open(&m, path, e));
    status s;
    if (m.n > AUDIO_MAX_BYTES) {
        *fault = AUDIO_TOO_LARGE;
        s = FAIL(e, ERR_INPUT, "%s: larger than the limit of %d bytes", path, AUDIO_MAX_BYTES);
    } else {
        s = audio_decode(m.bytes, m.n, path, o, a, out, fault, e);
    }
    file_unmap(&m);
    return s;
}

static void put_u16(buf *b, unsigned v)
{
    unsigned char p[2] = {(unsigned char)v, (unsigned char)(v >> 8)};
    buf_put(b, p, sizeof p);
}

/* The canonical 44-byte header: RIFF, a 16-byte fmt chunk (PCM, mono), the data chunk. */
static void put_wav_header(buf *b, uint32_t n_bytes, uint32_t rate)
{
    buf_text(b, "RIFF");
    buf_u32(b, 36 + n_bytes);
    buf_text(b, "WAVEfmt ");
    buf_u32(b, 16);
    put_u16(b, 1); /* PCM */
    put_u16(b, 1); /* mono */
    buf_u32(b, rate);
    buf_u32(b, rate * 2);
    put_u16(b, 2);
    put_u16(b, 16);
    buf_text(b, "data");
    buf_u32(b, n_bytes);
}

status audio_write_wav(const char *path, const float *x, int n, int rate, err *e)
{
    if (n < 1 || n > AUDIO_MAX_SAMPLES || rate < 1 || rate > AUDIO_MAX_RATE)
        return FAIL(e, ERR_ARG, "%s: cannot write %d samples at %d Hz", path, n, rate);
    buf b = {0};
    put_wav_header(&b, (uint32_t)n * 2, (uint32_t)rate);
    for (int i = 0; i < n; i++) {
        float q = rintf(x[i] * 32768.0f);
        put_u16(&b, (unsigned)(int)fminf(fmaxf(q, -32768.0f), 32767.0f));
    }
    status s = buf_check(&b, e);
    if (s == OK) s = file_write(path, b.data, b.len, e);
    buf_free(&b);
    return s;
}

void audio_fit(float *y, int n_y, const float *x, int n_x)
{
    int n = n_x < n_y ? n_x : n_y;
    memcpy(y, x, (size_t)n * sizeof *y);
    memset(y + n, 0, (size_t)(n_y - n) * sizeof *y);
}
