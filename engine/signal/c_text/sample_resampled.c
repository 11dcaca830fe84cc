/* Sample j at the new rate: UP values for each sample, all but one of them zero, filtered, of which
 * every DOWN-th is kept; only products with samples are formed, in the order of the taps. */
static float sample(const int16_t *clip, int j)
{
    const int64_t at = (int64_t)j * DOWN + TAPS / 2;
    float sum = 0;
    for (int k = (int)(at % UP), i = (int)(at / UP); k < TAPS; k += UP, i--)
        if (i >= 0 && i < FEATURES_CLIP) sum += resampling_tap[k] * ((float)clip[i] / FULL_SCALE);
    return sum;
}
