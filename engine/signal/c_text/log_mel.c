/* Each mel band is a run of bins, weighted and summed; then the logarithm. */
static void log_mel(float *band, const float *magnitude)
{
    const float *weight = mel_weight;
    for (int b = 0; b < BANDS; b++) {
        float sum = 0;
        for (int i = 0; i < mel_count[b]; i++) sum += *weight++ * magnitude[mel_first[b] + i];
        band[b] = logf(sum + LOG_OFFSET);
    }
}
