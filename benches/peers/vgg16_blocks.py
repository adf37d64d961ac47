"""Compares the outputs of VGG16's blocks as features of a dataset: a head in PyTorch on each, by validation accuracy.

Needs a home with the dataset (one channel) and imported weights of the layout of Keras, NumPy and PyTorch:

    mien --home HOME data import fer2013.tar.xz --name fer2013
    mien --home HOME weights import vgg16_imagenet_notop.h5 --name imagenet
    python3 benches/peers/vgg16_blocks.py HOME fer2013 imagenet

The features of 28,709 images take 20 minutes on one thread. Test images are not read.
"""

import argparse
import json
import pathlib
import struct

import numpy
import torch
from torch import nn
from torch.nn import functional

BLOCKS = (2, 2, 3, 3, 3)
MEAN_BGR = (103.939, 116.779, 123.68)
COMPARED = (5, 4)


def read_weights(path):
    """Returns the kernel and bias of each convolution by block, and checks that pixels are preprocessed as in Keras."""
    with open(path, "rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(length))
        values = file.read()
    preprocessing = json.loads(header["__metadata__"]["mien"])["preprocessing"]
    assert preprocessing["order"] == "bgr" and tuple(preprocessing["mean"]) == MEAN_BGR, preprocessing

    def tensor(name):
        begin, end = header[name]["data_offsets"]
        array = numpy.frombuffer(values[begin:end], "<f4").reshape(header[name]["shape"])
        return torch.from_numpy(array.copy())

    layer = "block{}.conv{}.{}".format
    return [
        [(tensor(layer(block, at, "weight")), tensor(layer(block, at, "bias"))) for at in range(1, count + 1)]
        for block, count in enumerate(BLOCKS, 1)
    ]


def features(pixels, weights):
    """Returns the output of each compared block for gray images `[N, H, W]`, as halves."""
    outputs = {block: [] for block in COMPARED}
    mean = torch.tensor(MEAN_BGR).view(1, 3, 1, 1)
    with torch.no_grad():
        for begin in range(0, len(pixels), 128):
            gray = torch.from_numpy(pixels[begin : begin + 128].astype(numpy.float32))
            values = gray.unsqueeze(1).expand(-1, 3, -1, -1) - mean
            for block, convolutions in enumerate(weights, 1):
                for kernel, bias in convolutions:
                    values = functional.relu(functional.conv2d(values, kernel, bias, padding=1))
                values = functional.max_pool2d(values, 2)
                if block in outputs:
                    outputs[block].append(values.half())
    return {block: torch.cat(parts) for block, parts in outputs.items()}


def train_head(name, inputs, labels, split, epochs, normalize):
    """Trains a head of 256 units on the rows before `split`, and prints the accuracy on the others."""
    torch.manual_seed(1)
    width = inputs.shape[1]
    layers = [nn.Linear(width, 256), nn.ReLU(), nn.Dropout(0.5), nn.Linear(256, int(labels.max()) + 1)]
    head = nn.Sequential(*([nn.BatchNorm1d(width)] if normalize else []), *layers)
    optimizer = torch.optim.AdamW(head.parameters(), lr=1e-3, weight_decay=0.0)
    steps = max(split // 128, 1)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 1e-3, total_steps=epochs * (steps + 1))
    best = 0.0
    for _ in range(epochs):
        head.train()
        order = torch.randperm(split)
        for step in range(steps):
            rows = order[step * 128 : step * 128 + 128]
            loss = functional.cross_entropy(head(inputs[rows].float()), labels[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
        head.eval()
        with torch.no_grad():
            predicted = head(inputs[split:].float()).argmax(1)
        accuracy = (predicted == labels[split:]).float().mean().item()
        best = max(best, accuracy)
    print(f"{name:36} {width:6} values  last {accuracy:.4f}  best {best:.4f}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("home", type=pathlib.Path)
    parser.add_argument("dataset")
    parser.add_argument("weights")
    parser.add_argument("--epochs", type=int, default=15)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--images", type=int, help="only as many for training and for validation, to try the script")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    folder = options.home / "data" / options.dataset
    manifest = json.loads((folder / "manifest.json").read_text())
    width, height, channels = (manifest["image"][key] for key in ("width", "height", "channels"))
    assert channels == 1, "the dataset has colours"
    trained, validated = (sum(entry[split] for entry in manifest["classes"]) for split in ("train", "validation"))
    split = min(trained, options.images or trained)
    rows = [
        numpy.linspace(0, trained - 1, split).astype(int),
        trained + numpy.linspace(0, validated - 1, min(validated, options.images or validated)).astype(int),
    ]
    rows = numpy.concatenate(rows)
    pixels = numpy.memmap(folder / "pixels.bin", numpy.uint8, "r").reshape(-1, height, width)[rows]
    labels = torch.from_numpy(numpy.fromfile(folder / "labels.bin", "<u2")[rows].astype(numpy.int64))
    found = features(pixels, read_weights(options.home / "weights" / f"{options.weights}.safetensors"))
    for block, values in found.items():
        scale = values[:2000].float().std()
        mean = values.float().mean((2, 3))
        flat = (values.flatten(1).float() / scale).half()
        train_head(f"block {block}, mean of each channel", mean / mean.std(), labels, split, options.epochs, False)
        train_head(f"block {block}, every position", flat, labels, split, options.epochs, False)
        train_head(f"block {block}, every position, batch norm", flat, labels, split, options.epochs, True)


if __name__ == "__main__":
    main()
