"""Milliseconds of a training step in PyTorch, at its best setting: the rival of bench_train.

    /usr/bin/python3 train_torch.py ARCH ALPHA      ARCH: mlp | cnn-1d | lstm

The step is bench_train's: gather a batch of 32, forward, mean squared error, backward, Adam; input
[6,2], 12 outputs. The settings are oneDNN on or off, with Adam's fused loops, without, and with them and
jit; torch_rival.py says the rest."""
from torch_rival import batches, least_ms, main, prepare, width


def build(arch, alpha):
    import torch
    from torch import nn

    class Cnn(nn.Module):
        def __init__(self):
            super().__init__()
            f = width(64, alpha)
            self.c, self.d, self.o = nn.Conv1d(2, f, 3), nn.Linear(4 * f, f), nn.Linear(f, 12)

        def forward(self, x):
            x = torch.relu(self.c(x.transpose(1, 2)))
            return self.o(torch.relu(self.d(x.flatten(1))))

    class Lstm(nn.Module):
        def __init__(self):
            super().__init__()
            n = width(64, alpha)
            self.l, self.o = nn.LSTM(2, n, batch_first=True), nn.Linear(n, 12)

        def forward(self, x):
            return self.o(self.l(x)[0][:, -1])

    if arch == "cnn-1d":
        return Cnn()
    if arch == "lstm":
        return Lstm()
    n = width(128, alpha)
    return nn.Sequential(nn.Flatten(), nn.Linear(12, n), nn.ReLU(), nn.Linear(n, n), nn.ReLU(), nn.Linear(n, 12))


def measure(arch, alpha, onednn, foreach, jit):
    import torch
    prepare()
    count = 294000
    xs, ys = torch.randn(count, 6, 2), torch.randn(count, 12)
    model = build(arch, float(alpha))
    fn = torch.jit.script(model) if jit else model
    loss_fn = torch.nn.MSELoss()
    opt = torch.optim.Adam(model.parameters(), lr=1e-3, foreach=foreach)
    order = batches(count)

    def step():
        i = next(order)
        opt.zero_grad(set_to_none=True)
        loss_fn(fn(xs[i]), ys[i]).backward()
        opt.step()

    return least_ms(step, onednn, seconds=1.2, warm_up=25)


def settings(arch, alpha):
    return [(d, f, j) for d in (0, 1) for f, j in ((1, 0), (0, 0), (1, 1))]


if __name__ == "__main__":
    main(measure, settings)
