/* Any bytes as a weather table. Beyond not crashing: a table that is read has finite values within
 * their ranges, and as many rows as counting says. */
#include "engine/data/climate.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    static const climate_columns columns = {
        .time = "Date Time", .n = 2, .name = {"T (degC)", "rh (%)"}, .unit = {"°C", "%"}};
    arena a;
    climate c;
    int rows;
    arena_init(&a, 64 << 20);
    if (climate_read("fuzz.csv", (const char *)bytes, n, &columns, &a, &c, NULL) == OK) {
        if (climate_count("fuzz.csv", (const char *)bytes, n, &columns, &a, &rows, NULL) != OK ||
            rows != c.n_rows)
            abort();
        for (int i = 0; i < rows; i++)
            if (!(c.value[2 * i] >= -90 && c.value[2 * i] <= 60 && c.value[2 * i + 1] >= 0 &&
                  c.value[2 * i + 1] <= 105))
                abort();
    }
    arena_free(&a);
    return 0;
}
