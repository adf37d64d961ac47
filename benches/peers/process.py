"""Processes that are measured: what they print, how long they take, what they hold of memory."""

import os
import statistics
import subprocess
import threading
import time


class Missing(Exception):
    """Something that a section needs is not there; the words say what."""


def printed(command, environment=None, stderr=None):
    """The numbers that a process printed on its last line."""
    run = subprocess.run(
        list(map(str, command)),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **(environment or {})},
    )
    if run.returncode:
        raise Missing(f"{' '.join(map(str, command))} failed: {run.stderr.strip()[-600:]}")
    return [float(number) for number in run.stdout.strip().splitlines()[-1].split()]


def lines(command, environment=None):
    """All lines of numbers that a process printed."""
    run = subprocess.run(
        list(map(str, command)),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **(environment or {})},
    )
    if run.returncode:
        raise Missing(f"{' '.join(map(str, command))} failed: {run.stderr.strip()[-600:]}")
    return [[float(number) for number in line.split()] for line in run.stdout.strip().splitlines()]


class Watched:
    """A process that is watched until it ends: seconds, and the most memory it held, in MiB.

    `peak` is resident memory as the kernel keeps its maximum, pages of mapped files included, which are the page
    cache's and can be taken away at any time; `own` is what is not (anonymous memory), looked at every 10 ms.
    """

    def __init__(self, command, environment=None, folder=None, output=subprocess.DEVNULL, quiet=True):
        self.begun = time.time()
        environment = {**os.environ, **(environment or {})}
        errors = subprocess.DEVNULL if quiet else None
        self.process = subprocess.Popen(
            list(map(str, command)), env=environment, cwd=folder, stdout=output, stderr=errors
        )
        self.own = self.peak = 0.0
        self.watcher = threading.Thread(target=self._watch, daemon=True)
        self.watcher.start()

    def _watch(self):
        try:
            while True:
                with open(f"/proc/{self.process.pid}/status") as status:
                    values = dict(line.split(":", 1) for line in status)
                self.own = max(self.own, int(values["RssAnon"].split()[0]) / 1024)
                time.sleep(0.01)
        except (OSError, KeyError, ValueError):
            # A process that has ended has no memory any more.
            pass

    def wait(self):
        """Waits for its end. Raises if it failed."""
        _, status, usage = os.wait4(self.process.pid, 0)
        self.process.returncode = os.waitstatus_to_exitcode(status)
        self.seconds, self.peak = time.time() - self.begun, usage.ru_maxrss / 1024
        self.processor = usage.ru_utime + usage.ru_stime
        self.watcher.join()
        if self.process.returncode not in (0, -9, -15):
            raise Missing(f"{self.process.args} ended with {self.process.returncode}")
        return self


def ratios(ours, theirs):
    """Median and spread of what pairs of rounds come to, as words."""
    found = sorted(a / b for a, b in zip(ours, theirs))
    return f"{statistics.median(found):.2f} ({found[0]:.2f}–{found[-1]:.2f})"


def middle(values, digits=1):
    """The median as words, and the spread where there is one."""
    values = sorted(values)
    spread = (
        f" ({values[0]:,.{digits}f}–{values[-1]:,.{digits}f})" if len(values) > 1 and values[0] != values[-1] else ""
    )
    return f"{statistics.median(values):,.{digits}f}{spread}"


def row(*cells):
    """A line of a table."""
    print("| " + " | ".join(cells) + " |", flush=True)


def header(*cells):
    """A table's head."""
    print()
    row(*cells)
    row(*(["---"] * len(cells)))
