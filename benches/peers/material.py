"""What is measured on: FER-2013 in every form, a part of it, and synthetic datasets of any length."""

import csv
import os
import random
import shutil
import subprocess
import sys
import tarfile
import zipfile

from peers.process import Missing

# Kaggle's table numbers the classes so.
CLASSES = ["angry", "disgust", "fear", "happy", "sad", "surprise", "neutral"]


def folder(arguments):
    """FER-2013 as a folder, unpacked once."""
    place = os.path.join(arguments.work, "fer2013")
    if not os.path.isdir(place):
        if not arguments.fer:
            raise Missing("say where FER-2013 is: --fer fer2013.tar.xz")
        if os.path.isdir(arguments.fer):
            return os.path.abspath(arguments.fer)
        with tarfile.open(arguments.fer) as archive:
            archive.extractall(place + ".partial", filter="data")
        os.rename(place + ".partial", place)
    return place


def images(root):
    """(split, class, path) of every image."""
    for split in ("train", "test"):
        for name in sorted(os.listdir(os.path.join(root, split))):
            inside = os.path.join(root, split, name)
            yield from ((split, name, os.path.join(inside, file)) for file in sorted(os.listdir(inside)))


def forms(arguments, python):
    """FER-2013 in the forms that are imported, by their names; missing ones are made, the table by this Python."""
    root = folder(arguments)
    found = {
        "folder": root,
        "zip": os.path.join(arguments.work, "fer2013.zip"),
        "csv": os.path.join(arguments.work, "fer2013.csv"),
    }
    if arguments.fer and os.path.isfile(arguments.fer):
        found["tar.xz"] = arguments.fer
    if not os.path.exists(found["zip"]):
        with zipfile.ZipFile(found["zip"] + ".partial", "w", zipfile.ZIP_DEFLATED) as archive:
            for split, name, path in images(root):
                archive.write(path, f"{split}/{name}/{os.path.basename(path)}")
        os.rename(found["zip"] + ".partial", found["zip"])
    if not os.path.exists(found["csv"]):
        # Decoding takes pillow, which the peer's Python has.
        command = [python, "-m", "peers.material", root, found["csv"]]
        if subprocess.run(command, cwd=os.path.dirname(os.path.dirname(os.path.abspath(__file__)))).returncode:
            raise Missing("the table cannot be written")
    return found


def write_table(root, place):
    """Kaggle's fer2013.csv, from the images."""
    from PIL import Image

    with open(place + ".partial", "w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["emotion", "pixels", "Usage"])
        for split, name, path in images(root):
            usage = "Training" if split == "train" else os.path.basename(path).split("_")[0]
            table.writerow([CLASSES.index(name), " ".join(map(str, Image.open(path).convert("L").tobytes())), usage])
    os.rename(place + ".partial", place)


def part(arguments, wanted):
    """About so many of FER-2013's training images, a tenth of that for validation and for the test, as links in a
    folder."""
    place = os.path.join(arguments.work, f"part-{wanted}")
    shutil.rmtree(place, ignore_errors=True)
    by_split = {"train": [], "test": []}
    for split, name, path in images(folder(arguments)):
        by_split[split].append((name, path))
    taken = [
        ("train", by_split["train"], wanted, 0),
        ("validation", by_split["train"], wanted // 10, 1),
        ("test", by_split["test"], wanted // 10, 0),
    ]
    for split, there, count, first in taken:
        for name, path in there[first :: max(2, len(there) // count)]:
            os.makedirs(os.path.join(place, split, name), exist_ok=True)
            os.link(path, os.path.join(place, split, name, os.path.basename(path)))
    return place


def synthetic(place, count, side):
    """A tar archive of so many gray PGM images in two classes, written as fast as the disk takes it."""
    noise = random.Random(count).randbytes(1 << 20)
    body = b"P5 %d %d 255\n" % (side, side)
    length = len(body) + side * side
    padding = bytes(-length % 512)
    template = {}
    for name in ("calm", "cross"):
        entry = tarfile.TarInfo(f"train/{name}/{0:09d}.pgm")
        entry.size = length
        template[name] = bytearray(entry.tobuf(tarfile.USTAR_FORMAT))
    with open(place, "wb", buffering=1 << 22) as file:
        for index in range(count):
            name = "calm" if index % 2 else "cross"
            head = template[name]
            at = len(f"train/{name}/")
            head[at : at + 9] = b"%09d" % index
            head[148:156] = b" " * 8
            head[148:156] = b"%06o\0 " % sum(head)
            begin = index * 977 % ((1 << 20) - side * side)
            file.write(head)
            file.write(body)
            file.write(noise[begin : begin + side * side])
            file.write(padding)
        file.write(bytes(1024))


if __name__ == "__main__":
    write_table(*sys.argv[1:])
