/* One pass of Stockham's Fourier transform (van Loan, Computational Frameworks for the Fast Fourier
 * Transform, section 1.7) over sub-transforms of length n at stride s, radix r, from complex x to y.
 * `butterfly` transforms r points, w turns them. */
static void pass(float *y, const float *x, int n, int s, int r, void (*butterfly)(float[][2], int),
                 const float *w)
{
    static float t[MOST_RADIX][2];
    const int m = n / r;
    for (int p = 0; p < m; p++, w += 2 * (r - 1))
        for (int q = 0; q < s; q++) {
            for (int k = 0; k < r; k++) memcpy(t[k], x + 2 * (s * p + q + k * m * s), sizeof t[k]);
            butterfly(t, r);
            float *to = y + 2 * (s * r * p + q);
            memcpy(to, t[0], sizeof t[0]);
            for (int j = 1; j < r; j++) {
                const float *v = w + 2 * (j - 1);
                to[2 * j * s] = m == 1 ? t[j][0] : t[j][0] * v[0] - t[j][1] * v[1];
                to[2 * j * s + 1] = m == 1 ? t[j][1] : t[j][0] * v[1] + t[j][1] * v[0];
            }
        }
}
