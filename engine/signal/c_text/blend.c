/* The two neighbours of output i of RESIZE over n, and the way between them. */
static float neighbours(int i, int n, int *low, int *high)
{
    const float at = ((float)i + 0.5F) * ((float)n / (float)RESIZE) - 0.5F;
    *low = (int)fmaxf(floorf(at), 0);
    *high = (int)fminf(ceilf(at), (float)(n - 1));
    return at - floorf(at);
}

/* One row of the image: bilinear between two rows of magnitudes. */
static void blend(float *y, const float *top, const float *bottom, float down)
{
    for (int j = 0; j < RESIZE; j++) {
        int left, right;
        const float across = neighbours(j, BINS, &left, &right);
        const float over = top[left] + (top[right] - top[left]) * across;
        const float under = bottom[left] + (bottom[right] - bottom[left]) * across;
        y[j] = over + (under - over) * down;
    }
}
