"""Where gpu-check works: its folder, what is done of it, how much time is left, and commands that end in time."""
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

# What is left of a call's time when nothing new is begun: for stopping runs and printing the table.
RESERVE = 12.0


class OutOfTime(Exception):
    """The budget is spent; the next call goes on."""


class Failed(Exception):
    """An item came to nothing, and why."""


class Lab:
    """A folder in which everything is kept, and the time that this call has."""

    def __init__(self, arguments):
        self.arguments = arguments
        self.out = os.path.abspath(arguments.out)
        self.home = os.path.join(self.out, "home")
        self.raw = os.path.join(self.out, "raw")
        os.makedirs(self.raw, exist_ok=True)
        os.makedirs(os.path.join(self.home, "checkpoints"), exist_ok=True)
        self.deadline = time.monotonic() + arguments.budget
        self.reserve = RESERVE
        # Seconds that a command may take, where a step has a limit of its own.
        self.limit = None
        # Folders of libraries that mien needs and that the loader does not know.
        self.libraries = {}
        self.path = os.path.join(self.out, "state.json")
        self.state = json.load(open(self.path)) if os.path.exists(self.path) else {"items": {}}
        # Workers and benches share one cache of kernels, which is not the user's.
        self.cache = os.path.join(self.out, "cache")
        self.mien_path = os.path.abspath(arguments.mien)
        self.device = arguments.device

    def left(self):
        """Seconds until something has to be stopped."""
        return self.deadline - time.monotonic() - self.reserve

    def save(self):
        aside = self.path + ".new"
        with open(aside, "w") as file:
            json.dump(self.state, file, indent=1)
        os.replace(aside, self.path)

    def item(self, stage, name, seconds, act, resumes=False):
        """Does something once, and keeps what it gives: a dictionary. `seconds`: less than that left, and it waits for the next call.
        What `resumes` goes on where it was cut, however often; anything else has one more try, with a whole call's time."""
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
            found = {"cuts": cuts + 1} if resumes or cuts < 1 else {"error": "did not end within a call's time, twice", "done": True}
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
        # The driver keeps what it makes of kernels, too: both are gone when the cache is.
        driver = os.path.join(self.cache, "nv")
        return {**os.environ, **self.libraries, "MIEN_HOME": self.home, "XDG_CACHE_HOME": self.cache, "CUDA_CACHE_PATH": driver, **more}

    def run(self, name, command, environment=None, accept=(0,), partly=False):
        """A command to its end, its output kept as raw/NAME.*; killed when the time is over, or the limit of its step. With `partly`, what a command
        printed that was killed or that failed counts."""
        path = os.path.join(self.raw, name.replace("/", "-"))
        begun = time.monotonic()
        with open(path + ".out", "w+") as out, open(path + ".err", "w+") as err:
            err.write("$ " + " ".join(map(str, command)) + "\n")
            err.flush()
            try:
                process = subprocess.Popen(list(map(str, command)), stdout=out, stderr=err, env=environment or self.environment(), start_new_session=True)
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
            how = f"exit code {code}" if code is not None else f"did not end within its {found['wall']:.0f} s and was killed"
            found["fault"] = f"{how}: {found['complaint']}"
            if not partly:
                raise Failed(found["fault"])
        return found

    def mien(self, name, *words, accept=(0,), **environment):
        return self.run(name, [self.mien_path, *words], self.environment(**environment), accept)

    def findings(self, name, *words, accept=(0,), **environment):
        """What `mien bench` finds, as a list, with how long the process took."""
        run = self.mien(name, "bench", *words, "--device", self.device, "--json", accept=accept, **environment)
        found = [json.loads(line) for line in run["text"].splitlines()]
        if not found:
            raise Failed("nothing was found")
        return found, run

    def quiet(self, *words):
        """A short command of mien's, whatever becomes of it."""
        return subprocess.run([self.mien_path, *map(str, words)], env=self.environment(), capture_output=True, text=True, timeout=60)

    def bring(self, folder):
        """Copies what is worth having elsewhere: not the home, whose weights and images are large."""
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
        """Puts kernels that gpu-kernels compiled where those of the device are kept, once it has been touched."""
        for folder in glob.glob(os.path.join(self.cache, "mien", "kernels", "*")) if self.arguments.kernels else ():
            mark = os.path.join(folder, "brought")
            if not os.path.exists(mark):
                shutil.rmtree(os.path.join(folder, "cuda"), ignore_errors=True)
                try:
                    with tarfile.open(self.arguments.kernels) as archive:
                        archive.extractall(folder)
                except (OSError, EOFError, tarfile.TarError, lzma.LZMAError) as error:
                    shutil.rmtree(os.path.join(folder, "cuda"), ignore_errors=True)
                    raise Failed(f"{self.arguments.kernels} is no whole archive of scripts/gpu-kernels: {str(error).splitlines()[0]}") from None
                open(mark, "w").close()


def last_lines(text, count=4):
    return " / ".join(line for line in text.strip().splitlines()[-count:] if not line.startswith("$ "))[-500:]


class Memory:
    """The most memory that is in use while something runs: of the card, or of the process where there is none."""

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
        # Asking a card often disturbs what is measured on it.
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
