/* Rounding by the float adder: adding 2^k aligns the fraction so that the processor's own round to
 * nearest even drops the right bits (as in fp16 by M. Dukhan). Widening is exact: a shift of the
 * bits and one multiplication that also serves subnormals. */
#include "engine/base/half.h"

#include <string.h>

static uint32_t bits_of(float v)
{
    uint32_t u;
    memcpy(&u, &v, sizeof u);
    return u;
}

static float from_bits(uint32_t u)
{
    float v;
    memcpy(&v, &u, sizeof v);
    return v;
}

uint16_t half_round(float v)
{
    uint32_t sign = bits_of(v) >> 16 & 0x8000, size = bits_of(v) & 0x7fffffff;
    if (size > 0x7f800000) return (uint16_t)(sign | 0x7e00);  /* NaN */
    if (size >= 0x477ff000) return (uint16_t)(sign | 0x7c00); /* 65520 and above */
    if (size < 0x38800000) /* below 2^-14: units of 2^-24, which 0.5's last bit stands for */
        return (uint16_t)(sign | (bits_of(from_bits(size) + 0.5f) - bits_of(0.5f)));
    uint32_t odd = size >> 13 & 1;
    return (uint16_t)(sign | (((size + 0xfff + odd) >> 13) - (112u << 10)));
}

float half_widen(uint16_t h)
{
    uint32_t sign = (uint32_t)(h & 0x8000) << 16, size = (uint32_t)(h & 0x7fff) << 13;
    if (size >= 0x7c00u << 13) return from_bits(sign | 0x7f800000 | size); /* infinity, NaN */
    return from_bits(sign | bits_of(from_bits(size) * 0x1p112f));
}
