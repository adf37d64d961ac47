"""The parcels of gpu-lease: packed here, unpacked on the machine with the card."""

import array
import concurrent.futures
import json
import lzma
import os
import shutil
import struct
import subprocess
import tempfile

# Machine code packs better when jumps are made absolute.
FILTERS = [{"id": lzma.FILTER_X86}, {"id": lzma.FILTER_LZMA2, "preset": 9 | lzma.PRESET_EXTREME}]
# The most bytes that one call carries.
MOST = 64 << 20


class Refused(Exception):
    """The input or the parcel cannot be used; the message is the reason."""


def pack_binary(mien, target, quick):
    """Writes the binary without its symbols, as xz."""
    filters = [{"id": lzma.FILTER_LZMA2, "preset": 0}] if quick else FILTERS
    with tempfile.TemporaryDirectory() as folder:
        bare = os.path.join(folder, "mien")
        shutil.copy(mien, bare)
        try:
            subprocess.run(["strip", bare], check=True)
        except (OSError, subprocess.CalledProcessError) as error:
            print(f"· packed with its symbols: strip: {error}", flush=True)
        with open(bare, "rb") as file:
            data = lzma.compress(file.read(), format=lzma.FORMAT_XZ, filters=filters)
    with open(target, "wb") as out:
        out.write(data)


def pack_base(mien, base, target, preprocessing):
    """Writes VGG16's weights as bf16 safetensors and returns the name of their preprocessing.

    mien reads the file, so any format that it imports will do.
    """
    with tempfile.TemporaryDirectory() as home:
        words = [
            mien,
            "weights",
            "import",
            os.path.abspath(base),
            "--name",
            "base",
            "--json",
            *(["--preprocessing", preprocessing] if preprocessing else []),
        ]
        run = subprocess.run(words, env={**os.environ, "MIEN_HOME": home}, capture_output=True, text=True)
        if run.returncode:
            raise Refused(f"mien does not import {base}: {run.stderr.strip()}")
        with open(os.path.join(home, "weights", "base.safetensors"), "rb") as file:
            data = file.read()
    (length,) = struct.unpack_from("<Q", data)
    header, begin = json.loads(data[8 : 8 + length]), 8 + length
    header.pop("__metadata__", None)
    parts, at, told = [], 0, {}
    for name, tensor in sorted(header.items()):
        if tensor["dtype"] != "F32":
            raise Refused(f"{name} of {base} is {tensor['dtype']}, not F32")
        first, last = tensor["data_offsets"]
        part = halved(data[begin + first : begin + last])
        told[name] = {"dtype": "BF16", "shape": tensor["shape"], "data_offsets": [at, at + len(part)]}
        parts.append(part)
        at += len(part)
    text = json.dumps(told).encode()
    text += b" " * (-len(text) % 8)
    with open(target, "wb") as out:
        out.write(struct.pack("<Q", len(text)) + text)
        out.writelines(parts)
    preprocessing = json.loads(run.stdout)["preprocessing"]
    return preprocessing["name"] if isinstance(preprocessing, dict) else preprocessing


def halved(data):
    """Returns four-byte numbers rounded to their upper two bytes."""
    # All together: half of the last remaining bit is added to each. No weight is large enough to overflow.
    count = len(data) // 4
    total = int.from_bytes(data, "little") + int.from_bytes(b"\x00\x80\x00\x00" * count, "little")
    halves = array.array("H", total.to_bytes(4 * count, "little"))
    return halves[1::2].tobytes()


