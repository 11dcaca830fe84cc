int features_compute(const int16_t clip[FEATURES_CLIP], float features[FEATURES])
{
    static float magnitude[BINS], band[BANDS];
    for (int f = 0; f < FRAMES; f++) {
        load_frame(clip, f);
        magnitudes(magnitude);
        log_mel(band, magnitude);
        for (int k = 0; k < COEFFICIENTS; k++) {
            float sum = 0;
            for (int b = 0; b < BANDS; b++) sum += cosines[k][b] * band[b];
            features[f * COEFFICIENTS + k] = sum;
        }
    }
    return 0;
}
