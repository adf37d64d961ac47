"""The steps of scripts/gpu-lease, the most informative first.

Each is a process or two with a time limit, and a failed one does not stop the others.
"""

import hashlib
import json
import os
import shutil
import subprocess
import time

from gpu import cuda, runs, stages
from gpu.lab import Failed

# The convolutions' implementation: burn's kernels or cuDNN.
WAYS = {"own": {"MIEN_CONVOLUTIONS": "burn"}, "cudnn": {"MIEN_CONVOLUTIONS": "cudnn"}}
# The seconds reserved for the test of the last run and for the table.
AFTER = 25.0


class Step:
    """A step: its group, its name in the table, its most and least seconds, and its function."""

    def __init__(self, group, name, limit, act, way=None, least=6.0):
        self.group, self.name, self.limit, self.act, self.way, self.least = group, name, limit, act, way, least

    @property
    def key(self):
        return f"{self.group.partition('-')[0]}/{self.name}"


class Sizes:
    """The sizes: for a card, for compiling in advance, or for a rehearsal."""

    def __init__(self, arguments):
        quick, compiling = arguments.quick, arguments.compile
        self.side = 32 if quick else 224
        self.steps, warm_up = (2, 1) if quick else (20, 3)
        self.warm_up = ["--warm-up", warm_up]
        kinds = [("features", "block5"), ("finetune", "block5"), ("finetune", "block1")]
        of = lambda cnn, batch: [
            ("cnn", cnn, 48, "block5"),
            ("deep", cnn, 48, "block5"),
            *((strategy, batch, self.side, unfreeze) for strategy, unfreeze in kinds),
        ]
        self.small, self.large = (of(16, 4), []) if quick else (of(64, 64), of(1024, 256))
        self.agree = ["--batch", 2, "--size", 32] if quick else ["--batch", 8, "--size", 96]
        self.layers = (2, 32, 1) if quick else (64, self.side, 1 if compiling else 3)
        # Read by stages.data and stages.doctor.
        self.patience = 5


def first(lab):
    """Returns the steps of the first call, in order."""
    sizes = Sizes(lab.arguments)
    yield Step("doctor", "mien", 30, lambda: doctor(lab))
    yield Step("doctor", "nvidia-smi", 20, lambda: {"text": lab.run("nvidia-smi", ["nvidia-smi"])["text"][:3000]})
    yield Step("doctor", "device", 60, lambda: device(lab))
    both = [way for way in WAYS if way in lab.arguments.ways.split(",")]
    for way in both:
        yield from agree(lab, sizes, way, "f32", f"agree{suffix(way)}")
        # With burn's kernels the first step of a shape tunes, and the last case tunes longest.
        yield from steps(lab, sizes.small, sizes, way, "f32", f"step{suffix(way)}", 60 if way == "own" else 40)
    if not lab.arguments.compile:
        yield Step("torch", "cases", 110, lambda: torch(lab, sizes), least=15)
    for way in both:
        yield from steps(lab, sizes.small, sizes, way, "bf16", f"step-bf16{suffix(way)}", 40)
    if not lab.arguments.compile:
        for way in reversed(both):
            yield from profiles(lab, sizes, way)
    for way in reversed(both):
        yield from steps(lab, sizes.large, sizes, way, "f32", f"step-large{suffix(way)}", 50)
    for way in reversed(both):
        if not lab.arguments.quick:
            yield from agree(lab, sizes, way, "bf16", f"agree-bf16{suffix(way)}")
        yield from steps(lab, sizes.large, sizes, way, "bf16", f"step-large-bf16{suffix(way)}", 50)
    if not lab.arguments.quick and not lab.arguments.compile and shutil.which("compute-sanitizer"):
        yield Step("memory", "cnn", 60, lambda: sanitized(lab), least=20)
    for precision in ("f32",) if lab.arguments.quick else ("f32", "bf16"):
        for way in both:
            yield layers(lab, sizes, way, precision)
    if not lab.arguments.quick:
        # Slow on the CPU.
        for way in reversed(both):
            words = ["--batch", 16, "--size", 224]
            yield Step(
                f"agree-large{suffix(way)}",
                f"{way} f32 at 224",
                120,
                lambda way=way: stages.agreement(lab, f"agree {way} at 224", *words, **WAYS[way]),
                way,
                least=60,
            )


