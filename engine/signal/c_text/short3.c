static void short3(float t[][2], int r)
{
    const float half_root3 = 0.866025403784438647F;
    float sum[2], diff[2], mid[2];
    (void)r;
    for (int c = 0; c < 2; c++) {
        sum[c] = t[1][c] + t[2][c];
        diff[c] = t[1][c] - t[2][c];
        mid[c] = t[0][c] - 0.5F * sum[c];
        t[0][c] += sum[c];
    }
    const float x = half_root3 * diff[1], y = half_root3 * diff[0];
    t[1][0] = mid[0] + x, t[1][1] = mid[1] - y;
    t[2][0] = mid[0] - x, t[2][1] = mid[1] + y;
}
