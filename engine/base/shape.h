/* The shape of one example's tensor, batch dimension left out: [6,2] is six time steps of two
 * channels, [49,10,1] a feature map in H, W, C order. */
#ifndef PARETUNE_ENGINE_BASE_SHAPE_H
#define PARETUNE_ENGINE_BASE_SHAPE_H

enum { SHAPE_MAX = 4 };

typedef struct {
    int rank;
    int dim[SHAPE_MAX];
} shape;

/* Elements of one example; 1 for rank 0. The caller has proved that the product fits an int. */
static inline int shape_size(shape s)
{
    int n = 1;
    for (int i = 0; i < s.rank; i++) n *= s.dim[i];
    return n;
}

#endif
