/* Eight chains of sums, which a compiler can keep in vector registers. */
static float dot(const float *x, const float *w, int n)
{
    float lane[8] = {0};
    for (int i = 0; i < n; i++) lane[i % 8] += x[i] * w[i];
    return ((lane[0] + lane[4]) + (lane[1] + lane[5])) +
           ((lane[2] + lane[6]) + (lane[3] + lane[7]));
}
