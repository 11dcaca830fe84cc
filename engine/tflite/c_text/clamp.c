static float clamp(float v, float least, float most)
{
    return v < least ? least : v > most ? most : v;
}
