/* The least and the greatest of some values. */
#ifndef PARETUNE_ENGINE_BASE_VALUE_RANGE_H
#define PARETUNE_ENGINE_BASE_VALUE_RANGE_H

typedef struct {
    float least, most;
} value_range;

#endif
