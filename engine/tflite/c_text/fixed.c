/* A factor as multiplier * 2^(shift - 31), the multiplier in [2^30, 2^31) or 0. */
typedef struct {
    int32_t multiplier;
    int shift;
} factor;

/* v * 2^left, saturated, times the multiplier, over 2^31, rounded to nearest. A negative number is
 * shifted right with its sign, as every compiler for a microcontroller does. */
static int64_t high_product(int32_t v, factor m)
{
    const int left = m.shift > 0 ? m.shift : 0;
    const int64_t wide = (int64_t)v * ((int64_t)1 << left);
    const int64_t x = wide > INT32_MAX ? INT32_MAX : wide < INT32_MIN ? INT32_MIN : wide;
    return (x * m.multiplier + (1 << 30)) >> 31;
}

/* Far outside of int8, and a zero point can still be added. */
static int32_t bounded(int64_t v)
{
    const int64_t most = 1 << 30;
    return (int32_t)(v > most ? most : v < -most ? -most : v);
}
