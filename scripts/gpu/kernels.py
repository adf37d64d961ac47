"""Archives of compiled kernels in the cache format of burn's runtime, with PTX or machine code."""

import concurrent.futures
import glob
import io
import json
import os
import re
import struct
import subprocess
import tarfile
import tempfile

# The files of kernels in a device's folder, below the runtime's version: one file that each process reads whole, and a
# list that names the file of each kernel.
CHUNK, LIST = "chunk0.cbor", "toc.json.log"
# In an archive: remember.c's name of each kernel's source, by the kernel's key.
SOURCES = "sources.json"
# A larger module has a separate file, read on demand. A thousand kernels in the shared file take a second or two of
# each start.
LARGE = 12 << 10
# The beginning of a machine-code module in the chunk: 127, 'E'.
MACHINE_CODE = b"\x18\x7f\x18\x45\x18\x4c\x18\x46"

# PTX's references to source lines.
LINES = re.compile(rb"^[ \t]*\.(?:loc|file)\b[^\n]*\n?|^[ \t]*\.section[ \t]+\.debug\w*[^{]*\{[^}]*\}", re.MULTILINE)


class Unreadable(Exception):
    """The data is no chunk of kernels; the message names the position."""


def head(data, at):
    """Returns kind and number of the CBOR item at a position, and the position after its head."""
    kind, low = data[at] >> 5, data[at] & 31
    if low < 24:
        return kind, low, at + 1
    if low > 27:
        raise Unreadable(f"byte {at}: an item of no known length ({data[at]:#x})")
    width = 1 << (low - 24)
    return kind, int.from_bytes(data[at + 1 : at + 1 + width], "big"), at + 1 + width


def skip(data, at):
    """Returns the end of the item at a position."""
    kind, number, at = head(data, at)
    if kind in (2, 3):
        return at + number
    if kind == 4 or kind == 5:
        for _ in range(number * (kind - 3)):
            at = skip(data, at)
    elif kind == 6:
        at = skip(data, at)
    return at


def text(data, at, expected=None):
    """Returns the text at a position, and its end."""
    kind, length, begin = head(data, at)
    found = bytes(data[begin : begin + length])
    if kind != 3 or (expected is not None and found != expected):
        raise Unreadable(f"byte {at}: {found[:40]!r} where {expected or 'a text'!r} should be")
    return found, begin + length


def array_head(count):
    """Returns the head of an array of `count` items."""
    for width, low, form in ((1 << 8, 24, ">B"), (1 << 16, 25, ">H"), (1 << 32, 26, ">I")):
        if count < width:
            return bytes([0x80 | count]) if count < 24 else bytes([0x80 | low]) + struct.pack(form, count)
    raise Unreadable(f"a module of {count} bytes")


class Entry:
    """A kernel: the bytes before its module, copied unchanged, and the module."""

    def __init__(self, before, count, items, key):
        self.before, self.count, self.items, self.key = before, count, items, key

    @property
    def is_machine_code(self):
        return self.items.startswith(MACHINE_CODE)

    def number(self):
        """Returns the key in the list's form."""
        kind, number, at = head(self.key, 0)
        if kind == 0:
            return number
        # A number of more than eight bytes: tag 2 before them.
        kind, length, at = head(self.key, at)
        return int.from_bytes(self.key[at : at + length], "big")

    def module(self):
        """Returns the module's bytes."""
        plain = self.items.replace(b"\x18", b"")
        # PTX is ASCII: a 24 precedes each byte from 24 on, and occurs nowhere else.
        if not self.is_machine_code and len(plain) == self.count and plain.isascii():
            return plain
        found = bytearray()
        for one in re.finditer(rb"\x18(.)|\x38(.)|([\x00-\x17])|([\x20-\x37])", self.items, re.DOTALL):
            which = one.lastindex
            value = one.group(which)[0]
            found.append(value if which in (1, 3) else 255 - value if which == 2 else 255 - (value - 0x20))
        if len(found) != self.count:
            raise Unreadable(f"a module of {len(found)} bytes where {self.count} were announced")
        return bytes(found)

    def replace(self, module):
        """Replaces the module."""
        self.count, self.items = len(module), b"".join(map(SIGNED.__getitem__, module))

    def bytes(self):
        return self.before + array_head(self.count) + self.items


def signed(byte):
    """Returns the CBOR form of a byte as a number from -128 to 127."""
    kind, number = (0, byte) if byte < 128 else (0x20, 255 - byte)
    return bytes([kind | number]) if number < 24 else bytes([kind | 24, number])


SIGNED = [signed(byte) for byte in range(256)]


def entries(data):
    """Returns the kernels of a chunk: a sequence of {key, value: {entrypoint_name, shared_mem_bytes, ptx}}."""
    at, found = 0, []
    while at < len(data):
        begin = at
        if data[at] != 0xA2:
            raise Unreadable(f"byte {at}: {data[at]:#x} where a map of two should begin")
        _, at = text(data, at + 1, b"key")
        after = skip(data, at)
        key = data[at:after]
        _, at = text(data, after, b"value")
        if data[at] != 0xA3:
            raise Unreadable(f"byte {at}: {data[at]:#x} where a map of three should begin")
        _, at = text(data, at + 1, b"entrypoint_name")
        _, at = text(data, at)
        _, at = text(data, at, b"shared_mem_bytes")
        _, at = text(data, skip(data, at), b"ptx")
        kind, count, items = head(data, at)
        if kind != 4:
            raise Unreadable(f"byte {at}: no array where a module should be")
        # Numbers from -128 to 127 never contain the byte 0xa2, with which the next kernel begins.
        end = data.find(b"\xa2", items)
        end = len(data) if end < 0 else end
        found.append(Entry(data[begin:at], count, data[items:end], key))
        at = end
    return found


