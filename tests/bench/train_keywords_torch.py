"""Milliseconds of a training step in PyTorch, tuned: the rival of bench_train_keywords.

    /usr/bin/python3 train_keywords_torch.py ARCH FEATURE ALPHA
    ARCH: mlp | cnn | ds-cnn      FEATURE: mfcc | log-mel

The step is bench_train_keywords's: gather a batch of 32, forward, cross-entropy, backward, Adam. One
thread, process CPU time, minimum over blocks of about 0.08 s. Tuned means: channels_last (tried
beside contiguous), oneDNN (off is tried for the MLP), AVX-512 allowed, Adam's fused loops, jemalloc when
it is installed, and a gradient of the global pooling in the memory layout of its input, without which
the layer before it runs strided. Every setting runs in a process of its own; the least time is
printed. Exit code 1 when PyTorch is missing."""
import os
import subprocess
import sys
import time

SHAPE = {"log-mel": (49, 40), "mfcc": (49, 10)}


def width(n, alpha):
    return max(1, int(n * alpha))


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


def measure(arch, feature, alpha, last, onednn, foreach, seconds=2.0, batch=32):
    import torch
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    torch.manual_seed(1)
    count = 6400
    xs, ys = torch.randn(count, 1, *SHAPE[feature]), torch.randint(0, 8, (count,))
    model = build(arch, feature, alpha)
    model.train()
    if last:
        model = model.to(memory_format=torch.channels_last)
        xs = xs.contiguous(memory_format=torch.channels_last)
    loss_fn = torch.nn.CrossEntropyLoss()
    opt = torch.optim.Adam(model.parameters(), lr=1e-3, foreach=foreach)
    order, at = torch.randperm(count), 0

    def step():
        nonlocal order, at
        if at + batch > count:
            order, at = torch.randperm(count), 0
        i = order[at:at + batch]
        at += batch
        x = xs[i]
        if last:
            x = x.contiguous(memory_format=torch.channels_last)
        opt.zero_grad(set_to_none=True)
        loss_fn(model(x), ys[i]).backward()
        opt.step()

    with torch.backends.mkldnn.flags(enabled=onednn):
        for _ in range(6):
            step()
        start = time.perf_counter()
        for _ in range(3):
            step()
        block = max(1, int(0.08 * 3 / (time.perf_counter() - start)))
        best, end, rounds = float("inf"), time.perf_counter() + seconds, 0
        while time.perf_counter() < end or rounds < 5:
            start = time.process_time()
            for _ in range(block):
                step()
            best = min(best, (time.process_time() - start) / block)
            rounds += 1
    return best * 1e3


def environment():
    env = {k: v for k, v in os.environ.items() if not k.startswith(("OPENBLAS_", "OMP_", "ATEN_"))}
    env.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1", ATEN_CPU_CAPABILITY="avx512")
    for folder in ("/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu"):
        if os.path.exists(folder + "/libjemalloc.so.2"):
            env["LD_PRELOAD"] = folder + "/libjemalloc.so.2"
            env["MALLOC_CONF"] = "oversize_threshold:1,metadata_thp:auto,dirty_decay_ms:-1,muzzy_decay_ms:-1"
    return env


def best(arch, feature, alpha):
    settings = [(0, d, f) for d in (0, 1) for f in (0, 1)] if arch == "mlp" else [(1, 1, 1), (0, 1, 1)]
    least = None
    for s in settings:
        r = subprocess.run([sys.executable, __file__, arch, feature, alpha, *map(str, s)], env=environment(),
                           capture_output=True, text=True)
        if r.returncode == 0:
            ms = float(r.stdout)
            least = ms if least is None else min(least, ms)
    return least


if __name__ == "__main__":
    if len(sys.argv) == 7:
        print(measure(sys.argv[1], sys.argv[2], float(sys.argv[3]), *(s == "1" for s in sys.argv[4:])))
    else:
        result = best(*sys.argv[1:4])
        if result is None:
            sys.exit("train_keywords_torch.py: PyTorch is not there")
        print("%.5f" % result)
