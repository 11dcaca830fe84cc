/* What is moved: count[] values along each axis, neighbours step_x[] apart in x and step_y[] in y. */
typedef struct {
    int rank, count[8], step_x[8], step_y[8];
} block;
