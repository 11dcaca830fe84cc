#include "engine/signal/feature.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "tests/support/test_clip.h"

/* Golden values were computed in double precision and printed with six decimals; float32 must be
 * within 1e-4 of them, relative. */
static bool near(double got, double want)
{
    return fabs(got - want) <= 1e-4 * fabs(want) + 5e-7;
}

#define EXPECT_NEAR(got, want) \
    cr_expect(near((got), (want)), "%s is %.8g, not %.8g", #got, (double)(got), (double)(want))

static arena memory;

static void start(void)
{
    arena_init(&memory, 0);
}

static void end(void)
{
    arena_free(&memory);
}

TestSuite(feature, .init = start, .fini = end);

static feature_plan plan_of(feature_settings s)
{
    feature_plan p;
    err e = {0};
    cr_assert(feature_plan_make(&p, &s, &memory, &e) == OK, "%s", e.msg);
    return p;
}

static float *run_test_clip(const feature_settings *s)
{
    feature_plan p = plan_of(*s);
    float *y = ARENA_NEW(&memory, float, shape_size(p.out));
    feature_run(&p, y, test_clip(&memory));
    return y;
}

static double total(const float *x, int n)
{
    double sum = 0;
    for (int i = 0; i < n; i++) sum += (double)x[i];
    return sum;
}

Test(feature, the_test_clip_is_the_published_one)
{
    static const int head[] = {136, 1276, 507, 1985, 2717, 3732},
                     middle[] = {-334, 5849, 7199, 7906};
    const float *x = test_clip(&memory);
    double sum = 0, squares = 0;
    for (int i = 0; i < 16000; i++) {
        double q = (double)x[i] * 32768;
        sum += q;
        squares += q * q;
    }
    for (int i = 0; i < 6; i++) cr_expect_eq((int)(x[i] * 32768), head[i]);
    for (int i = 0; i < 4; i++) cr_expect_eq((int)(x[8000 + i] * 32768), middle[i]);
    cr_expect_eq((long)sum, -65476L);
    cr_expect_eq((long)squares, 515816957726L);
}

Test(feature, stft_equals_the_golden_values)
{
    static const int bins[] = {0, 1, 8, 20, 60, 320}, frames[] = {0, 24, 48};
    static const double want[3][6] = {{.376339, .303328, 5.676833, .412077, .143221, .135703},
                                      {.559465, .382403, .204772, .261833, .380699, .097849},
                                      {.764999, .687213, .457515, .337383, .237590, .250554}};
    static const double sums[] = {183.057880, 181.514986, 179.261943};
    feature_settings s = feature_defaults(FEATURE_STFT);
    const float *y = run_test_clip(&s);
    for (int f = 0; f < 3; f++) {
        const float *row = y + frames[f] * 321;
        for (int b = 0; b < 6; b++) EXPECT_NEAR(row[bins[b]], want[f][b]);
        EXPECT_NEAR(total(row, 321), sums[f]);
    }
}

Test(feature, log_mel_equals_the_golden_values)
{
    static const int bands[] = {0, 1, 10, 20, 39}, frames[] = {0, 24, 48};
    static const double want[3][5] = {{-1.594823, -1.650001, -.274490, .234769, .770873},
                                      {-1.338639, -.937021, -.530740, -.747817, .868768},
                                      {-.502995, -2.226446, -.522031, -.553164, .657649}};
    feature_settings s = feature_defaults(FEATURE_LOG_MEL);
    const float *y = run_test_clip(&s);
    for (int f = 0; f < 3; f++)
        for (int b = 0; b < 5; b++) EXPECT_NEAR(y[frames[f] * 40 + bands[b]], want[f][b]);
}

Test(feature, mfcc_equals_the_golden_values)
{
    static const double want[3][10] = {{2.386477, .203058, 2.140738, .302561, -.775209, -2.747256,
                                        -3.527895, -2.831402, -2.416426, -1.896653},
                                       {-.129302, -3.822967, -1.293028, 1.001435, -.036948,
                                        -1.404106, 2.321048, -.467707, -2.407093, 1.471960},
                                       {-.534579, -4.564088, 1.721796, -1.540474, .121838, -.154736,
                                        -.856441, .622079, -1.463553, 1.220867}};
    feature_settings s = feature_defaults(FEATURE_MFCC);
    const float *y = run_test_clip(&s);
    for (int f = 0; f < 3; f++)
        for (int k = 0; k < 10; k++) EXPECT_NEAR(y[f * 24 * 10 + k], want[f][k]);
    EXPECT_NEAR(total(y, 490), -234.206932);
}

Test(feature, resized_stft_equals_the_golden_values)
{
    feature_settings s = feature_defaults(FEATURE_STFT_RESIZED);
    const float *y = run_test_clip(&s);
    EXPECT_NEAR(total(y, 32 * 32), 414.539086);
    EXPECT_NEAR(y[0], .345228);
    EXPECT_NEAR(y[5 * 32 + 1], .078016);
    EXPECT_NEAR(y[15 * 32 + 3], .201063);
    EXPECT_NEAR(y[31 * 32 + 6], .071245);
    EXPECT_NEAR(y[31 * 32 + 31], .160760);
    feature_settings plain = s;
    plain.kind = FEATURE_STFT;
    const float *m = run_test_clip(&plain);
    EXPECT_NEAR(m[60 * 129 + 4], .122319);
    EXPECT_NEAR(m[60 * 129 + 16], .228241);
}

Test(feature, mfcc_at_8_khz_equals_the_golden_values)
{
    static const double want[10] = {-6.387970, -3.759892, -1.355502, 1.062554,  -.097062,
                                    -1.347733, 2.264746,  -.415717,  -2.455676, 1.518973};
    feature_settings s = feature_defaults(FEATURE_MFCC);
    s.rate = 8000;
    s.frame = s.fft = 320;
    s.hop = 160;
    const float *y = run_test_clip(&s);
    for (int k = 0; k < 10; k++) EXPECT_NEAR(y[240 + k], want[k]);
}

Test(feature, mel_matrix_sums_equal_the_golden_values)
{
    static const struct {
        int n_fft, rate, bands;
        double low, high, sum;
    } rows[] = {
        {640, 16000, 40, 20, 4000, 154.292758}, {320, 8000, 40, 20, 4000, 154.292758},
        {512, 16000, 40, 20, 4000, 123.435216}, {256, 16000, 40, 20, 4000, 61.771375},
        {256, 16000, 16, 20, 4000, 59.011747},  {400, 16000, 40, 20, 4000, 96.433256},
        {240, 8000, 40, 20, 4000, 115.707087},  {320, 8000, 16, 20, 4000, 147.546426},
        {400, 8000, 40, 20, 4000, 192.791528},  {320, 16000, 10, 20, 4000, 70.745188},
        {512, 16000, 10, 20, 8000, 223.258472}, {512, 16000, 14, 0, 4000, 117.351354},
        {256, 16000, 30, 20, 6000, 91.514725},  {1024, 16000, 100, 20, 1000, 62.000000},
    };
    for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) {
        feature_settings s = feature_defaults(FEATURE_LOG_MEL);
        s.clip_rate = s.clip_samples = s.rate = rows[r].rate;
        s.frame = s.fft = rows[r].n_fft;
        s.mel_bins = rows[r].bands;
        s.mel_low = rows[r].low;
        s.mel_high = rows[r].high;
        feature_plan p = plan_of(s);
        int n = p.mel.at[s.mel_bins - 1] + p.mel.count[s.mel_bins - 1];
        cr_expect(near(total(p.mel.weight, n), rows[r].sum), "row %zu: %.8g, not %.8g", r,
                  total(p.mel.weight, n), rows[r].sum);
    }
}

