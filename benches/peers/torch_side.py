#!/usr/bin/env python3
"""What PyTorch and torchvision make of the work that mien's benches do, on made-up pictures: arithmetic, not loading.

  torch_side.py [--threads N] cnn|deep BATCH STEPS | base SIDE BATCH STEPS | step SIDE BATCH STEPS | augment WAY SIDE
  SECONDS torch_side.py [--threads N] train cnn|features|finetune FOLDER EPOCHS

All but the last print images a second, by the clock (the median step) and of the processor's time. `train` is a whole
training on FOLDER (train/CLASS/*, validation/CLASS/*) as mien's strategies do it, for what it takes of memory; it
prints its seconds.
"""

import argparse
import statistics
import time

import torch
from torch import nn

LAYERS = [64, 64, "M", 128, 128, "M", 256, 256, 256, "M", 512, 512, 512, "M", 512, 512, 512, "M"]
# Modules before block 5 in the list of layers.
BLOCK_5 = 24
MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def vgg_base():
    modules, channels = [], 3
    for layer in LAYERS:
        if layer == "M":
            modules.append(nn.MaxPool2d(2))
        else:
            modules += [nn.Conv2d(channels, layer, 3, padding=1), nn.ReLU(inplace=True)]
            channels = layer
    return nn.Sequential(*modules)


def head():
    return nn.Sequential(nn.Linear(512, 256), nn.ReLU(), nn.Dropout(0.5), nn.Linear(256, 7))


