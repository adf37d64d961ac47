#!/usr/bin/env python3
"""What a dashboard costs: runs a command in a terminal and reports first output, latency of keys, bytes, processor and
memory.

    benches/dashboard.py [--size COLSxROWS] [--seconds N] [--settle N] [--keys jk --presses 500 --every 0.1] -- COMMAND…

First output: from the start of the process to the first byte that it writes (ms). First frame: to the end of the first
synchronized update. Loaded: until it wrote nothing for a second (ms).
Key to frame: from writing a key to the terminal until the end of the synchronized update that answers it, or, for
programs that do not use those, until the first pause of 5 ms in what they write (median, p99, ms). Idle: bytes a
second, share of one processor, and resident memory of the process and its children, over --seconds in which no key is
pressed. Needs nothing but Python on Linux. Figures belong into benches/RESULTS.md with this command, the machine and
the date.
"""

import argparse
import fcntl
import os
import pty
import select
import signal
import statistics
import struct
import termios
import time

END_OF_FRAME = b"\x1b[?2026l"
TICK = os.sysconf("SC_CLK_TCK")


def tree(pid):
    """The process and its descendants."""
    found = [pid]
    try:
        for task in os.listdir(f"/proc/{pid}/task"):
            for child in open(f"/proc/{pid}/task/{task}/children").read().split():
                found += tree(int(child))
    except OSError:
        pass
    return found


def usage(pid):
    """Processor seconds and resident MiB of the tree."""
    seconds, resident = 0.0, 0.0
    for process in tree(pid):
        try:
            fields = open(f"/proc/{process}/stat").read().rsplit(")", 1)[1].split()
            seconds += (int(fields[11]) + int(fields[12])) / TICK
            for line in open(f"/proc/{process}/status"):
                if line.startswith("VmRSS"):
                    resident += int(line.split()[1]) / 1024
        except OSError:
            pass
    return seconds, resident


class Terminal:
    """A program in a pseudo-terminal that answers the queries a terminal answers."""

    def __init__(self, command, columns, rows):
        self.begun = time.perf_counter()
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.environ.update(TERM="xterm-256color", LANG="C.UTF-8")
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
            os.execvp(command[0], command)
        self.total = 0

    def read(self, timeout):
        """What it wrote, or nothing after `timeout` seconds."""
        if not select.select([self.fd], [], [], timeout)[0]:
            return b""
        try:
            data = os.read(self.fd, 1 << 16)
        except OSError:
            raise SystemExit("the program ended")
        if b"\x1b[6n" in data:
            os.write(self.fd, b"\x1b[1;1R")
        if b"\x1b[c" in data:
            os.write(self.fd, b"\x1b[?62;c")
        self.total += len(data)
        return data

    def drain(self, seconds):
        """Reads for a while; tells when the last byte came."""
        last, end = None, time.perf_counter() + seconds
        while (left := end - time.perf_counter()) > 0:
            if self.read(min(left, 0.05)):
                last = time.perf_counter()
        return last

    def press(self, key):
        """Seconds from a key to the frame that answers it; None if nothing is written within a second."""
        begun = time.perf_counter()
        os.write(self.fd, key.encode())
        seen, last = b"", None
        while time.perf_counter() - begun < 1.0:
            data = self.read(0.005)
            if data:
                seen, last = seen[-16:] + data, time.perf_counter()
                if END_OF_FRAME in seen:
                    return last - begun
            elif last is not None:
                return last - begun
        return None


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", default="80x24")
    parser.add_argument("--settle", type=float, default=30.0, help="most seconds to wait until it is loaded")
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--first", default="", help="keys to press once after loading")
    parser.add_argument("--keys", default="", help="keys to press in turn")
    parser.add_argument("--presses", type=int, default=500)
    parser.add_argument("--every", type=float, default=0.1, help="seconds between two keys")
    parser.add_argument("command", nargs="+")
    options = parser.parse_args()
    columns, rows = map(int, options.size.split("x"))

    terminal = Terminal(options.command, columns, rows)
    seen, first, frame = b"", None, None
    while frame is None and time.perf_counter() - terminal.begun < 2.0:
        seen += terminal.read(0.002)
        if seen and first is None:
            first = time.perf_counter() - terminal.begun
        if END_OF_FRAME in seen:
            frame = time.perf_counter() - terminal.begun
    loaded = time.perf_counter()
    # Loaded once it neither writes nor computes; a live run goes on writing, so processor time decides as well.
    while time.perf_counter() - terminal.begun < options.settle:
        before = usage(terminal.pid)[0]
        last = terminal.drain(1.0)
        if last is not None:
            loaded = last
        if last is None and usage(terminal.pid)[0] - before < 0.05:
            break
    frames = "no synchronized frame" if frame is None else f"first frame {frame * 1e3:.0f} ms"
    print(f"first output {(first or 0) * 1e3:.0f} ms; {frames}; loaded {(loaded - terminal.begun) * 1e3:.0f} ms")
    for key in options.first:
        os.write(terminal.fd, key.encode())
        terminal.drain(0.5)

    if options.keys:
        times = []
        for number in range(options.presses):
            taken = terminal.press(options.keys[number % len(options.keys)])
            if taken is not None:
                times.append(taken * 1e3)
            terminal.drain(options.every)
        if not times:
            print("no key was answered")
            times = [float("nan")]
        times.sort()
        p99 = times[min(len(times) - 1, int(len(times) * 0.99))]
        print(
            f"key to frame over {len(times)} keys: median {statistics.median(times):.1f} ms, p99 {p99:.1f} ms, "
            f"most {times[-1]:.1f} ms"
        )

    terminal.drain(1.0)
    seconds, _ = usage(terminal.pid)
    bytes_before, begun = terminal.total, time.perf_counter()
    terminal.drain(options.seconds)
    span = time.perf_counter() - begun
    after, resident = usage(terminal.pid)
    print(
        f"then over {span:.0f} s: {(terminal.total - bytes_before) / span:.0f} bytes/s, "
        f"{100 * (after - seconds) / span:.2f}% of a processor, {resident:.0f} MiB resident"
    )
    os.kill(terminal.pid, signal.SIGKILL)


if __name__ == "__main__":
    main()