Test(feature, mel_matrix_entries_equal_the_golden_values)
{
    static double w[321 * 40];
    feature_mel_matrix(w, 640, 16000, 40, 20, 4000);
    EXPECT_NEAR(w[1 * 40], .1512410);
    EXPECT_NEAR(w[2 * 40], .8921335);
    EXPECT_NEAR(w[3 * 40], .3912700);
    EXPECT_NEAR(w[3 * 40 + 1], .6087300);
    cr_expect_eq(w[4 * 40], 0);
    EXPECT_NEAR(w[4 * 40 + 1], .6974265);
    EXPECT_NEAR(w[4 * 40 + 2], .3025735);
    EXPECT_NEAR(w[159 * 40 + 39], .1165562);
    for (int b = 0; b < 40; b++) cr_expect(w[160 * 40 + b] < 1e-9 && w[b] == 0);
}

Test(feature, empty_mel_bands_are_counted_and_constant)
{
    feature_settings s = feature_defaults(FEATURE_LOG_MEL);
    s.frame = s.fft = 1024;
    s.hop = 512;
    s.mel_bins = 100;
    s.mel_high = 1000;
    feature_plan p = plan_of(s);
    cr_expect_eq(p.n_empty_bands, 3);
    cr_expect(p.mel.count[2] == 0 && p.mel.count[7] == 0 && p.mel.count[14] == 0);
    float *y = ARENA_NEW(&memory, float, shape_size(p.out));
    feature_run(&p, y, test_clip(&memory));
    EXPECT_NEAR(y[2], -13.815511);
    EXPECT_NEAR(y[5 * 100 + 14], -13.815511);
}