def small_cnn():
    blocks = [
        nn.Conv2d(1, 32, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(32, 64, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
    ]
    return nn.Sequential(*blocks, nn.Flatten(), nn.Linear(9216, 7))


def deep():
    """The network of src/domain/network/catalog/deep.rs."""
    modules, channels = [], 1
    for widths, pooled in (([32], True), ([64, 64], True), ([128, 128], True), ([256, 256], False)):
        for number, width in enumerate(widths, 1):
            modules.append(nn.Conv2d(channels, width, 3, padding=1, bias=False))
            if pooled and number == len(widths):
                modules.append(nn.MaxPool2d(2))
            modules += [nn.BatchNorm2d(width), nn.ReLU()]
            channels = width
    return nn.Sequential(*modules, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(0.3), nn.Linear(256, 7))


def timed(run, images, steps):
    run(), run()
    seconds, processor = [], time.process_time()
    for _ in range(steps):
        start = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - start)
    return images / statistics.median(seconds), images * steps / (time.process_time() - processor)


def descend(network, adam, loss, x, labels):
    found = loss(network(x), labels)
    adam.zero_grad()
    found.backward()
    adam.step()
    return found


def drawn(make, batch, steps):
    """A training step of a network without pretrained weights, in the faster of PyTorch's two layouts."""
    labels, loss = torch.arange(batch) % 7, nn.CrossEntropyLoss()
    found = []
    for layout in (torch.contiguous_format, torch.channels_last):
        network = make().to(memory_format=layout)
        x = torch.rand(batch, 1, 48, 48).contiguous(memory_format=layout)
        adam = torch.optim.Adam(network.parameters(), 1e-3)
        found.append(timed(lambda: descend(network, adam, loss, x, labels), batch, steps))
    return max(found)


def vgg(what, side, batch, steps):
    """The frozen base, or the step that trains its block 5 and a head, in PyTorch's fastest layout."""
    base = vgg_base().to(memory_format=torch.channels_last)
    x = torch.rand(batch, 3, side, side).contiguous(memory_format=torch.channels_last)
    frozen, top = (base, None) if what == "base" else (base[:BLOCK_5], base[BLOCK_5:])
    frozen.requires_grad_(False)
    if top is not None:
        network = nn.Sequential(top, nn.AdaptiveAvgPool2d(1), nn.Flatten(), head())
        adam = torch.optim.Adam(network.parameters(), 1e-5)
        labels, loss = torch.arange(batch) % 7, nn.CrossEntropyLoss()

    def run():
        with torch.no_grad():
            features = frozen(x)
        return features.mean((2, 3)) if top is None else descend(network, adam, loss, features, labels)

    return timed(run, batch, steps)


def augmenter(side):
    """The reference's random changes for one picture or, all alike, a batch; three channels as a base wants them at
    224."""
    from torchvision.transforms import v2

    bilinear = v2.InterpolationMode.BILINEAR
    steps = [
        v2.RandomHorizontalFlip(),
        v2.RandomAffine(15, translate=(0.1, 0.1), scale=(0.85, 1.15), interpolation=bilinear),
    ]
    if side != 48:
        steps.append(v2.Resize(side, antialias=False))
    steps.append(v2.ToDtype(torch.float32, scale=True))
    if side != 48:
        steps += [v2.Lambda(lambda x: x.expand(*x.shape[:-3], 3, side, side)), v2.Normalize(MEAN, DEVIATION)]
    return v2.Compose(steps)


def sampled(x, side):
    """The same changes by hand, another one for every picture of a batch; resizing on its own, because that is
    faster."""
    count = len(x)
    around = lambda reach: torch.empty(count).uniform_(-reach, reach)
    angle, down, right = torch.deg2rad(around(15)), 2 * around(0.1), 2 * around(0.1)
    rows, columns = 1 + around(0.15), (1 + around(0.15)) * (1 - 2 * torch.randint(0, 2, (count,)))
    sin, cos = angle.sin(), angle.cos()
    theta = torch.stack([cos * columns, sin * rows, right, -sin * columns, cos * rows, down], 1).view(count, 2, 3)
    grid = nn.functional.affine_grid(theta, x.shape, align_corners=False)
    x = x.to(torch.float32).div_(255)
    x = nn.functional.grid_sample(x, grid, mode="bilinear", padding_mode="border", align_corners=False)
    if side == 48:
        return x
    x = nn.functional.interpolate(x, (side, side), mode="bilinear")
    mean, deviation = torch.tensor(MEAN).view(3, 1, 1), torch.tensor(DEVIATION).view(3, 1, 1)
    return x.expand(count, 3, side, side).sub(mean).div_(deviation)


def augment(way, side, seconds):
    """Ways: `image` (torchvision, one by one), `alike` (torchvision, one draw for a whole batch), `sampled`. Batches of
    32."""
    pictures = torch.randint(0, 256, (32, 1, 48, 48), dtype=torch.uint8)
    if way == "image":
        change = augmenter(side)
        run = lambda: torch.stack([change(picture) for picture in pictures])
    elif way == "alike":
        change = augmenter(side)
        run = lambda: change(pictures)
    else:
        run = lambda: sampled(pictures, side)
    run()
    start = time.perf_counter()
    run()
    return timed(run, 32, max(3, int(seconds / (time.perf_counter() - start))))


class Pictures(torch.utils.data.Dataset):
    """A folder's pictures, decoded when asked for, as torchvision's ImageFolder does it."""

    def __init__(self, folder, change, gray):
        from torchvision.datasets import ImageFolder
        from PIL import Image

        loader = lambda path: Image.open(path).convert("L" if gray else "RGB")
        self.folder = ImageFolder(folder, transform=change, loader=loader)

    def __len__(self):
        return len(self.folder)

    def __getitem__(self, index):
        return self.folder[index]


def train(strategy, folder, epochs):
    from torch.utils.data import DataLoader, TensorDataset
    from torchvision.transforms import v2

    to_floats = [v2.ToImage(), v2.ToDtype(torch.float32, scale=True)]
    changes = [
        v2.RandomHorizontalFlip(),
        v2.RandomAffine(15, translate=(0.1, 0.1), scale=(0.85, 1.15), interpolation=v2.InterpolationMode.BILINEAR),
    ]
    usual = [] if strategy == "cnn" else [v2.Normalize(MEAN, DEVIATION)]
    gray = strategy == "cnn"
    as_is = v2.Compose(to_floats + usual)
    varied = (
        v2.Compose([v2.ToImage(), *changes, v2.ToDtype(torch.float32, scale=True), *usual])
        if strategy == "cnn"
        else as_is
    )
    training, validation = Pictures(f"{folder}/train", varied, gray), Pictures(f"{folder}/validation", as_is, gray)
    base = network = None
    if strategy != "cnn":
        base = vgg_base().to(memory_format=torch.channels_last)
        frozen = base if strategy == "features" else base[:BLOCK_5]
        frozen.requires_grad_(False)
        pool = [nn.AdaptiveAvgPool2d(1), nn.Flatten()]
        pooled = nn.Sequential(frozen, *pool) if strategy == "features" else frozen
        # What the frozen part makes is computed once, as mien does it.
        training, validation = (
            features(pooled, pictures, TensorDataset, DataLoader) for pictures in (training, validation)
        )
        network = head() if strategy == "features" else nn.Sequential(base[BLOCK_5:], *pool, head())
    else:
        network = small_cnn()
    adam, loss = torch.optim.Adam(network.parameters(), 1e-4), nn.CrossEntropyLoss()
    for _ in range(epochs):
        network.train()
        for x, labels in DataLoader(training, 64, shuffle=True):
            descend(network, adam, loss, x, labels)
        network.eval()
        with torch.no_grad():
            for x, labels in DataLoader(validation, 64):
                network(x).argmax(1).eq(labels).sum().item()


def features(frozen, pictures, TensorDataset, DataLoader):
    rows, labels = [], []
    with torch.no_grad():
        for x, label in DataLoader(pictures, 64):
            rows.append(frozen(x.contiguous(memory_format=torch.channels_last)))
            labels.append(label)
    return TensorDataset(torch.cat(rows), torch.cat(labels))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("words", nargs="+")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    what, *rest = arguments.words
    if what in ("cnn", "deep"):
        print(*drawn(small_cnn if what == "cnn" else deep, *map(int, rest)))
    elif what in ("base", "step"):
        print(*vgg(what, *map(int, rest)))
    elif what == "augment":
        print(*augment(rest[0], int(rest[1]), float(rest[2])))
    elif what == "train":
        start = time.perf_counter()
        train(rest[0], rest[1], int(rest[2]))
        print(time.perf_counter() - start)
    else:
        parser.error(f"unknown work '{what}'")


if __name__ == "__main__":
    main()
