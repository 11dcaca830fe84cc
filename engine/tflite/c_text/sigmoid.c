static float sigmoid(float v)
{
    return 1.0F / (1.0F + expf(-v));
}