def suffix(way):
    return "" if way == "own" else f"-{way}"


def doctor(lab):
    found = json.loads(lab.mien("doctor", "doctor", "--json")["text"])["gpu"]
    for line in found:
        print(f"  {line}", flush=True)
    return {"gpu": found}


def device(lab):
    """Tries one training step, on which all other steps depend.

    If it fails with the kernels brought along, it is tried without them.
    """

    def attempt(name):
        _, run = lab.findings(
            name, "step", "--strategy", "cnn", "--batch", 2, "--steps", 1, "--warm-up", 0, **WAYS["own"]
        )
        return {"wall": run["wall"]}

    lab.bring_kernels()
    try:
        found = attempt("device")
    except Failed as fault:
        if not lab.arguments.kernels:
            raise
        print(f"  FAILED with the kernels that were brought along ({fault}); once more without them", flush=True)
        lab.arguments.kernels = None
        lab.state["without_kernels"] = str(fault)
        lab.forget_cache()
        return {**attempt("device-bare"), "without_kernels": str(fault)}
    lab.bring_kernels()
    return found


def agree(lab, sizes, way, precision, group):
    words = [*sizes.agree, *(["--precision", precision] if precision != "f32" else [])]
    name = f"{way} {precision}"
    yield Step(group, name, 60, lambda: stages.agreement(lab, f"agree {name}", *words, **WAYS[way]), way)


def steps(lab, cases, sizes, way, precision, group, limit):
    for one in cases:
        name = f"{stages.case(*one)} {way} {precision}"
        words = [*stages.step_words(*one, sizes.steps, *sizes.warm_up), "--precision", precision]
        yield Step(
            group,
            name,
            limit,
            lambda name=name, words=words: stages.step_of(lab, f"step {name}", *words, **WAYS[way]),
            way,
        )


def profiles(lab, sizes, way):
    """Measures each kernel of a training step by the runtime's profile: raw/profile-….log.

    Profiling slows the steps down.
    """
    for one in (sizes.small[0], sizes.small[1], sizes.small[3]):
        name = f"{stages.case(*one)} {way}"
        words = stages.step_words(*one, 1, "--warm-up", 1)
        yield Step(
            f"profile{suffix(way)}", name, 25, lambda name=name, words=words: profile(lab, name, words, way), way
        )


def profile(lab, name, words, way):
    path = os.path.join(lab.raw, f"profile-{name.replace(' ', '-')}.log")
    return stages.step_of(
        lab, f"profile {name}", *words, **WAYS[way], CUBECL_DEBUG_LOG=path, CUBECL_DEBUG_OPTION="profile-medium"
    )


def sanitized(lab):
    """Runs a step of odd sizes under NVIDIA's memory checker, which counts accesses outside of allocations."""
    words = ["bench", "step", "--strategy", "cnn", "--batch", 3, "--size", 47, "--steps", 1, "--warm-up", 0]
    checker = ["compute-sanitizer", "--tool", "memcheck", "--error-exitcode", 99]
    command = [*checker, lab.mien_path, *words, "--device", lab.device]
    run = lab.run("sanitizer", command, lab.environment(**WAYS["cudnn"]), accept=(0, 99))
    said = [line for line in run["text"].splitlines() if line.startswith("=========")]
    return {"sanitizer": said[-1].strip("= ") if said else "it said nothing"}


def layers(lab, sizes, way, precision):
    batch, side, repeats = sizes.layers
    words = ["--batch", batch, "--size", side, "--repeats", repeats, "--precision", precision]
    name = f"{way} {precision}"
    return Step(
        f"layers{suffix(way)}", name, 60, lambda: stages.layers_of(lab, f"layers {name}", *words, **WAYS[way]), way
    )