Test(feature, silence_has_the_constant_first_coefficient)
{
    feature_settings s = feature_defaults(FEATURE_MFCC);
    feature_plan p = plan_of(s);
    float *x = ARENA_NEW(&memory, float, 16000), y[490];
    feature_run(&p, y, x);
    EXPECT_NEAR(y[0], -123.569683);
    for (int k = 1; k < 10; k++) cr_expect(fabsf(y[k]) < 1e-4f, "c%d = %g", k, (double)y[k]);
}

Test(feature, windows_are_periodic_for_even_and_symmetric_for_odd_lengths)
{
    double even[4], odd[5];
    feature_window(even, 4);
    feature_window(odd, 5);
    cr_expect(even[0] == 0 && fabs(even[1] - .5) < 1e-15 && even[2] == 1 &&
              fabs(even[3] - .5) < 1e-15);
    cr_expect(odd[0] == 0 && odd[2] == 1 && fabs(odd[4]) < 1e-15 && fabs(odd[1] - odd[3]) < 1e-15);
}

/* --- shapes --- */

static void expect_shape(feature_settings s, int h, int w)
{
    err e = {0};
    cr_assert(feature_check(&s, &e) == OK, "%s", e.msg);
    shape out = feature_shape(&s);
    cr_expect(out.rank == 3 && out.dim[0] == h && out.dim[1] == w && out.dim[2] == 1,
              "%d/%d: %dx%d, not %dx%d", s.frame, s.hop, out.dim[0], out.dim[1], h, w);
}

Test(feature, shapes_are_the_published_ones)
{
    static const int rows[][5] = {{16000, 640, 320, 49, 321}, {16000, 256, 128, 124, 129},
                                  {16000, 512, 256, 61, 257}, {8000, 320, 160, 49, 161},
                                  {8000, 240, 120, 65, 121},  {16000, 1024, 512, 30, 513}};
    for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) {
        feature_settings s = feature_defaults(FEATURE_STFT);
        s.rate = rows[r][0];
        s.frame = s.fft = rows[r][1];
        s.hop = rows[r][2];
        expect_shape(s, rows[r][3], rows[r][4]);
    }
    expect_shape(feature_defaults(FEATURE_MFCC), 49, 10);
    expect_shape(feature_defaults(FEATURE_LOG_MEL), 49, 40);
    expect_shape(feature_defaults(FEATURE_STFT_RESIZED), 32, 32);
}

/* --- the fast path against the definitions --- */

static void expect_as_naive(feature_settings s, const char *what)
{
    err e = {0};
    feature_plan p = plan_of(s);
    int n = shape_size(p.out);
    float *y = ARENA_NEW(&memory, float, n);
    double *want = ARENA_NEW(&memory, double, n), worst = 0;
    const float *x = test_clip(&memory);
    feature_run(&p, y, x);
    cr_assert(feature_naive(&s, want, x, &memory, &e) == OK, "%s", e.msg);
    for (int i = 0; i < n; i++)
        worst = fmax(worst, fabs((double)y[i] - want[i]) / fmax(1, fabs(want[i])));
    cr_expect(worst < 2e-5, "%s: worst difference %.3g", what, worst);
}

