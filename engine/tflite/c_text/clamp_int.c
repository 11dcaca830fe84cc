static int32_t clamp_int(int32_t v, int32_t least, int32_t most)
{
    return v < least ? least : v > most ? most : v;
}
