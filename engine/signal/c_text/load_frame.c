/* Frame f of the clip times a Hann window, and zeros behind it, becomes `spectrum`. Samples that frames
 * share are kept. Frames are asked for in order, from 0. */
static void load_frame(const int16_t *clip, int f)
{
    static float samples[FRAME];
    const int kept = f > 0 && HOP < FRAME ? FRAME - HOP : 0;
    memmove(samples, samples + FRAME - kept, (size_t)kept * sizeof *samples);
    for (int i = kept; i < FRAME; i++) samples[i] = sample(clip, f * HOP + i);
    for (int i = 0; i < FRAME; i++) spectrum[i] = samples[i] * hann[i];
    for (int i = FRAME; i < 2 * POINTS; i++) spectrum[i] = 0;
}
