"""What mien costs by itself: the pipeline, memory over the number of images, start-up, instructions."""

import os
import re
import shutil
import statistics
import subprocess
import sys
import time

from peers import material, workers
from peers.process import Missing, Watched, header, middle, printed, row

HERE = os.path.dirname(os.path.abspath(__file__))


def pipeline(tools):
    """Batches with nobody behind them, and with the CNN behind them."""
    arguments = tools.arguments
    environment = {"RAYON_NUM_THREADS": str(arguments.threads)}
    bench, images, steps = (
        tools.bench("feeding"),
        10_000 if arguments.quick else 150_000,
        30 if arguments.quick else 400,
    )
    header("pipeline alone, 48×48, augmented", "images/s by the clock", "of them a second of the processor")
    for batch in (32, 64, 256):
        runs = []
        for _ in range(arguments.rounds):
            runs.append(printed([bench, "alone", "pipeline", batch, images], environment))
        row(f"batch {batch}", *(middle([run[index] for run in runs], 0) for index in (0, 1)))
    header(
        "the CNN behind the pipeline",
        "images/s",
        "share of the time that it waits for a batch",
        "images/s on one batch that is always there",
    )
    for batch in (32, 64):
        runs = [printed([bench, "alone", "waiting", batch, steps], environment) for _ in range(arguments.rounds)]
        shares = middle([100 * run[1] for run in runs], 2) + " %"
        row(f"batch {batch}", middle([run[0] for run in runs], 0), shares, middle([run[2] for run in runs], 0))


def flat(tools):
    """Import and one epoch of training at growing numbers of images: time an image, most memory."""
    arguments = tools.arguments
    counts = [1000, 10_000] if arguments.quick else [int(count) for count in arguments.images.split(",")]
    side = arguments.side
    header(
        f"synthetic images of {side}×{side}",
        "import: µs an image",
        "most memory, MiB",
        "of it its own",
        "training: µs an image",
        "most memory, MiB",
        "of it its own",
        "pixels on disk, MiB",
    )
    for count in counts:
        source = os.path.join(arguments.work, f"synthetic-{count}.tar")
        home = workers.fresh(arguments, "flat")
        material.synthetic(source, count, side)
        command = [arguments.mien, "--home", home, "data", "import", source, "--name", "many", "--json"]
        imported = Watched(command).wait()
        if imported.process.returncode:
            raise Missing(f"the import of {count} images failed")
        os.remove(source)
        recipe = workers.recipe(arguments, home, "cnn", "--dataset", "many", "--epochs", 1, "--batch-size", 256)
        trained = workers.start(arguments, home, "run", recipe).wait()
        ended = workers.events(home, "run")[-1]
        if ended.get("outcome") != "finished":
            raise Missing(f"the run ended otherwise than it should: {ended}")
        cells = [
            [f"{1e6 * run.seconds / count:,.1f}", f"{run.peak:,.0f}", f"{run.own:,.0f}"] for run in (imported, trained)
        ]
        row(f"{count:,}", *cells[0], *cells[1], f"{count * side * side / 2**20:,.0f}")
        shutil.rmtree(home)


def start(tools):
    """What one waits for before anything happens."""
    arguments = tools.arguments
    header("start-up, milliseconds", "median (least–most)")
    runs(tools)
    home = workers.fresh(arguments, "start")
    source = material.part(arguments, 200) if arguments.quick else material.folder(arguments)
    workers.mien(arguments, home, "data", "import", source, "--name", "fer2013")
    opened = [
        printed([tools.bench("feeding"), "alone", "open", os.path.join(home, "data", "fer2013"), 200])
        for _ in range(arguments.rounds)
    ]
    row("opening the imported dataset", middle([run[0] for run in opened], 2))
    row("the slowest of 200 times", middle([run[1] for run in opened], 2))
    # Steps are told twice a second at most, so they say nothing of the first one. An epoch of a single step does.
    workers.mien(arguments, home, "data", "import", material.part(arguments, 60), "--name", "few")
    words = {
        "fer2013": ("epoch_started", "its first epoch on FER-2013: network built, batches on their way"),
        "few": ("epoch_finished", "the end of a first epoch that is one batch of 60, trained and validated"),
    }
    for dataset, (event, title) in words.items():
        recipe = workers.recipe(arguments, home, "cnn", "--dataset", dataset, "--epochs", 1)
        took = []
        for number in range(3 if arguments.quick else 11):
            run = f"{dataset}-{number}"
            worker = workers.start(arguments, home, run, recipe)
            told = first(home, run, event)
            worker.process.kill()
            worker.wait()
            took.append(told - 1000 * worker.begun)
        row(f"worker, from spawn to {title}", middle(took, 0))


def first(home, run, event):
    """When a run first told this event, in milliseconds; waits for it."""
    deadline = time.time() + 30
    while time.time() < deadline:
        for told in workers.events(home, run):
            if told["event"] == event:
                return told["at"]
        time.sleep(0.02)
    raise Missing(f"{run} told no {event}")


def runs(tools):
    """`mien runs` on a thousand runs."""
    arguments = tools.arguments
    home, count = workers.fresh(arguments, "many"), 100 if arguments.quick else 1000
    many = [
        sys.executable,
        os.path.join(HERE, "..", "many_runs.py"),
        home,
        "--runs",
        str(count),
        "--events",
        "2000",
        "--live",
        "0",
    ]
    subprocess.run(many, check=True, stdout=subprocess.DEVNULL)
    took = []
    for _ in range(21):
        begun = time.perf_counter()
        workers.mien(arguments, home, "runs")
        took.append(1000 * (time.perf_counter() - begun))
    row(f"`mien runs`, {count:,} runs, the first time ever", f"{took[0]:.0f}")
    row(f"`mien runs`, {count:,} runs, later", middle(took[1:]))
    shutil.rmtree(home)


# Title, bench, words before the number of calls, fewer and more of these, images a call, calls for a number.
COUNTED = [
    ("CNN's block 2 (32→64 at 24×24), forward", "cnn_step", ["block2", 4], (2, 6), 4, lambda steps: steps + 1),
    ("CNN's training step, batch 4", "cnn_step", ["step", 4], (2, 6), 4, lambda steps: steps + 1),
    ("augmentation 48→48", "feeding", ["augment", 48], (20, 220), 1, lambda images: 21 * (images // 20)),
    ("augmentation 48→224", "feeding", ["augment", 224], (20, 60), 1, lambda images: 21 * (images // 20)),
]


def instructions(tools):
    """Instructions an image, on one thread, as the difference between a longer and a shorter run: what comes before is
    not in it."""
    if not shutil.which("valgrind"):
        raise Missing("valgrind is not installed")
    header("instructions an image (callgrind, AVX2)", "millions")
    for title, bench, words, numbers, images, calls in COUNTED:
        found = [counted([tools.bench(bench), "alone", *words, number]) for number in numbers]
        each = (found[1] - found[0]) / ((calls(numbers[1]) - calls(numbers[0])) * images)
        row(title, f"{each / 1e6:,.4f}")


def counted(command):
    """All instructions of a process."""
    valgrind = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null"]
    run = subprocess.run(
        [*valgrind, *map(str, command)], capture_output=True, text=True, env={**os.environ, "RAYON_NUM_THREADS": "1"}
    )
    found = re.search(r"Collected : (\d+)", run.stderr)
    if run.returncode or not found:
        raise Missing(f"valgrind: {run.stderr.strip()[-400:]}")
    return int(found[1])
