static void short_any(float t[][2], int r)
{
    static float u[MOST_RADIX][2];
    for (int j = 0; j < r; j++) {
        u[j][0] = u[j][1] = 0;
        for (int k = 0; k < r; k++) {
            const float *w = root[(int)((int64_t)j * k % r) * (POINTS / r)];
            u[j][0] += t[k][0] * w[0] - t[k][1] * w[1];
            u[j][1] += t[k][0] * w[1] + t[k][1] * w[0];
        }
    }
    memcpy(t, u, (size_t)r * sizeof *u);
}
