static void short2(float t[][2], int r)
{
    const float a[2] = {t[0][0], t[0][1]}, b[2] = {t[1][0], t[1][1]};
    (void)r;
    for (int c = 0; c < 2; c++) {
        t[0][c] = a[c] + b[c];
        t[1][c] = a[c] - b[c];
    }
}