def torch(lab, sizes):
    """Runs PyTorch's cases in one process until it ends; each becomes an item."""
    batch, side, _ = sizes.layers
    asked = []
    for cases in (sizes.small, sizes.large):
        for strategy, count, size, unfreeze in cases:
            for precision in stages.PRECISIONS:
                words = [strategy, count, size, sizes.steps]
                asked.append(
                    {
                        "name": f"{stages.case(strategy, count, size, unfreeze)} torch {precision}",
                        "words": words,
                        "precision": precision,
                        "unfreeze": unfreeze,
                    }
                )
    for precision in stages.PRECISIONS:
        asked.append({"name": f"layers torch {precision}", "words": ["layers", batch, side], "precision": precision})
    path = os.path.join(lab.out, "torch-cases.jsonl")
    with open(path, "w") as out:
        out.writelines(json.dumps(one) + "\n" for one in asked)
    run = lab.run(
        "torch",
        [lab.arguments.python, stages.PEER, "--device", lab.device, "cases", path],
        dict(os.environ),
        partly=True,
    )
    found = []
    for line in run["text"].splitlines():
        try:
            found.append(json.loads(line))
        except ValueError:
            continue
    for one in found:
        name = one.pop("name")
        key = f"layers/{name.removeprefix('layers ')}" if name.startswith("layers ") else f"step/{name}"
        lab.state["items"][key] = {**one, "done": True}
    lab.save()
    if not found:
        raise Failed(run.get("fault") or "PyTorch's side printed no result")
    return {
        "cases": len(found),
        "of": len(asked),
        "wall": run["wall"],
        **({"fault": run["fault"]} if "fault" in run else {}),
    }


def why(lab):
    """Prints diagnostics for a device that cannot be used."""
    root = lab.libraries.get("CUDA_PATH", "/usr/local/cuda")
    loader = ["sh", "-c", "ldconfig -p | grep -i -E 'nvrtc|cuda|cudnn|cublas' | head -30"]
    for command in (
        ["nvidia-smi"],
        loader,
        ["ls", "-l", root, os.path.join(root, "include")],
        ["ls", "-l", "/dev/nvidia0", "/dev/nvidiactl", "/dev/nvidia-uvm"],
    ):
        try:
            said = subprocess.run(command, capture_output=True, text=True, timeout=15)
            text = said.stdout + said.stderr
        except (OSError, subprocess.TimeoutExpired) as error:
            text = str(error)
        print(f"$ {' '.join(command)}\n{text[:1500]}", flush=True)
    print(f"environment: {json.dumps(lab.libraries)}", flush=True)
    for name in sorted(os.listdir(lab.raw)):
        if name.startswith("device") and name.endswith(".err"):
            with open(os.path.join(lab.raw, name), errors="replace") as file:
                print(f"{name}: {file.read()[-3000:]}", flush=True)


