"""Milliseconds of a training step in PyTorch, tuned: the rival of bench_train_keywords.

    /usr/bin/python3 train_keywords_torch.py ARCH FEATURE ALPHA
    ARCH: mlp | cnn | ds-cnn      FEATURE: mfcc | log-mel

The step is bench_train_keywords's: gather a batch of 32, forward, cross-entropy, backward, Adam. Tuned
means, beyond torch_rival.py: channels_last (tried beside contiguous), oneDNN (off is tried for the MLP), Adam's
fused loops, and a gradient of the global pooling in the memory layout of its input, without which
the layer before it runs strided."""
from torch_rival import batches, least_ms, main, prepare, width

SHAPE = {"log-mel": (49, 40), "mfcc": (49, 10)}


def build(arch, feature, alpha):
    import torch
    from torch import nn

    class Mean(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.x = x.detach()
            return x.mean((2, 3))

        @staticmethod
        def backward(ctx, g):
            n = ctx.x.shape[2] * ctx.x.shape[3]
            return torch.empty_like(ctx.x).copy_((g / n)[:, :, None, None].expand_as(ctx.x))

    class Pool(nn.Module):
        def forward(self, x):
            return Mean.apply(x)

    h, w = SHAPE[feature]
    if arch == "mlp":
        n = width(256, alpha)
        return nn.Sequential(nn.Flatten(), nn.Linear(h * w, n), nn.ReLU(), nn.Linear(n, n), nn.ReLU(),
                             nn.Linear(n, n), nn.ReLU(), nn.Linear(n, 8))
    n = width(256 if arch == "ds-cnn" else 128, alpha)
    stride = (2, 1) if feature == "mfcc" else (2, 2)
    layers = [nn.Conv2d(1, n, 3, stride=stride, bias=False), nn.BatchNorm2d(n), nn.ReLU()]
    for _ in range(2):
        if arch == "ds-cnn":
            layers += [nn.Conv2d(n, n, 3, padding=1, groups=n, bias=False), nn.Conv2d(n, n, 1, bias=False)]
        else:
            layers += [nn.Conv2d(n, n, 3, bias=False)]
        layers += [nn.BatchNorm2d(n), nn.ReLU()]
    return nn.Sequential(*layers, Pool(), nn.Linear(n, 8))


def measure(arch, feature, alpha, last, onednn, foreach):
    import torch
    prepare()
    count = 6400
    xs, ys = torch.randn(count, 1, *SHAPE[feature]), torch.randint(0, 8, (count,))
    model = build(arch, feature, float(alpha))
    model.train()
    if last:
        model = model.to(memory_format=torch.channels_last)
        xs = xs.contiguous(memory_format=torch.channels_last)
    loss_fn = torch.nn.CrossEntropyLoss()
    opt = torch.optim.Adam(model.parameters(), lr=1e-3, foreach=foreach)
    order = batches(count)

    def step():
        i = next(order)
        x = xs[i]
        if last:
            x = x.contiguous(memory_format=torch.channels_last)
        opt.zero_grad(set_to_none=True)
        loss_fn(model(x), ys[i]).backward()
        opt.step()

    return least_ms(step, onednn, seconds=2.0, warm_up=5)


def settings(arch, feature, alpha):
    return [(0, d, f) for d in (0, 1) for f in (0, 1)] if arch == "mlp" else [(1, 1, 1), (0, 1, 1)]


if __name__ == "__main__":
    main(measure, settings)
