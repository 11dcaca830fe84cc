"""Milliseconds of a training step in PyTorch, at its best setting: the rival of bench_train.

    /usr/bin/python3 train_torch.py ARCH ALPHA      ARCH: mlp | cnn-1d | lstm

The step is bench_train's: gather a batch of 32, forward, mean squared error, backward, Adam; input
[6,2], 12 outputs. One thread, process CPU time, minimum over blocks of about 0.08 s. Every setting of
{oneDNN on, off} x {fused Adam loops on, off} x {jit on, off} runs in a process of its own, with
AVX-512 allowed and jemalloc when it is installed; the least time is printed. Exit code 1 when
PyTorch is missing."""
import os
import subprocess
import sys
import time


def width(n, alpha):
    return max(1, int(n * alpha))


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


def measure(arch, alpha, onednn, foreach, jit, seconds=1.2, batch=32):
    import torch
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    torch.manual_seed(1)
    count = 294000
    xs, ys = torch.randn(count, 6, 2), torch.randn(count, 12)
    model = build(arch, alpha)
    fn = torch.jit.script(model) if jit else model
    loss_fn = torch.nn.MSELoss()
    opt = torch.optim.Adam(model.parameters(), lr=1e-3, foreach=foreach)
    order, at = torch.randperm(count), 0

    def step():
        nonlocal order, at
        if at + batch > count:
            order, at = torch.randperm(count), 0
        i = order[at:at + batch]
        at += batch
        opt.zero_grad(set_to_none=True)
        loss_fn(fn(xs[i]), ys[i]).backward()
        opt.step()

    with torch.backends.mkldnn.flags(enabled=onednn):
        for _ in range(30):
            step()
        start = time.perf_counter()
        for _ in range(20):
            step()
        block = max(1, int(0.08 * 20 / (time.perf_counter() - start)))
        best, end = float("inf"), time.perf_counter() + seconds
        while time.perf_counter() < end:
            start = time.process_time()
            for _ in range(block):
                step()
            best = min(best, (time.process_time() - start) / block)
    return best * 1e3


def environment():
    env = {k: v for k, v in os.environ.items() if not k.startswith(("OPENBLAS_", "OMP_", "ATEN_"))}
    env.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1", ATEN_CPU_CAPABILITY="avx512")
    for folder in ("/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu"):
        if os.path.exists(folder + "/libjemalloc.so.2"):
            env["LD_PRELOAD"] = folder + "/libjemalloc.so.2"
            env["MALLOC_CONF"] = "oversize_threshold:1,metadata_thp:auto,dirty_decay_ms:-1,muzzy_decay_ms:-1"
    return env


def best(arch, alpha):
    least = None
    for setting in [(d, f, j) for d in "01" for f, j in ("10", "00", "11")]:
        r = subprocess.run([sys.executable, __file__, arch, alpha, *setting], env=environment(),
                           capture_output=True, text=True)
        if r.returncode == 0:
            ms = float(r.stdout)
            least = ms if least is None else min(least, ms)
    return least


if __name__ == "__main__":
    if len(sys.argv) == 6:
        flags = [s == "1" for s in sys.argv[3:]]
        print(measure(sys.argv[1], float(sys.argv[2]), *flags))
    else:
        result = best(*sys.argv[1:3])
        if result is None:
            sys.exit("train_torch.py: PyTorch is not there")
        print("%.5f" % result)
