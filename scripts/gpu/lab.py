"""The state of gpu-check: its folder, finished items, remaining time, and commands with time limits."""

import glob
import json
import lzma
import os
import shutil
import signal
import subprocess
import tarfile
import threading
import time

# The remaining seconds at which nothing new begins: for stopping runs and printing the table.
RESERVE = 12.0


class OutOfTime(Exception):
    """The budget is spent; the next call continues."""


class Failed(Exception):
    """An item failed; the message is the reason."""


class Lab:
    """A folder with all results, and the time of this call."""

    def __init__(self, arguments):
        self.arguments = arguments
        self.out = os.path.abspath(arguments.out)
        self.home = os.path.join(self.out, "home")
        self.raw = os.path.join(self.out, "raw")
        os.makedirs(self.raw, exist_ok=True)
        os.makedirs(os.path.join(self.home, "checkpoints"), exist_ok=True)
        self.deadline = time.monotonic() + arguments.budget
        self.reserve = RESERVE
        # The seconds that a command may take if a step has a limit.
        self.limit = None
        # Folders of libraries that mien needs and the loader does not search.
        self.libraries = {}
        self.path = os.path.join(self.out, "state.json")
        self.state = json.load(open(self.path)) if os.path.exists(self.path) else {"items": {}}
        # Workers and benches share one cache of kernels, which is not the user's.
        self.cache = os.path.join(self.out, "cache")
        self.mien_path = os.path.abspath(arguments.mien)
        self.device = arguments.device

    def left(self):
        """Returns the seconds until work must stop."""
        return self.deadline - time.monotonic() - self.reserve

    def save(self):
        aside = self.path + ".new"
        with open(aside, "w") as file:
            json.dump(self.state, file, indent=1)
        os.replace(aside, self.path)

    def item(self, stage, name, seconds, act, resumes=False):
        """Does an item once and saves its result, a dictionary. With less than `seconds` left, it waits for the next call.
        An item that `resumes` continues after each cut; any other has one more try, with a whole call's time."""
        key = f"{stage}/{name}"
        known = self.state["items"].get(key)
        if known and known.get("done") and not (self.arguments.again and "error" in known):
            return known
        if self.left() < min(seconds, self.arguments.budget / 2):
            raise OutOfTime(key)
        cuts = (known or {}).get("cuts", 0)
        begun = time.monotonic()
        print(f"· {key} …", flush=True)
        try:
            found = {**act(), "done": True}
        except OutOfTime:
            found = (
                {"cuts": cuts + 1}
                if resumes or cuts < 1
                else {"error": "did not end within a call's time, twice", "done": True}
            )
            self.keep(key, found)
            raise
        except Failed as failed:
            found = {"error": str(failed), "done": True}
            print(f"  FAILED {key}: {failed}", flush=True)
        self.keep(key, {**found, "seconds": round(time.monotonic() - begun, 2)})
        return self.state["items"][key]

    def keep(self, key, found):
        self.state["items"][key] = found
        self.save()

    def environment(self, **more):
        # The driver caches its machine code too; both vanish with the cache.
        driver = os.path.join(self.cache, "nv")
        return {
            **os.environ,
            **self.libraries,
            "MIEN_HOME": self.home,
            "XDG_CACHE_HOME": self.cache,
            "CUDA_CACHE_PATH": driver,
            **more,
        }

    def run(self, name, command, environment=None, accept=(0,), partly=False):
        """Runs a command to its end and saves its output as raw/NAME.*. It is killed when the time or its step's limit is over.
        With `partly`, the output of a killed or failed command counts."""
        path = os.path.join(self.raw, name.replace("/", "-"))
        begun = time.monotonic()
        with open(path + ".out", "w+") as out, open(path + ".err", "w+") as err:
            err.write("$ " + " ".join(map(str, command)) + "\n")
            err.flush()
            try:
                process = subprocess.Popen(
                    list(map(str, command)),
                    stdout=out,
                    stderr=err,
                    env=environment or self.environment(),
                    start_new_session=True,
                )
            except OSError as error:
                raise Failed(str(error)) from None
            with Memory(self.device, process.pid) as memory:
                try:
                    code = process.wait(max(min(self.left(), self.limit or self.left()), 1))
                except subprocess.TimeoutExpired:
                    os.killpg(process.pid, signal.SIGKILL)
                    process.wait()
                    if not self.limit:
                        raise OutOfTime(name) from None
                    code = None
            out.seek(0)
            err.seek(0)
            text, complaint = out.read(), err.read()
        found = {"code": code, "wall": time.monotonic() - begun, "memory_mib": memory.peak, "text": text}
        found["complaint"] = last_lines(complaint)
        if code not in accept:
            how = (
                f"exit code {code}"
                if code is not None
                else f"did not end within its {found['wall']:.0f} s and was killed"
            )
            found["fault"] = f"{how}: {found['complaint']}"
            if not partly:
                raise Failed(found["fault"])
        return found

    def mien(self, name, *words, accept=(0,), **environment):
        return self.run(name, [self.mien_path, *words], self.environment(**environment), accept)

    def findings(self, name, *words, accept=(0,), **environment):
        """Returns the findings of `mien bench` as a list, and the duration of the process."""
        run = self.mien(name, "bench", *words, "--device", self.device, "--json", accept=accept, **environment)
        found = [json.loads(line) for line in run["text"].splitlines()]
        if not found:
            raise Failed("nothing was found")
        return found, run

    def quiet(self, *words):
        """Runs a short command of mien, whether it fails or not."""
        return subprocess.run(
            [self.mien_path, *map(str, words)], env=self.environment(), capture_output=True, text=True, timeout=60
        )

    def bring(self, folder):
        """Copies the results elsewhere, without the home, whose weights and images are large."""
        for name in ("table.txt", "state.json", "raw", "runs"):
            source, target = os.path.join(self.out, name), os.path.join(folder, name)
            if os.path.isdir(source):
                shutil.copytree(source, target, dirs_exist_ok=True)
            elif os.path.exists(source):
                os.makedirs(folder, exist_ok=True)
                shutil.copy(source, target)

    def forget_cache(self):
        shutil.rmtree(self.cache, ignore_errors=True)

    def bring_kernels(self):
        """Puts gpu-kernels' kernels into the device's cache, once the device has been used."""
        for folder in glob.glob(os.path.join(self.cache, "mien", "kernels", "*")) if self.arguments.kernels else ():
            mark = os.path.join(folder, "brought")
            if not os.path.exists(mark):
                shutil.rmtree(os.path.join(folder, "cuda"), ignore_errors=True)
                try:
                    with tarfile.open(self.arguments.kernels) as archive:
                        archive.extractall(folder)
                except (OSError, EOFError, tarfile.TarError, lzma.LZMAError) as error:
                    shutil.rmtree(os.path.join(folder, "cuda"), ignore_errors=True)
                    raise Failed(
                        f"{self.arguments.kernels} is no whole archive of scripts/gpu-kernels: {str(error).splitlines()[0]}"
                    ) from None
                open(mark, "w").close()


