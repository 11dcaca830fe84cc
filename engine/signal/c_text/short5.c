static void short5(float t[][2], int r)
{
    const float c1 = 0.309016994374947424F, c2 = -0.809016994374947424F; /* cos 72, 144 degrees */
    const float s1 = 0.951056516295153572F, s2 = 0.587785252292473129F;
    float m1[2], m2[2], n1[2], n2[2];
    (void)r;
    for (int k = 0; k < 2; k++) {
        const float p = t[1][k] + t[4][k], q = t[1][k] - t[4][k];
        const float u = t[2][k] + t[3][k], s = t[2][k] - t[3][k], a = t[0][k];
        m1[k] = a + c1 * p + c2 * u;
        m2[k] = a + c2 * p + c1 * u;
        n1[1 - k] = s1 * q + s2 * s; /* sines turn real into imaginary */
        n2[1 - k] = s2 * q - s1 * s;
        t[0][k] = a + (p + u);
    }
    t[1][0] = m1[0] + n1[0], t[1][1] = m1[1] - n1[1];
    t[2][0] = m2[0] + n2[0], t[2][1] = m2[1] - n2[1];
    t[3][0] = m2[0] - n2[0], t[3][1] = m2[1] + n2[1];
    t[4][0] = m1[0] - n1[0], t[4][1] = m1[1] + n1[1];
}
