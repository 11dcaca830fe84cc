/* Where input i of a reduction goes: its axes have dim[], and step[] in the output, 0 for those that
 * vanish. */
static int place(int i, int rank, const int dim[], const int step[])
{
    int p = 0;
    for (int axis = rank - 1; axis >= 0; i /= dim[axis--]) p += i % dim[axis] * step[axis];
    return p;
}
