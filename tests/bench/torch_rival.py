"""What the rivals of the training benchmarks share: how a step of PyTorch is timed, and how the best of several
settings is found.

Tuned means one thread, AVX-512 allowed, jemalloc when it is installed, and whatever the settings try. Times are
process CPU time, the minimum over blocks of about 0.08 s. Every setting runs in a process of its own; the least
time is printed, in milliseconds. Exit code 1 when PyTorch is missing."""
import os
import subprocess
import sys
import time


def width(n, alpha):
    return max(1, int(n * alpha))


def batches(count, batch=32):
    """Indices of shuffled examples, without end."""
    import torch
    while True:
        order = torch.randperm(count)
        for at in range(0, count - batch + 1, batch):
            yield order[at:at + batch]


def prepare():
    import torch
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    torch.manual_seed(1)


def least_ms(step, onednn, seconds, warm_up):
    """Milliseconds of step(), with oneDNN or without, after so many seconds of work."""
    import torch
    with torch.backends.mkldnn.flags(enabled=onednn):
        for _ in range(warm_up):
            step()
        start = time.process_time()
        for _ in range(warm_up):
            step()
        block = max(1, int(0.08 * warm_up / (time.process_time() - start)))
        best, end, rounds = float("inf"), time.process_time() + seconds, 0
        while (start := time.process_time()) < end or rounds < 5:
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


def best(arguments, settings):
    least = None
    for setting in settings:
        r = subprocess.run([sys.executable, sys.argv[0], *arguments, "setting", *map(str, setting)],
                           env=environment(), capture_output=True, text=True)
        if r.returncode == 0:
            ms = float(r.stdout)
            least = ms if least is None else min(least, ms)
    return least


def main(measure, settings):
    """Prints the least measure(*arguments, *setting) over settings(*arguments); a setting is some of 0 and 1."""
    if "setting" in sys.argv:
        i = sys.argv.index("setting")
        print(measure(*sys.argv[1:i], *(s == "1" for s in sys.argv[i + 1:])))
        return
    result = best(sys.argv[1:], settings(*sys.argv[1:]))
    if result is None:
        sys.exit(os.path.basename(sys.argv[0]) + ": PyTorch is not there")
    print("%.5f" % result)
