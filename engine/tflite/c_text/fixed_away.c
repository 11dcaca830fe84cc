/* v times a factor, ties of the shift away from zero. */
static int32_t multiply_away(int32_t v, factor m)
{
    const int right = m.shift < 0 ? -m.shift : 0;
    const int64_t high = high_product(v, m), mask = ((int64_t)1 << right) - 1;
    return bounded((high >> right) + ((high & mask) > (mask >> 1) + (high < 0)));
}
