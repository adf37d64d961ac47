#!/usr/bin/env python3
"""mien against what a user would pick instead, side by side on this machine, and what mien alone costs: the figures of
RESULTS.md.

    python3 benches/against_peers.py all --fer fer2013.tar.xz --base vgg16_imagenet_notop.h5
    python3 benches/against_peers.py step vgg --rounds 5 [--cases base:48:32,base:96:32,base:224:8,step:96:32]
    python3 benches/against_peers.py all --quick …        a rehearsal: every section at its smallest; its figures mean
                                                          nothing

| section | what it measures | minutes at three rounds on two cores |
| --- | --- | --- |
| step | the CNN's training step, batch 32, against PyTorch | ½ |
| deep | the training step of `deep`, batch 128, against PyTorch | 1 |
| vgg | VGG16's base and the step that fine-tunes block 5, against PyTorch | 3½ |
| predict | images a second of trained networks, against ONNX Runtime on what `mien export` wrote | 4 |
| augment | all transforms, one thread, against torchvision | ½ |
| import | FER-2013 from its archive, a zip, a folder, a table, against Keras's scan and one pass of reading | 3 |
| fit | the CNN on FER-2013 with augmentation, end to end, against Keras | 6 |
| memory | the most memory that each strategy holds, against PyTorch on the same images | 3 |
| pipeline | batches made ahead with nobody behind; how long the CNN waits for them | ½ |
| flat | memory and time per image of import and training at 1,000 to 1,000,000 images | 4 |
| start | `mien runs` with 1,000 runs, a worker's first batch, opening a dataset | 1 |
| instructions | instructions of a kernel, counted by valgrind: the machine's mood is not in them | 1 |

Ours and theirs run in turn, a fresh process each, so many --rounds; printed are medians, with the spread behind them. A
ratio is of two runs next to each other, above 1 where mien is ahead. Peers are installed in virtual environments below
--work (PyTorch from PyPI is large: give --pip "--index-url https://download.pytorch.org/whl/cpu" for the small one), or
taken from --torch-python and --keras-python. A section that lacks something says so and is left out. Builds the benches
first, and mien unless --mien says where it is.
"""

import argparse
import json
import os
import subprocess
import sys
import venv

from peers import own, whole, workers
from peers.process import Missing, header, middle, printed, ratios, row

HERE = os.path.dirname(os.path.abspath(__file__))
CARGO = ["--no-default-features", "--features", "trainer", "--message-format=json"]
BENCHES = ["cnn_step", "vgg16", "feeding", "predict"]
INSTALLED = {
    "onnx": ["onnxruntime", "numpy"],
    "torch": ["torch", "torchvision", "pillow"],
    "keras": ["tensorflow-cpu", "scipy", "pillow"],
}
BENCHED = ("step", "deep", "vgg", "predict", "augment", "pipeline", "start", "instructions")


class Tools:
    """What sections run: built or installed when first asked for."""

    def __init__(self, arguments):
        self.arguments = arguments
        self.built = {}

    def bench(self, name):
        """The executable of one of our benches."""
        if not self.built:
            self.built = self.cargo("bench", "--no-run", *(word for name in BENCHES for word in ("--bench", name)))
        return self.built[name]

    def cargo(self, *words):
        run = subprocess.run(
            ["cargo", words[0], *CARGO, *words[1:]],
            check=True,
            stdout=subprocess.PIPE,
            text=True,
            cwd=os.path.dirname(HERE),
        )
        artifacts = (json.loads(line) for line in run.stdout.splitlines())
        return {a["target"]["name"]: a["executable"] for a in artifacts if a.get("executable")}

    def peer(self, kind):
        """The command that runs a peer's side."""
        given = getattr(self.arguments, f"{kind}_python")
        if not given:
            place = os.path.join(self.arguments.work, f"venv-{kind}")
            given = os.path.join(place, "bin", "python")
            if not os.path.exists(os.path.join(place, "complete")):
                venv.create(place, with_pip=True)
                pip = [given, "-m", "pip", "install", "--quiet", *self.arguments.pip.split(), *INSTALLED[kind]]
                if subprocess.run(pip).returncode:
                    raise Missing(f"{kind} cannot be installed; give --{kind}-python")
                open(os.path.join(place, "complete"), "w").close()
        return [given, os.path.join(HERE, "peers", f"{kind}_side.py")]

    def torch(self, *words, threads=None):
        return [*self.peer("torch"), "--threads", threads or self.arguments.threads, *words]

    def in_turn(self, ours, theirs, threads=None):
        """Rounds of ours and theirs: (clock, processor) of each."""
        environment = {"RAYON_NUM_THREADS": str(threads or self.arguments.threads)}
        pairs = [(printed(ours, environment), printed(theirs, environment)) for _ in range(self.arguments.rounds)]
        return [run[0] for run in pairs], [run[1] for run in pairs]


def compare(tools, title, ours, theirs, threads=None):
    """A row for images a second by the clock, and one for the processor's time."""
    ours, theirs = tools.in_turn(ours, theirs, threads)
    for index, by in enumerate(("by the clock", "of the processor")):
        here, there = ([run[index] for run in side] for side in (ours, theirs))
        row(title, by, middle(here), middle(there), ratios(here, there))


