"""The measuring stages: each has a few items, and each item a process or two much shorter than a call."""

import json
import os
import subprocess
import sys

from gpu import material
from gpu.lab import Failed

HERE = os.path.dirname(os.path.abspath(__file__))
PEER = os.path.join(HERE, "..", "..", "benches", "peers", "torch_gpu.py")
PRECISIONS = ("tf32", "bf16")
# A step is named after a strategy, or after another network with random weights.
STRATEGIES = ("cnn", "features", "finetune")


class Sizes:
    """The sizes: for a card, for a CPU, or for a rehearsal."""

    def __init__(self, lab):
        quick, compiling = lab.arguments.quick, lab.arguments.compile
        self.side = 32 if quick else 224
        self.steps = 3 if quick else 1 if compiling else 40
        self.warm_up = ["--warm-up", 0] if compiling else []
        self.agree = ["--batch", 2, "--size", 32] if quick else []
        self.ceilings = ["--size", 128, "--mebibytes", 4] if quick else []
        self.layers = (
            {"batch": 2, "size": 32, "repeats": 1}
            if quick
            else {"batch": 64, "size": 224, "repeats": 1 if compiling else 5}
        )
        # The most informative sizes, and the others, which come last.
        self.batches = [4] if quick else [64, 256]
        self.more_batches = [2] if quick else [128, 512, 32]
        self.cnn_batches = [16] if quick else [64, 1024]
        self.more_cnn_batches = [8] if quick else [256]
        # Enough for a first step that compiles and tunes everything.
        self.patience = 8 if quick or compiling else 150


def doctor(lab, sizes):
    def look():
        run = lab.mien("doctor", "doctor", "--json")
        return {"gpu": json.loads(run["text"])["gpu"]}

    found = lab.item("doctor", "mien", 5, look)
    for line in found.get("gpu", []):
        print(f"  gpu: {line}", flush=True)
    if lab.device.startswith("cuda"):
        lab.item("doctor", "nvidia-smi", 5, lambda: {"text": lab.run("nvidia-smi", ["nvidia-smi"])["text"][:2000]})
    # All other stages need the device; this one fails with the reason.
    lab.item(
        "doctor",
        "device",
        10,
        lambda: {
            "wall": lab.findings("device", "step", "--strategy", "cnn", "--batch", 2, "--steps", 1, "--warm-up", 0)[1][
                "wall"
            ]
        },
    )


def start(lab, sizes):
    """Measures the first start, with nothing compiled, and the second."""
    for strategy, side in (("cnn", 48), ("finetune", sizes.side)):

        def measure(way):
            name = f"start-{strategy}-{way}"
            batch = 2 if lab.arguments.quick else 64
            found, run = lab.findings(
                name, "step", "--strategy", strategy, "--batch", batch, "--size", side, "--steps", 1, "--warm-up", 0
            )
            return {"wall": run["wall"], "first_step": found[-1]["first_seconds"]}

        def cold():
            lab.forget_cache()
            return measure("cold")

        if lab.arguments.kernels:
            lab.bring_kernels()
            lab.item("start", f"{strategy} with kernels brought along", sizes.patience, lambda: measure("brought"))
        elif lab.arguments.compile:
            # Each kernel once, to fill the cache.
            lab.item("start", f"{strategy} cold", sizes.patience, lambda: measure("cold"))
        else:
            lab.item("start", f"{strategy} cold", sizes.patience, cold)
            lab.item("start", f"{strategy} cached", sizes.patience / 2, lambda: measure("cached"))


def agree(lab, sizes):
    """Checks the device's agreement with the CPU."""
    weights = ["--weights", "base"] if lab.state.get("weights") and not lab.arguments.quick else []
    ways = [("made-up weights", []), ("made-up weights, bf16", ["--precision", "bf16"])]
    for name, more in (*ways, *([("real weights", weights)] if weights else [])):

        def check(more=more, name=name):
            return agreement(lab, f"agree {name}", *sizes.agree, *more)

        lab.item("agree", name, sizes.patience, check)


