/* Magnitudes of BINS real bins from FIRST_BIN on, from the transform of pairs of samples. */
static void magnitudes(float *magnitude)
{
    const float *z = transform();
    for (int i = 0; i < BINS; i++) {
        const int k = FIRST_BIN + i;
        const float *a = z + 2 * (k % POINTS), *b = z + 2 * ((POINTS - k) % POINTS);
        const float c = turn[k][0], s = turn[k][1];
        const float even_re = a[0] + b[0], even_im = a[1] - b[1];
        const float odd_re = a[1] + b[1], odd_im = b[0] - a[0];
        const float re = 0.5F * (even_re + (c * odd_re + s * odd_im));
        const float im = 0.5F * (even_im + (c * odd_im - s * odd_re));
        magnitude[i] = sqrtf(re * re + im * im);
    }
}
