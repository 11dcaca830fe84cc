int features_compute(const int16_t clip[FEATURES_CLIP], float features[FEATURES])
{
    for (int f = 0; f < FRAMES; f++) {
        load_frame(clip, f);
        magnitudes(features + f * BINS);
    }
    return 0;
}