def last_lines(text, count=4):
    return " / ".join(line for line in text.strip().splitlines()[-count:] if not line.startswith("$ "))[-500:]


class Memory:
    """The peak memory while something runs: of the card, or of the process without one."""

    def __init__(self, device, pid):
        self.card, self.pid = device.startswith("cuda"), pid
        self.ordinal = device.partition(":")[2] or "0"
        self.peak, self.over = None, threading.Event()
        self.thread = threading.Thread(target=self.watch, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.thread.join(10)

    def watch(self):
        # Frequent queries would disturb the measurement.
        while not self.over.wait(2 if self.card else 0.1):
            now = self.of_card() if self.card else self.of_process()
            if now is not None:
                self.peak = max(self.peak or 0, now)

    def of_card(self):
        query = ["nvidia-smi", f"--id={self.ordinal}", "--query-gpu=memory.used", "--format=csv,noheader,nounits"]
        try:
            return float(subprocess.run(query, capture_output=True, text=True, timeout=5).stdout.split()[0])
        except (OSError, ValueError, IndexError, subprocess.TimeoutExpired):
            return None

    def of_process(self):
        try:
            with open(f"/proc/{self.pid}/status") as status:
                return next(float(line.split()[1]) / 1024 for line in status if line.startswith("VmHWM"))
        except (OSError, StopIteration):
            return None