def step(tools):
    """The CNN's training step."""
    steps = 20 if tools.arguments.quick else 300
    header("CNN training step, images/s", "", "mien", "PyTorch", "ratio")
    for batch in (32, 64):
        ours = [tools.bench("cnn_step"), "alone", "step", batch, steps]
        compare(tools, f"batch {batch}", ours, tools.torch("cnn", batch, steps // 2))


def deep(tools):
    """The training step of `deep`."""
    header("training step of deep, images/s", "", "mien", "PyTorch", "ratio")
    batch, steps = (16, 3) if tools.arguments.quick else (128, 15)
    compare(
        tools,
        f"batch {batch}",
        [tools.bench("cnn_step"), "alone", "deep", batch, steps],
        tools.torch("deep", batch, steps),
    )


def vgg(tools):
    """VGG16's base and fine-tuning step."""
    header("VGG16, images/s", "", "mien", "PyTorch", "ratio")
    for case in tools.arguments.cases.split(","):
        what, side, batch = case.split(":")
        # A few seconds a measurement on a small machine.
        steps = 3 if tools.arguments.quick else max(5, 600_000 // (int(side) ** 2 * int(batch)))
        name = "base" if what == "base" else "fine-tuning step"
        ours = [tools.bench("vgg16"), "alone", what, side, batch, steps]
        compare(tools, f"{name} at {side}, batch {batch}", ours, tools.torch(what, side, batch, steps))


def predict(tools):
    """A run's best weights, from stored pixels to probabilities."""
    arguments = tools.arguments
    home = workers.fresh(arguments, "predict")
    workers.mien(arguments, home, "data", "demo")
    runs = {"cnn": ["cnn"], "deep": ["deep"]}
    if arguments.base:
        workers.mien(arguments, home, "weights", "import", arguments.base, "--name", "base")
        runs["features"] = ["features", "--weights", "base", "--size", 48]
    else:
        print("\n(predict: features are left out: give --base)")
    header("prediction, images/s", "", "mien", "ONNX Runtime", "ratio")
    for run, words in runs.items():
        workers.mien(
            arguments, home, "train", *words, "--dataset", "demo", "--epochs", 1, "--device", "cpu", "--name", run
        )
        exported = os.path.join(home, f"{run}.onnx")
        workers.mien(arguments, home, "export", run, "--to", "onnx", "--out", exported)
        for batch in (1, 128):
            # A second or so a measurement on a small machine.
            steps = 3 if arguments.quick else max(10, {"cnn": 12_800, "deep": 2_560}.get(run, 512) // batch)
            ours = [tools.bench("predict"), "alone", os.path.join(home, "checkpoints", run), batch, steps]
            peer = [*tools.peer("onnx"), "--threads", arguments.threads, exported, batch, steps]
            compare(tools, f"{run}, batch {batch}", ours, peer)


def augment(tools):
    """Augmentation on one thread."""
    header("augmentation on one thread, images/s", "", "mien", "torchvision", "ratio")
    ways = {
        "image": "v2 image by image",
        "alike": "v2 on batches, all images of one changed alike",
        "sampled": "grid_sample by hand, every image its own",
    }
    seconds = 0.3 if tools.arguments.quick else 2
    for side in (48, 224):
        ours = [
            tools.bench("feeding"),
            "alone",
            "augment",
            side,
            (200 if tools.arguments.quick else 4000) * (4 if side == 48 else 1),
        ]
        for way, name in ways.items():
            compare(tools, f"48→{side}, {name}", ours, tools.torch("augment", way, side, seconds, threads=1), threads=1)


SECTIONS = {
    "step": step,
    "deep": deep,
    "vgg": vgg,
    "predict": predict,
    "augment": augment,
    "import": whole.imports,
    "fit": whole.fit,
    "memory": whole.memory,
    "pipeline": own.pipeline,
    "flat": own.flat,
    "start": own.start,
    "instructions": own.instructions,
}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sections", nargs="+", choices=[*SECTIONS, "all"], metavar="SECTION")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2, help="of both sides, where the table does not say one")
    parser.add_argument("--quick", action="store_true", help="rehearse")
    parser.add_argument("--fer", help="FER-2013: fer2013.tar.xz, or a folder with train/ and test/")
    parser.add_argument("--base", help="VGG16's weights for `memory` and `predict`, in any format that mien imports")
    parser.add_argument(
        "--work",
        default=os.path.join(os.path.dirname(HERE), "target", "peers"),
        help="folder for everything made (10 GB)",
    )
    parser.add_argument("--mien", help="a release binary built before")
    parser.add_argument("--torch-python", help="a Python with torch, torchvision and pillow")
    parser.add_argument("--onnx-python", help="a Python with onnxruntime and numpy")
    parser.add_argument("--keras-python", help="a Python with tensorflow-cpu, scipy and pillow")
    parser.add_argument("--pip", default="", help="more arguments for pip")
    parser.add_argument(
        "--cases", default="base:224:8,base:48:32,base:96:32,step:96:32", help="of vgg: what:side:batch,…"
    )
    parser.add_argument("--epochs", type=int, default=2, help="of fit, the first not counted")
    parser.add_argument("--images", default="1000,100000,1000000", help="of flat: how many")
    parser.add_argument("--side", type=int, default=16, help="of flat: pixels a side")
    arguments = parser.parse_args()
    arguments.work = os.path.abspath(arguments.work)
    os.makedirs(arguments.work, exist_ok=True)
    if arguments.quick:
        arguments.rounds = 1
    tools = Tools(arguments)
    chosen = SECTIONS if "all" in arguments.sections else arguments.sections
    if not arguments.mien and any(
        name not in ("step", "deep", "vgg", "augment", "pipeline", "instructions") for name in chosen
    ):
        arguments.mien = tools.cargo("build", "--release", "--bin", "mien")["mien"]
    if any(name in BENCHED for name in chosen):
        tools.bench("feeding")
    for name in chosen:
        try:
            SECTIONS[name](tools)
        except Missing as missing:
            print(f"\n{name}: left out: {missing}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
