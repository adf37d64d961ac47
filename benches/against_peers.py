#!/usr/bin/env python3
"""mien's convolution blocks against PyTorch on the CPU, side by side: VGG16's base and the step that fine-tunes its block 5.

    pip install torch            # the CPU wheel is enough
    python benches/against_peers.py [--rounds 5] [--threads 2] [--cases base:48:32,base:96:32,base:224:8,step:96:32]

Builds benches/vgg16.rs, then runs ours and theirs in turn, a fresh process each time, and prints the medians of images per second and
of the ratios round by round: by the clock, and per second of the processor's time. On a machine that is not quiet only the latter means
something, and only with --threads 1, because threads that wait for each other use the processor too. Synthetic pictures: this times
arithmetic, not loading. --exe PATH takes a bench that was built before.
"""
import argparse
import json
import os
import statistics
import subprocess
import sys
import time

CARGO = ["cargo", "bench", "--no-default-features", "--features", "trainer", "--bench", "vgg16", "--no-run"]
LAYERS = [64, 64, "M", 128, 128, "M", 256, 256, 256, "M", 512, 512, 512, "M", 512, 512, 512, "M"]
# Modules before block 5 in the list of layers that theirs() makes.
BLOCK_5 = 24


def build():
    """The bench's executable."""
    lines = subprocess.run(CARGO + ["--message-format=json"], check=True, stdout=subprocess.PIPE, text=True).stdout
    artifacts = (json.loads(line) for line in lines.splitlines())
    return next(a["executable"] for a in artifacts if a.get("executable") and a["target"]["name"] == "vgg16")


def theirs(what, side, batch, steps, threads):
    """Images per second, by the clock and of the processor, of PyTorch in its fastest layout, channels last."""
    import torch
    from torch import nn

    torch.set_num_threads(threads)
    modules, channels = [], 3
    for layer in LAYERS:
        if layer == "M":
            modules.append(nn.MaxPool2d(2))
        else:
            modules += [nn.Conv2d(channels, layer, 3, padding=1), nn.ReLU(inplace=True)]
            channels = layer
    base = nn.Sequential(*modules).to(memory_format=torch.channels_last)
    x = torch.rand(batch, 3, side, side).contiguous(memory_format=torch.channels_last)
    frozen, top = (base, None) if what == "base" else (base[:BLOCK_5], base[BLOCK_5:])
    for parameter in frozen.parameters():
        parameter.requires_grad_(False)
    if top is not None:
        head = nn.Sequential(nn.Linear(512, 256), nn.ReLU(), nn.Linear(256, 7))
        adam = torch.optim.Adam([*top.parameters(), *head.parameters()], 1e-5)
        labels, loss = torch.arange(batch) % 7, nn.CrossEntropyLoss()

    def run():
        with torch.no_grad():
            features = frozen(x)
        if top is None:
            return features.mean((2, 3))
        found = loss(head(top(features).mean((2, 3))), labels)
        adam.zero_grad()
        found.backward()
        adam.step()

    run(), run()
    seconds, processor = [], time.process_time()
    for _ in range(steps):
        start = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - start)
    processor = time.process_time() - processor
    return batch / statistics.median(seconds), batch * steps / processor


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--cases", default="base:48:32,base:96:32,base:224:8,step:96:32", help="what:side:batch,…")
    parser.add_argument("--exe", help="a bench that was built before")
    parser.add_argument("--peer", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.peer:
        what, side, batch, steps = arguments.peer.split(":")
        print(*theirs(what, int(side), int(batch), int(steps), arguments.threads))
        return
    executable = arguments.exe or build()
    environment = {**os.environ, "RAYON_NUM_THREADS": str(arguments.threads)}
    for case in arguments.cases.split(","):
        what, side, batch = case.split(":")
        # A few seconds a measurement on a small machine.
        steps = max(3, 600_000 // (int(side) ** 2 * int(batch)))
        ours_command = [executable, "alone", what, side, batch, str(steps)]
        peer_command = [sys.executable, __file__, "--threads", str(arguments.threads), "--peer", f"{case}:{steps}"]
        rounds = [(measured(ours_command, environment), measured(peer_command, environment)) for _ in range(arguments.rounds)]
        print(f"{what} at {side}, batch {batch}, {arguments.threads} threads")
        for index, by in enumerate(("clock", "processor")):
            ours, peer = (statistics.median(run[index] for run in side) for side in zip(*rounds))
            ratios = sorted(a[index] / b[index] for a, b in rounds)
            spread = f"{ratios[0]:.2f}–{ratios[-1]:.2f}"
            print(f"  {by}: mien {ours:.1f}, PyTorch {peer:.1f}, ratio {statistics.median(ratios):.2f} ({spread})", flush=True)


def measured(command, environment):
    """What a process printed: two numbers."""
    run = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=environment)
    return [float(number) for number in run.stdout.split()]


if __name__ == "__main__":
    main()