def agreement(lab, name, *words, **environment):
    """Summarizes the findings of `mien bench agree`."""
    found, run = lab.findings(name, "agree", *words, accept=(0, 1), **environment)
    checks = [one for one in found if one["finding"] == "check"]
    failed = [f"{one['of']} {one['part']}: {one['error']} above {one['bar']:.1e}" for one in checks if not one["holds"]]
    rounding = next((one for one in found if one["finding"] == "rounding"), None)
    worst = {}
    for one in checks:
        if one["error"] is not None:
            worst[one["of"]] = max(worst.get(one["of"], 0.0), one["error"])
    if run["code"] == 0 and (failed or not checks):
        raise Failed("it says that all is well, and it is not")
    if run["code"] and not failed:
        # It ended with an error rather than a failed check.
        raise Failed(f"exit code {run['code']} after {len(checks)} checks: {run['complaint']}")
    return {
        "checks": len(checks),
        "failed": failed,
        "coarse": bool(rounding and rounding["coarse"]),
        "worst": worst,
        "wall": run["wall"],
    }


def data(lab, sizes):
    """Imports dataset and base into the folder's home."""
    arguments = lab.arguments
    fer, base = arguments.fer, arguments.base
    made_up = not fer or not base
    if made_up and not (arguments.quick or arguments.compile):
        raise Failed("--fer and --base are needed (or --quick, which makes something up)")

    def dataset():
        source = fer
        if not source:
            source = os.path.join(lab.out, "noise.csv")
            material.table(source, 175)
        run = lab.mien("import-data", "data", "import", source, "--name", "faces", "--replace", "--json")
        return {"wall": run["wall"], "memory_mib": run["memory_mib"]}

    def weights():
        told = getattr(arguments, "preprocessing", None)
        source, more = base, ["--preprocessing", told] if told else []
        if not source:
            source, more = os.path.join(lab.out, "noise.safetensors"), ["--preprocessing", "torchvision"]
            material.base(source)
        run = lab.mien("import-weights", "weights", "import", source, "--name", "base", "--replace", "--json", *more)
        return {"wall": run["wall"]}

    lab.item("data", "dataset", 10, dataset)
    if "error" not in lab.item("data", "weights", 10, weights):
        lab.state["weights"] = True
        lab.save()


def ceilings(lab, sizes):
    """Measures the card's peak speed, by burn and by PyTorch."""

    def ours():
        found, _ = lab.findings("ceilings", "ceilings", *sizes.ceilings)
        by = {one["finding"]: one for one in found}
        return {"teraflops": by["product"]["teraflops"][0], "gigabytes": by["copy"]["gigabytes_per_second"][0]}

    lab.item("ceilings", "mien", sizes.patience, ours)
    if torch(lab):
        for precision in ("f32", *PRECISIONS):
            words = ["ceilings", sizes.ceilings[1] if sizes.ceilings else 8192, "--precision", precision]
            lab.item("ceilings", f"torch {precision}", 30, lambda words=words: peer(lab, words))


def layers(lab, sizes):
    """Measures each convolution of VGG16 separately."""
    words = [word for name, value in sizes.layers.items() for word in (f"--{name}", value)]
    for precision in ("f32", "bf16"):

        def ours(precision=precision):
            return layers_of(lab, f"layers {precision}", *words, "--precision", precision)

        lab.item("layers", precision, sizes.patience, ours)
    if torch(lab):
        for precision in PRECISIONS:
            peer_words = ["layers", sizes.layers["batch"], sizes.layers["size"], "--precision", precision]
            lab.item("layers", f"torch {precision}", 40, lambda peer_words=peer_words: peer(lab, peer_words))


def step(lab, sizes):
    """Measures training steps of each strategy."""
    steps(
        lab,
        sizes,
        sizes.cnn_batches,
        sizes.batches,
        [("features", "block5"), ("finetune", "block5"), ("finetune", "block1")],
    )


