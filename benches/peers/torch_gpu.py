#!/usr/bin/env python3
"""Training steps and ceilings of PyTorch on a card (or, for a rehearsal, on the processor), for scripts/gpu-check.

  torch_gpu.py --device cuda --precision f32|tf32|bf16 cnn|deep|features|finetune BATCH SIZE STEPS [--unfreeze block5]
  torch_gpu.py --device cuda --precision … ceilings SIZE
  torch_gpu.py --device cuda --precision … layers BATCH SIZE
  torch_gpu.py --device cuda cases FILE

channels_last, Adam, inputs that are on the card already. Prints one line of JSON. bf16: autocast, weights in f32.
`cases` reads a case from each line of FILE, such as {"name": "…", "words": ["cnn", 64, 48, 20], "precision": "bf16",
"unfreeze": "block5"}, and prints a line for each, with its name; of a case that fails, the error, and the next one
follows.
"""

import argparse
import json
import statistics
import time

import torch
from torch import nn

from torch_side import deep, head, small_cnn, vgg_base

# Modules before each block in the list of VGG16's layers.
BEFORE = {"block1": 0, "block2": 5, "block3": 10, "block4": 17, "block5": 24}
PARTS = 5


def settle(device):
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def seconds(device, run, steps):
    """Seconds of the first step, and the middle of one step over several parts."""

    def part(count):
        begun = time.perf_counter()
        for _ in range(count):
            run()
        settle(device)
        return (time.perf_counter() - begun) / count

    first = part(1)
    part(5)
    return first, statistics.median(part(max(1, steps // PARTS)) for _ in range(PARTS))


def training(strategy, batch, size, unfreeze, device, autocast):
    """A training step."""
    labels = (torch.arange(batch) % 7).to(device)
    channels, frozen = (1, None) if strategy in ("cnn", "deep") else (3, vgg_base())
    if strategy == "deep":
        network = deep()
    elif strategy == "cnn":
        network = nn.Sequential(*list(small_cnn())[:-1], nn.Linear(64 * (size // 4) ** 2, 7))
    else:
        cut = len(frozen) if strategy == "features" else BEFORE[unfreeze]
        frozen, top = frozen[:cut], frozen[cut:]
        network = nn.Sequential(top, nn.AdaptiveAvgPool2d(1), nn.Flatten(), head())
        frozen.requires_grad_(False).to(device, memory_format=torch.channels_last)
    network.to(device, memory_format=torch.channels_last)
    x = torch.rand(batch, channels, size, size, device=device).contiguous(memory_format=torch.channels_last)
    adam, loss = torch.optim.Adam(network.parameters(), 1e-4), nn.CrossEntropyLoss()

    def run():
        with torch.autocast(device.type, torch.bfloat16, enabled=autocast):
            inputs = x
            if frozen is not None and len(frozen):
                with torch.no_grad():
                    inputs = frozen(x)
            found = loss(network(inputs), labels)
        adam.zero_grad(set_to_none=True)
        found.backward()
        adam.step()

    return run


def ceilings(size, device, autocast):
    kind = torch.bfloat16 if autocast else torch.float32
    a, b = (torch.randn(size, size, device=device).to(kind) for _ in range(2))
    source = torch.randn((1 << 28) if device.type == "cuda" else (1 << 22), device=device)
    target = torch.empty_like(source)
    _, product = seconds(device, lambda: torch.matmul(a, b), 20)
    _, copy = seconds(device, lambda: target.copy_(source), 20)
    return {"teraflops": 2 * size**3 / product / 1e12, "gigabytes": 8 * source.numel() / copy / 1e9}


def layers(batch, size, device, autocast):
    """Each convolution with ReLU and, as the last of its block, pooling: milliseconds forward, and with the
    gradients."""
    found, x, modules = [], torch.randn(batch, 3, size, size, device=device), list(vgg_base())
    x = x.contiguous(memory_format=torch.channels_last)
    block, number = 1, 0
    while modules:
        pooled = len(modules) > 2 and isinstance(modules[2], nn.MaxPool2d)
        layer, modules = nn.Sequential(*modules[: 2 + pooled]), modules[2 + pooled :]
        layer.to(device, memory_format=torch.channels_last)
        layer[1].inplace = False
        number += 1
        leaf = x.detach().requires_grad_(block > 1 or number > 1)

        def forward():
            with torch.no_grad(), torch.autocast(device.type, torch.bfloat16, enabled=autocast):
                return layer(leaf)

        def both():
            with torch.autocast(device.type, torch.bfloat16, enabled=autocast):
                out = layer(leaf)
            leaf.grad = None
            layer.zero_grad(set_to_none=True)
            out.backward(torch.ones_like(out))

        times = [1000 * seconds(device, way, 25)[1] for way in (forward, both)]
        found.append(
            {"layer": f"block{block}.conv{number}", "forward_milliseconds": times[0], "both_milliseconds": times[1]}
        )
        x = forward().float()
        if pooled:
            block, number = block + 1, 0
    return {"layers": found}


def measure(words, precision, unfreeze, device):
    """One case, as the line to print."""
    autocast = precision == "bf16"
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = precision != "f32"
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    what, *numbers = words
    numbers = list(map(int, numbers))
    if what == "ceilings":
        found = ceilings(numbers[0], device, autocast)
    elif what == "layers":
        found = layers(*numbers, device, autocast)
    else:
        batch, size, steps = numbers
        first, step = seconds(device, training(what, batch, size, unfreeze, device, autocast), steps)
        found = {"images_per_second": batch / step, "milliseconds": 1000 * step, "first_seconds": first}
    if device.type == "cuda":
        found["torch_memory_mib"] = torch.cuda.max_memory_reserved(device) / 2**20
    return found


def cases(path, device):
    """Measures each case of a file; what one fails with is told in its place."""
    with open(path) as file:
        asked = [json.loads(line) for line in file if line.strip()]
    for one in asked:
        try:
            found = measure(one["words"], one.get("precision", "tf32"), one.get("unfreeze", "block5"), device)
        except Exception as error:  # Whatever a case fails with, the next one may work.
            found = {"error": f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"[:300]}
        print(json.dumps({"name": one["name"], **found}), flush=True)
        if device.type == "cuda":
            torch.cuda.empty_cache()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--precision", choices=["f32", "tf32", "bf16"], default="tf32")
    parser.add_argument("--unfreeze", choices=BEFORE, default="block5")
    parser.add_argument("words", nargs="+")
    arguments = parser.parse_args()
    device = torch.device(arguments.device)
    torch.backends.cudnn.benchmark = True
    if arguments.words[0] == "cases":
        cases(arguments.words[1], device)
    else:
        print(json.dumps(measure(arguments.words, arguments.precision, arguments.unfreeze, device)))


if __name__ == "__main__":
    main()
