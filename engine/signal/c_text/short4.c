static void short4(float t[][2], int r)
{
    float a[2], b[2], c[2], d[2];
    (void)r;
    for (int k = 0; k < 2; k++) {
        a[k] = t[0][k] + t[2][k];
        b[k] = t[0][k] - t[2][k];
        c[k] = t[1][k] + t[3][k];
        d[k] = t[1][k] - t[3][k];
    }
    t[0][0] = a[0] + c[0], t[0][1] = a[1] + c[1];
    t[1][0] = b[0] + d[1], t[1][1] = b[1] - d[0];
    t[2][0] = a[0] - c[0], t[2][1] = a[1] - c[1];
    t[3][0] = b[0] - d[1], t[3][1] = b[1] + d[0];
}