def second(lab):
    """Returns the steps of the second call, in order: real runs."""
    sizes = Sizes(lab.arguments)
    quick, compiling = lab.arguments.quick, lab.arguments.compile
    short = ["--epochs", 1] if compiling else ["--epochs", 2, "--batch-size", 16] if quick else []
    size = ["--size", sizes.side, "--variants", 0]
    lab.state.setdefault("runs", [])
    yield Step("data", "import", 60, lambda: data(lab, sizes))
    faces = ["--dataset", "faces"]
    # Both implementations may be requested by successive calls.
    tag = "-cudnn" if os.environ.get("MIEN_CONVOLUTIONS") == "cudnn" else ""
    features = ["features", "--weights", "base", *faces, *size]
    yield train_step(lab, f"cnn{tag}", ["cnn", *faces, *short], 0.4)
    yield train_step(lab, f"deep{tag}", ["cnn", "--network", "deep", *faces, *short], 0.4)
    if compiling:
        yield train_step(lab, f"features{tag}", [*features, *short], 1.0)
        yield train_step(lab, f"finetune{tag}", ["finetune", "--from", f"features{tag}", *short], 1.0)
        return
    one = ["--epochs", 1, *short[2:]]
    yield Step("start", "cnn", 120, lambda: starts(lab, "cnn", ["cnn", *faces, *one]), least=10)
    yield Step("repeat", "cnn", 60, lambda: repeated(lab, ["cnn", *faces, "--epochs", 2, *short[2:]]), least=10)
    yield Step("latency", "stop", 30, lambda: runs.stopped(lab), least=10)
    yield Step("resident", "cnn", 60, lambda: resident(lab, ["cnn", *faces, "--epochs", 3, *short[2:]]), least=10)
    yield train_step(lab, f"features{tag}", [*features, *short], 0.4)
    every = ["finetune", "--from", f"features{tag}", "--unfreeze", "block1", "--precision", "bf16"]
    yield train_step(lab, f"finetune-all{tag}", [*every, *short], 0.8 if not quick else 1.0)
    yield Step("start", "features", 120, lambda: starts(lab, "features", [*features, *one]), least=10 if quick else 40)


def train_step(lab, run, words, share):
    least = 10 if lab.arguments.quick else 20
    return Step("runs", run, None, lambda: paced(lab, run, words, share), least=least)


def whole(lab, run, words, **environment):
    """Trains a run to its end and returns its duration from the command on."""
    runs.needs_data(lab)
    begun = time.monotonic()
    found = runs.train(lab, [run], [*words, "--name", run], environment)[0]
    return {**found, "wall": time.monotonic() - begun}


def starts(lab, name, words):
    """Measures the first start, with nothing compiled, and the second: seconds to the first logged step, and to the end."""
    cache = os.path.join(lab.out, f"cache-{name}")
    environment = {"XDG_CACHE_HOME": cache, "CUDA_CACHE_PATH": os.path.join(cache, "nv")}
    kept = ("first_step_told", "first_epoch", "wall")
    found = {}
    for time_of in ("first", "second"):
        run = whole(lab, f"start-{name}-{time_of}", words, **environment)
        found[time_of] = {key: run[key] for key in kept}
        kernels = [os.path.join(folder, file) for folder, _, files in os.walk(cache) for file in files]
        found[time_of]["files"] = len(kernels)
    return {"starts": found}


def repeated(lab, words):
    """Compares two runs with one seed: whether losses, weights and predictions have the same bits."""

    def facts(run):
        whole(lab, run, words)
        folder = os.path.join(lab.home, "checkpoints", run)
        losses = [
            (event["train_loss"], event["val_loss"])
            for event in runs.events(lab, run)
            if event["event"] == "epoch_finished"
        ]
        with open(os.path.join(folder, "test.safetensors"), "rb") as file:
            return losses, hashlib.sha256(file.read()).hexdigest()

    one, other = facts("repeat-1"), facts("repeat-2")
    return {"same": one == other, "losses": [one[0], other[0]]}


def resident(lab, words):
    """Measures the seconds per epoch with resident images, and with batches made on the host."""
    found = {}
    for way, environment in (("device", {}), ("host", {"MIEN_RESIDENT_MIB": "0"})):
        found[way] = whole(lab, f"resident-{way}", words, **environment)["seconds_an_epoch"]
    return {"resident": found}


def data(lab, sizes):
    """Imports dataset and base into the folder's home."""
    stages.data(lab, sizes)
    wrong = [
        item["error"]
        for key, item in lab.state["items"].items()
        if key in ("data/dataset", "data/weights") and "error" in item
    ]
    if wrong:
        raise Failed(wrong[0])
    return {}


