int features_compute(const int16_t clip[FEATURES_CLIP], float features[FEATURES])
{
    static float rows[2][BINS]; /* of this frame and the one before */
    int low, high, row = 0;
    float down = neighbours(row, FRAMES, &low, &high);
    for (int f = 0; f < FRAMES; f++) {
        load_frame(clip, f);
        magnitudes(rows[f % 2]);
        while (row < RESIZE && high == f) {
            blend(features + row * RESIZE, rows[low % 2], rows[f % 2], down);
            if (++row < RESIZE) down = neighbours(row, FRAMES, &low, &high);
        }
    }
    return 0;
}