def tree(root):
    """Returns the bytes of tracked and unignored files, which travel without a parcel.

    None if git fails.
    """
    listing = ["git", "-C", root, "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    run = subprocess.run(listing, capture_output=True)
    if run.returncode:
        return None
    paths = [os.path.join(root, name.decode()) for name in set(run.stdout.split(b"\0")) if name]
    return sum(os.lstat(path).st_size for path in paths if os.path.lexists(path))


def ignored(root, folder):
    """Returns whether git ignores a folder."""
    return subprocess.run(["git", "-C", root, "check-ignore", "-q", folder]).returncode == 0


def size(folder):
    return sum(os.path.getsize(os.path.join(folder, name)) for name in os.listdir(folder))


def pack(arguments):
    """Makes both parcels, prints their sizes and their use, and returns the exit code."""
    folders = [os.path.join(arguments.into, name) for name in ("first", "second")]
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)
        os.makedirs(folder)
    with concurrent.futures.ThreadPoolExecutor() as pool:
        binary = pool.submit(pack_binary, arguments.mien, os.path.join(folders[0], "mien.xz"), arguments.quick)
        if arguments.base:
            preprocessing = pack_base(
                os.path.abspath(arguments.mien),
                arguments.base,
                os.path.join(folders[0], "base.safetensors"),
                arguments.preprocessing,
            )
            with open(os.path.join(folders[0], "base.json"), "w") as out:
                json.dump({"preprocessing": preprocessing}, out)
        if arguments.kernels:
            shutil.copyfile(arguments.kernels, os.path.join(folders[0], "kernels.tar.xz"))
        if arguments.fer:
            shutil.copyfile(arguments.fer, os.path.join(folders[1], os.path.basename(arguments.fer)))
        binary.result()
    # Commands run in the working tree's root, wherever the parcels are.
    root = os.getcwd()
    found = subprocess.run(["git", "rev-parse", "--show-toplevel"], capture_output=True, text=True)
    if found.returncode == 0:
        root = found.stdout.strip()
    own = tree(root)
    code = 0
    for folder in folders:
        for name in sorted(os.listdir(folder)):
            print(f"  {os.path.getsize(os.path.join(folder, name)):>12,} {os.path.join(folder, name)}")
        total = size(folder) + (own or 0)
        verdict = "fits" if total <= MOST else "is TOO LARGE"
        print(f"{folder}: {size(folder):,} bytes, with the tree's {own or 0:,} {total:,} of {MOST:,}: {verdict}")
        code |= total > MOST
    inside = os.path.relpath(os.path.abspath(arguments.into), root)
    if inside.startswith(".."):
        inside = os.path.abspath(arguments.into)
        print(f"{arguments.into} is outside {root}, and does not travel: take a folder inside it that git ignores")
    elif own is not None and not ignored(root, inside):
        print(
            f"git does not ignore {inside}, so that it would travel whole with each call: "
            f"echo /{inside}/ >> {os.path.join(root, '.git', 'info', 'exclude')}"
        )
        code = 1
    for name, seconds in (("first", 300), ("second", 300)):
        words = f"--parcel {inside}/{name} --out /tmp/lease --bring $OUT --seconds {seconds}"
        command = f"python3 scripts/gpu-lease {name} {words}"
        print(f"carry {inside}/{name}, limit {seconds + 30} s:\n    {command}")
    return int(code)


def unpack(parcel, out):
    """Unpacks a parcel's binary into a folder and returns the paths of the parcel's parts by name."""
    found = {}
    names = os.listdir(parcel) if parcel else []
    for name in names:
        path = os.path.join(os.path.abspath(parcel), name)
        if name == "mien.xz":
            found["mien"] = os.path.join(out, "mien")
            if not os.path.exists(found["mien"]):
                try:
                    with lzma.open(path) as packed, open(found["mien"] + ".part", "wb") as file:
                        shutil.copyfileobj(packed, file, 1 << 20)
                except (OSError, EOFError, lzma.LZMAError) as error:
                    raise Refused(f"{path} cannot be unpacked: {error}") from None
                os.chmod(found["mien"] + ".part", 0o755)
                os.replace(found["mien"] + ".part", found["mien"])
        elif name == "base.json":
            with open(path) as file:
                found["preprocessing"] = json.load(file)["preprocessing"]
        elif name == "base.safetensors":
            found["base"] = path
        elif name == "kernels.tar.xz":
            found["kernels"] = path
        else:
            found["fer"] = path
    # A later call brings another parcel, and these files may be gone by then.
    for name in ("base", "kernels"):
        if name in found:
            kept = os.path.join(out, os.path.basename(found[name]))
            shutil.copyfile(found[name], kept)
            found[name] = kept
    return found
