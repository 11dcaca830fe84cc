/* v times a factor, ties of the shift upwards. */
static int32_t multiply_up(int32_t v, factor m)
{
    const int right = m.shift < 0 ? -m.shift : 0;
    return bounded((high_product(v, m) + (((int64_t)1 << right) >> 1)) >> right);
}