def place(folder):
    """Returns the folder of the kernels in a device's folder, or None."""
    versions = os.path.join(folder, "cuda")
    for version in sorted(os.listdir(versions)) if os.path.isdir(versions) else ():
        path = os.path.join(versions, version, "ptx")
        if os.path.exists(os.path.join(path, CHUNK)):
            return path
    return None


def read(path):
    """Returns the kernels in such a folder."""
    found = []
    for chunk in sorted(glob.glob(os.path.join(path, "*.cbor"))):
        with open(chunk, "rb") as file:
            found += entries(file.read())
    return found


def write(path, kernels):
    """Writes kernels over the existing ones, which are among them."""
    files = {}
    for kernel in kernels:
        files.setdefault(f"{kernel.number():032x}.cbor" if kernel.count > LARGE else CHUNK, []).append(kernel)
    files.setdefault(CHUNK, [])
    file_of = {kernel.number(): name for name, several in files.items() for kernel in several}
    listed = "".join(f'{{"key":{key},"value":"{name}"}}\n' for key, name in file_of.items()).encode()
    for name, parts in (
        *((name, [kernel.bytes() for kernel in several]) for name, several in files.items()),
        (LIST, [listed]),
    ):
        with open(os.path.join(path, name + ".new"), "wb") as file:
            file.writelines(parts)
        os.replace(os.path.join(path, name + ".new"), os.path.join(path, name))


def size(path):
    return sum(os.path.getsize(os.path.join(path, name)) for name in os.listdir(path))


def pack(path, archive, preset, sources=None):
    """Packs the kernels in such a folder with the names of their sources, atomically."""
    version = os.path.basename(os.path.dirname(path))
    with tarfile.open(archive + ".part", "w:xz", preset=preset) as file:
        for name in sorted(os.listdir(path)):
            file.add(os.path.join(path, name), f"cuda/{version}/ptx/{name}")
        if sources:
            text = json.dumps(sources).encode()
            about = tarfile.TarInfo(SOURCES)
            about.size = len(text)
            file.addfile(about, io.BytesIO(text))
    os.replace(archive + ".part", archive)


def assemble(kernels, ptxas, architecture, keep):
    """Assembles each PTX module and returns a line for each; with `keep`, machine code replaces the PTX."""
    text_of = [kernel for kernel in kernels if not kernel.is_machine_code]
    known = len(kernels) - len(text_of)
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool, tempfile.TemporaryDirectory(
        prefix="gpu-kernels-"
    ) as folder:
        told = list(pool.map(lambda pair: one(pair[0], pair[1], ptxas, architecture, keep, folder), enumerate(text_of)))
    wrong = [(name, complaint) for name, *_, complaint in told if complaint]
    most = lambda at: max((line[at] for line in told), default=0)
    already = f", {known} were machine code already" if known else ""
    yield f"{len(told)} modules assembled for {architecture}, {len(wrong)} refused{already}"
    spilling, mebibytes = sum(line[2] > 0 for line in told), lambda at: sum(line[at] for line in told) / 2**20
    yield f"  registers at most {most(1)}; {spilling} spill some, at most {most(2)} bytes"
    yield f"  PTX {mebibytes(3):.1f} MiB, machine code {mebibytes(4):.1f} MiB"
    for name, complaint in wrong:
        yield f"  REFUSED {name}: {complaint}"


def one(number, kernel, ptxas, architecture, keep, folder):
    """Returns name, registers, bytes spilled, bytes of PTX and of machine code, and the error."""
    name, source = os.path.join(folder, str(number)), kernel.module().rstrip(b"\0")
    # Line numbers of a missing source take most of the space.
    source = LINES.sub(b"", source)
    with open(name + ".ptx", "wb") as file:
        file.write(source)
    run = subprocess.run(
        [ptxas, f"-arch={architecture}", "-v", name + ".ptx", "-o", name + ".cubin"], capture_output=True, text=True
    )
    highest = lambda pattern: max(map(int, re.findall(pattern, run.stderr)), default=0)
    entry = re.search(rb"\.entry\s+(\w+)", source)
    called = entry.group(1).decode() if entry else str(number)
    size, wrong = 0, None
    if run.returncode:
        wrong = (run.stderr.strip().splitlines() or [f"exit code {run.returncode}"])[-1]
    else:
        with open(name + ".cubin", "rb") as file:
            code = file.read()
        size = len(code)
        if keep == "cubin":
            kernel.replace(code)
    for ending in (".ptx", ".cubin"):
        if os.path.exists(name + ending):
            os.remove(name + ending)
    return called, highest(r"Used (\d+) registers"), highest(r"(\d+) bytes spill stores"), len(source), size, wrong