Test(feature, every_kind_and_length_agrees_with_the_definitions)
{
    /* 37 and 2 * 37 have no lane transform and take kissfft; 225 is odd, 100 of 128 is padded with
     * zeros */
    static const int lengths[][3] = {{640, 320, 640},  {320, 160, 320}, {240, 120, 240},
                                     {256, 128, 256},  {400, 200, 400}, {74, 300, 74},
                                     {148, 300, 148},  {225, 111, 226}, {100, 77, 128},
                                     {480, 4000, 480}, {6, 900, 6},     {15000, 1, 15000}};
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        for (int k = 0; k < N_FEATURE_KINDS; k++) {
            feature_settings s = feature_defaults((feature_kind)k);
            s.clip_samples = lengths[i][0] == 15000 ? 15003 : 5000;
            s.frame = lengths[i][0];
            s.hop = lengths[i][1];
            s.fft = lengths[i][2];
            s.resize = 9;
            char what[80];
            snprintf(what, sizeof what, "%s %d/%d/%d", feature_kind_name(s.kind), s.frame, s.hop,
                     s.fft);
            expect_as_naive(s, what);
        }
    }
}

Test(feature, resampled_clips_agree_with_the_definitions)
{
    static const int rates[][2] = {{16000, 8000}, {48000, 16000}, {44100, 16000}, {8000, 16000}};
    for (size_t i = 0; i < sizeof rates / sizeof *rates; i++) {
        feature_settings s = feature_defaults(FEATURE_MFCC);
        s.clip_rate = rates[i][0];
        s.clip_samples = 4001;
        s.rate = rates[i][1];
        s.frame = s.fft = 320;
        s.hop = 160;
        expect_as_naive(s, "resampled");
    }
}

Test(feature, every_instruction_set_gives_the_same_bits)
{
    const lanes_ops *fast = lanes_best();
    if (fast == &lanes_baseline) cr_skip("this processor has the baseline only");
    for (int k = 0; k < N_FEATURE_KINDS; k++) {
        feature_settings s = feature_defaults((feature_kind)k);
        s.clip_rate = 20000; /* resampled by 4/5 */
        feature_plan p = plan_of(s);
        size_t bytes = (size_t)shape_size(p.out) * sizeof(float);
        float *a = arena_take(&memory, bytes, 1), *b = arena_take(&memory, bytes, 1);
        feature_run(&p, a, test_clip(&memory));
        p.ops = p.resample.ops = &lanes_baseline;
        feature_run(&p, b, test_clip(&memory));
        cr_expect(memcmp(a, b, bytes) == 0, "%s differs on %s", feature_kind_name(p.s.kind),
                  fast->name);
    }
}

Test(feature, lane_logarithm_is_within_two_units)
{
    float x[LANES] __attribute__((aligned(64))), y[LANES] __attribute__((aligned(64)));
    double worst = 0;
    for (float v = 1e-6f; v < 1e6f; v *= 1.0007f) {
        for (int l = 0; l < LANES; l++) x[l] = v * (1 + (float)l * 1e-5f);
        lanes_best()->log(y, x, 1e-6f, 1);
        for (int l = 0; l < LANES; l++) {
            double want = log((double)(x[l] + 1e-6f)),
                   unit = nextafterf(fabsf((float)want), 1e9f) - fabsf((float)want);
            /* near 1 the logarithm is near 0: what counts there is the error against the mantissa
             */
            worst = fmax(worst, fabs((double)y[l] - want) / fmax(unit, 0x1p-24));
        }
    }
    cr_expect(worst < 2, "worst error %.3g units", worst);
}

/* --- the transform by its identities --- */

