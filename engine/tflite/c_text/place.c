/* Where value i of a block with dim[] along its axes is when the axes have step[], 0 for those that
 * repeat or vanish. */
static int place(int i, int rank, const int dim[], const int step[])
{
    int p = 0;
    for (int axis = rank - 1; axis >= 0; i /= dim[axis--]) p += i % dim[axis] * step[axis];
    return p;
}
