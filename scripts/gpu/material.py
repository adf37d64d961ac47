"""Generated data for a rehearsal without the real files."""

import array
import json
import random
import struct

BLOCKS = [(2, 3, 64), (2, 64, 128), (3, 128, 256), (3, 256, 512), (3, 512, 512)]


def table(path, rows):
    """Writes a table like FER-2013's: seven classes of 48×48 noise around different brightnesses."""
    draw = random.Random(7)
    with open(path, "w") as out:
        out.write("emotion,pixels,Usage\n")
        for row in range(rows):
            emotion, usage = row % 7, ["Training", "Training", "Training", "PublicTest", "PrivateTest"][row // 7 % 5]
            noise = draw.getrandbits(5 * 48 * 48)
            pixels = (str(emotion * 30 + ((noise >> 5 * at) & 31)) for at in range(48 * 48))
            out.write(f"{emotion},{' '.join(pixels)},{usage}\n")


def base(path):
    """Writes weights of VGG16's shapes (He et al. 2015) from a few thousand repeated random numbers."""
    draw, header, parts, at = random.Random(1), {}, [], 0
    for block, (count, first, channels) in enumerate(BLOCKS, 1):
        for number in range(1, count + 1):
            inputs = first if number == 1 else channels
            bound = (6 / (9 * inputs)) ** 0.5
            length = channels * inputs * 9
            some = array.array("f", (draw.uniform(-bound, bound) for _ in range(4099)))
            values = (some * (length // len(some) + 1))[:length]
            for part, shape, data in (
                ("weight", [channels, inputs, 3, 3], values),
                ("bias", [channels], array.array("f", bytes(4 * channels))),
            ):
                data = data.tobytes()
                header[f"block{block}.conv{number}.{part}"] = {
                    "dtype": "F32",
                    "shape": shape,
                    "data_offsets": [at, at + len(data)],
                }
                parts.append(data)
                at += len(data)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as out:
        out.write(struct.pack("<Q", len(text)) + text)
        out.writelines(parts)