Test(feature, lane_transforms_agree_with_kissfft)
{
    static const int lengths[] = {4,   6,   8,   10,  12,  20,  30,   64,   90,
                                  240, 256, 320, 400, 512, 640, 1000, 1024, 2048};
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        int n = lengths[i];
        err e = {0};
        fft k;
        lanes_fft f;
        cr_assert(fft_plan(&k, n, &memory, &e) == OK && lanes_fft_plan(&f, n, &memory, &e) == OK,
                  "%s", e.msg);
        float *z = ARENA_NEW(&memory, float, n *LANES), *w = ARENA_NEW(&memory, float, n *LANES);
        float *mag = ARENA_NEW(&memory, float, (n / 2 + 1) * LANES),
              *want = ARENA_NEW(&memory, float, n + 2);
        float *one = ARENA_NEW(&memory, float, n);
        int begin[LANES];
        const float *x = test_clip(&memory);
        for (int j = 0; j < n; j++) one[j] = 1;
        for (int l = 0; l < LANES; l++) begin[l] = 100 * l;
        const lanes_ops *ops = lanes_best();
        ops->load(z, x, begin, one, n, n);
        ops->magnitude(&f, mag, ops->transform(&f, z, w), 0, n / 2 + 1);
        for (int l = 0; l < LANES; l++) {
            double worst = 0, energy = 0;
            fft_real(&k, want, x + begin[l]);
            for (int b = 0; b <= n / 2; b++) {
                double m = hypot((double)want[2 * b], (double)want[2 * b + 1]);
                worst = fmax(worst, fabs(m - (double)mag[b * LANES + l]));
                energy = fmax(energy, m);
            }
            cr_expect(worst < 1e-6 * energy, "n %d lane %d: %.3g of %.3g", n, l, worst, energy);
        }
    }
}

Test(feature, energy_of_a_transform_is_kept)
{
    fft f;
    err e = {0};
    cr_assert(fft_plan(&f, 658, &memory, &e) == OK); /* 2 * 7 * 47 */
    const float *x = test_clip(&memory);
    float *s = ARENA_NEW(&memory, float, 660);
    double time = 0, frequency = 0;
    fft_real(&f, s, x);
    for (int i = 0; i < 658; i++) time += (double)x[i] * (double)x[i];
    for (int k = 0; k <= 329; k++) {
        double p =
            (double)s[2 * k] * (double)s[2 * k] + (double)s[2 * k + 1] * (double)s[2 * k + 1];
        frequency += k == 0 || k == 329 ? p : 2 * p;
    }
    EXPECT_NEAR(frequency / 658, time);
}

Test(feature, odd_and_huge_transforms_are_refused)
{
    fft f;
    static const int wrong[] = {0, 1, 7, -4, FFT_MAX + 2};
    for (int i = 0; i < 5; i++) {
        err e = {0};
        cr_expect_eq(fft_plan(&f, wrong[i], &memory, &e), ERR_ARG);
    }
}

/* --- costs --- */

Test(feature, costs_count_what_is_done)
{
    feature_plan p = plan_of(feature_defaults(FEATURE_MFCC));
    cr_expect_eq(p.bin_first, 1);
    cr_expect_eq(p.bin_count, 159);
    cr_expect_eq(p.cost.window_muls, 49.0 * 640);
    cr_expect_eq(p.cost.transforms, 49.0);
    cr_expect_eq(p.cost.logs, 49.0 * 40);
    cr_expect_eq(p.cost.dct_macs, 49.0 * 400);
    cr_expect_eq(p.cost.magnitudes, 49.0 * 159);
    cr_expect(p.cost.mel_macs > 49.0 * 2 * 150 && p.cost.mel_macs < 49.0 * 2 * 159);
    cr_expect_eq(p.cost.resample_macs, 0);
}

/* --- settings --- */

