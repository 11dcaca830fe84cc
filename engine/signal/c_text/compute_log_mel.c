int features_compute(const int16_t clip[FEATURES_CLIP], float features[FEATURES])
{
    static float magnitude[BINS];
    for (int f = 0; f < FRAMES; f++) {
        load_frame(clip, f);
        magnitudes(magnitude);
        log_mel(features + f * BANDS, magnitude);
    }
    return 0;
}