def more_sizes(lab, sizes):
    """Measures training steps with batches of other sizes."""
    kinds = (
        [("finetune", "block5")]
        if lab.arguments.quick
        else [("features", "block5"), ("finetune", "block5"), ("finetune", "block1")]
    )
    steps(lab, sizes, sizes.more_cnn_batches, sizes.more_batches, kinds)


def steps(lab, sizes, cnn_batches, batches, kinds):
    """Measures this program's and PyTorch's steps in turn."""
    cases = [("cnn", batch, 48, "block5") for batch in cnn_batches]
    for strategy, unfreeze in kinds:
        cases += [(strategy, batch, sizes.side, unfreeze) for batch in batches]
    for strategy, batch, side, unfreeze in cases:
        name = case(strategy, batch, side, unfreeze)
        words = step_words(strategy, batch, side, unfreeze, sizes.steps, *sizes.warm_up)

        def ours(words=words, name=name):
            return step_of(lab, f"step {name}", *words)

        lab.item("step", name, sizes.patience, ours)
        short = f"{name} bf16"
        lab.item(
            "step", short, sizes.patience, lambda words=words, short=short: ours((*words, "--precision", "bf16"), short)
        )
        if torch(lab):
            for precision in PRECISIONS:
                words = [strategy, batch, side, sizes.steps, "--unfreeze", unfreeze, "--precision", precision]
                lab.item("step", f"{name} torch {precision}", 40, lambda words=words: peer(lab, words))


def case(strategy, batch, side, unfreeze):
    """Returns a training step's name in the tables."""
    return f"{strategy}{' all' if unfreeze == 'block1' else ''} {batch} at {side}"


def step_words(strategy, batch, side, unfreeze, steps, *more):
    words = ("--strategy", strategy) if strategy in STRATEGIES else ("--strategy", "cnn", "--network", strategy)
    return (*words, "--batch", batch, "--size", side, "--steps", steps, "--unfreeze", unfreeze, *more)


def step_of(lab, name, *words, **environment):
    """Summarizes the findings of `mien bench step`."""
    found, run = lab.findings(name, "step", *words, **environment)
    last = found[-1]
    kept = ("milliseconds", "images_per_second", "first_seconds", "operations_per_image", "teraflops")
    return {**{key: last[key] for key in kept}, "memory_mib": run["memory_mib"], "wall": run["wall"]}


def layers_of(lab, name, *words, **environment):
    """Summarizes the findings of `mien bench layers`."""
    found, _ = lab.findings(name, "layers", *words, **environment)
    kept = ("layer", "forward_milliseconds", "both_milliseconds", "teraflops")
    return {"layers": [{key: one[key] for key in kept} for one in found if one["finding"] == "layer"]}


def torch(lab):
    """Returns whether a PyTorch can use the device, checked once."""
    if "torch" not in lab.state:
        wanted = "torch.cuda.is_available()" if lab.device.startswith("cuda") else "True"
        code = f"import torch; print(torch.__version__); assert {wanted}"
        try:
            run = subprocess.run([lab.arguments.python, "-c", code], capture_output=True, text=True, timeout=120)
            lab.state["torch"] = run.stdout.strip() if run.returncode == 0 else ""
        except (OSError, subprocess.TimeoutExpired):
            lab.state["torch"] = ""
        if not lab.state["torch"]:
            print(f"· {lab.arguments.python} has no PyTorch for {lab.device}: nothing is held against it", flush=True)
        lab.save()
    return lab.state["torch"]


def peer(lab, words):
    name = "torch " + " ".join(map(str, words))
    run = lab.run(name, [lab.arguments.python, PEER, "--device", lab.device, *words])
    try:
        return {**json.loads(run["text"].strip().splitlines()[-1]), "memory_mib": run["memory_mib"]}
    except (ValueError, IndexError):
        raise Failed("PyTorch's side printed no result") from None