static const struct {
    const char *json, *message;
} refused[] = {
    {"{\"kind\":\"mfc\"}",
     "features: \"mfc\" is none of stft, log-mel, mfcc, stft-resized; did you mean \"mfcc\"?"},
    {"{\"kind\":\"mfcc\",\"mel_hihg\":1}",
     "features: no setting \"mel_hihg\"; did you mean \"mel_high\"?"},
    {"{\"kind\":\"mfcc\",\"rate\":8000,\"mel_high\":4001}",
     "features: mel_high 4001 Hz is above half the rate; at 8000 Hz it may be 4000 Hz at the most"},
    {"{\"kind\":\"mfcc\",\"mel_low\":4000}",
     "features: mel_low 4000 Hz is not below mel_high 4000 Hz"},
    {"{\"kind\":\"mfcc\",\"mel_low\":-1}",
     "features: mel_low is -1; it must be between 0 and 4000"},
    {"{\"kind\":\"mfcc\",\"coefficients\":41}",
     "features: coefficients is 41; it must be between 1 and 40"},
    {"{\"kind\":\"mfcc\",\"frame\":0}", "features: frame is 0; it must be between 1 and 65536"},
    {"{\"kind\":\"stft\",\"frame\":640,\"fft\":512}",
     "features: fft 512 is shorter than the frame of 640 samples"},
    {"{\"kind\":\"stft\",\"frame\":640,\"fft\":641}", "features: fft 641 is odd; 642 would do"},
    {"{\"kind\":\"stft\",\"frame\":16001}",
     "features: a frame of 16001 samples does not fit a clip of 16000"},
    {"{\"kind\":\"stft\",\"full_scale\":32766}",
     "features: full_scale is 32766; it must be 32768 or 32767"},
    {"{\"kind\":\"stft\",\"frame_ms\":16.1}",
     "features: 16.1 ms at 16000 Hz is 257.6 samples; 16.0625 ms or 16.125 ms are whole numbers"},
    {"{\"kind\":\"stft\",\"hop_ms\":1e9}",
     "features: 1e+09 ms at 16000 Hz is outside 1 to 65536 samples"},
    {"{\"kind\":\"log-mel\",\"log_offset\":0}",
     "features: log_offset is 0; it must be between 1e-30 and 1e+30"},
    {"[1]", "features: must be a map of settings"},
    {"{\"kind\":\"stft\",\"clip_samples\":4000000,\"hop\":1}",
     "features: 3999361 frames of 321 bins are too many; use a longer hop"},
    {"{\"kind\":\"mfcc\",\"clip_samples\":65536,\"frame\":65536,\"mel_bins\":1000}",
     "features: 1000 bands of 32769 bins are too many; use fewer mel_bins"},
};

Test(feature, wrong_settings_are_refused_with_the_reason)
{
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        err e = {0};
        node *json = NULL;
        feature_settings s;
        cr_assert(node_read_json(&memory, refused[i].json, strlen(refused[i].json), &json, &e) ==
                  OK);
        cr_expect_eq(feature_parse(json, &s, &e), ERR_INPUT);
        cr_expect_str_eq(e.msg, refused[i].message);
    }
}

static feature_settings parse(const char *text)
{
    node *json = NULL;
    feature_settings s;
    err e = {0};
    cr_assert(node_read_json(&memory, text, strlen(text), &json, &e) == OK, "%s", e.msg);
    cr_assert(feature_parse(json, &s, &e) == OK, "%s", e.msg);
    return s;
}

Test(feature, canonical_form_reads_back_as_itself)
{
    static const char *const texts[] = {
        "{\"kind\":\"mfcc\"}",
        "{\"kind\":\"mfcc\",\"rate\":8000,\"frame_ms\":30,\"hop_ms\":15,\"mel_bins\":16,\"mel_"
        "low\":12.5}",
        "{\"kind\":\"stft\",\"frame\":255,\"mel_bins\":7}",
        "{\"kind\":\"log-mel\",\"clip_rate\":48000,\"rate\":16000,\"frame\":400,\"hop\":160,"
        "\"fft\":512}",
        "{\"kind\":\"stft-resized\",\"resize\":24}",
    };
    for (int i = 0; i < 5; i++) {
        buf one = {0}, two = {0};
        feature_settings s = parse(texts[i]);
        feature_put_json(&one, &s);
        feature_settings again = parse(one.data);
        feature_put_json(&two, &again);
        cr_expect_str_eq(one.data, two.data);
        buf_free(&one);
        buf_free(&two);
    }
}

Test(feature, canonical_form_is_this)
{
    buf b = {0};
    feature_settings s = parse("{\"kind\":\"mfcc\",\"rate\":8000,\"frame_ms\":30,\"hop_ms\":15}");
    feature_put_json(&b, &s);
    cr_expect_str_eq(b.data,
                     "{\"kind\":\"mfcc\",\"clip_rate\":16000,\"clip_samples\":16000,"
                     "\"full_scale\":32768,\"rate\":8000,\"frame\":240,\"hop\":120,\"fft\":240,"
                     "\"mel_bins\":40,\"mel_low\":20,\"mel_high\":4000,\"log_offset\":1e-06,"
                     "\"coefficients\":10}");
    buf_free(&b);
}