def paced(lab, run, words, share):
    """Trains a run within its share of the remaining time.

    Once the duration of its epochs is known, as many are set as fit.
    """
    runs.needs_data(lab)
    if runs.state(lab, run):
        raise Failed(f"there is a run '{run}' already: take another --out")
    begun = time.monotonic()
    until = begun + max((lab.left() - AFTER) * share, 5)
    lab.mien(f"train {run}", "train", *words, "--name", run, "--device", lab.device, "--detach", "--now", "--json")
    lab.state["runs"].append(run)
    try:
        told = watch(lab, run, until)
    finally:
        runs.keep(lab, lab.state["runs"])
    found = runs.detail(lab, run)
    if not found or found["state"] != "finished":
        raise Failed(f"{run} ended {found and found['state']}: {(found or {}).get('cause') or told}")
    return {"runs": [runs.result(lab, run)], "wall": time.monotonic() - begun, "told": told}


def watch(lab, run, until):
    """Waits for a run's end and sets its epochs on the way; returns a description of the changes."""
    planned, looked, said = None, time.monotonic(), "it ended by itself"
    while True:
        log = runs.events(lab, run)
        if log and log[-1]["event"] == "ended":
            return said
        now = time.monotonic()
        if now - looked > 3:
            looked = now
            if not runs.active(lab, run):
                return said
        known, each, left = pace(log)
        if each and not any(event["event"] == "evaluation_started" for event in log):
            # After the last epoch the test takes a quarter of one, and going through the training images once more
            # at most a whole one.
            fits = known + 1 + max(int((until - now - left - 1.3 * each - 1) / max(each, 1e-3)), 0)
            most = limit_of(lab, run)
            planned = planned or most
            wanted = min(fits, most)
            # Small differences are ignored, because each change is a request.
            if wanted < planned or wanted > planned * 1.1 + 1:
                lab.quiet("set", run, "--epochs", wanted)
                planned, said = (
                    wanted,
                    f"set to {wanted} of {most} epochs, which fit into its time ({each:.1f} s each)",
                )
        # The end is overdue, or no epoch was completed.
        if lab.left() < 6 or (now > until + AFTER and known == 0):
            runs.stop(lab, [run])
            return f"stopped after {known} epochs: its time was over"
        time.sleep(0.2)


def pace(log):
    """Returns the completed epochs of a run, the seconds of one, and those left of the current one.

    None if the seconds are not known yet.
    """
    ends = [event for event in log if event["event"] == "epoch_finished"]
    steps = [event for event in log if event["event"] == "step" and event["epoch"] == len(ends) + 1]
    if len(ends) > 1:
        each = (ends[-1]["at"] - ends[-2]["at"]) / 1000
    elif ends:
        each = ends[0]["seconds"]
    elif len(steps) > 2:
        # The first step tunes, so durations are known from the second on.
        first, last = steps[1], steps[-1]
        each = (last["at"] - first["at"]) / 1000 / max(last["step"] - first["step"], 1) * last["steps"]
    else:
        return 0, None, 0.0
    share = steps[-1]["step"] / steps[-1]["steps"] if steps else 0.0
    return len(ends), each, each * (1 - share)


def limit_of(lab, run):
    """Returns the epochs with which the run was begun."""
    with open(os.path.join(lab.home, "checkpoints", run, "recipe.json")) as file:
        return find(json.load(file), "epochs") or 10000


def find(tree, name):
    """Returns the first number with this name in a tree of objects."""
    if isinstance(tree, dict):
        if isinstance(tree.get(name), int):
            return tree[name]
        tree = list(tree.values())
    if isinstance(tree, list):
        return next((found for one in tree if (found := find(one, name))), None)
    return None


def place_kernels(lab):
    """Puts the kernels brought along into mien's cache, if the card's name is known."""
    card = cuda.card() if lab.device.startswith("cuda") and lab.arguments.kernels else None
    if card:
        version = cuda.compiler(lab.libraries.get("LD_LIBRARY_PATH", "").split(":"))
        os.makedirs(os.path.join(lab.cache, "mien", "kernels", cuda.kernels_folder(*card, version)), exist_ok=True)
        lab.bring_kernels()
