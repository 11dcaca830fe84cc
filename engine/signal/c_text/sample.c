static float sample(const int16_t *clip, int i)
{
    return (float)clip[i] / FULL_SCALE;
}
