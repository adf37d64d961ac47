"""Whole jobs against a peer's: importing, training end to end, memory."""

import os
import shutil
import statistics
import time

from peers import material, workers
from peers.process import Missing, Watched, header, lines, middle, printed, ratios, row


def imports(tools):
    """FER-2013 in each form, against Keras's scan and one pass of reading."""
    arguments = tools.arguments
    peer = tools.peer("keras")
    forms = material.forms(arguments, peer[0])
    home = workers.fresh(arguments, "import")
    ours, theirs, images = {form: [] for form in forms}, [], 0
    # A pass before that counts, so that every file is in the page cache for both.
    printed([*peer, "read", forms["folder"]])
    for _ in range(arguments.rounds):
        for form, source in forms.items():
            shutil.rmtree(os.path.join(home, "data"), ignore_errors=True)
            begun = time.perf_counter()
            workers.mien(arguments, home, "data", "import", source, "--name", "fer2013")
            ours[form].append(time.perf_counter() - begun)
        seconds, images = printed([*peer, "read", forms["folder"]])
        theirs.append(seconds)
    header("importing FER-2013, seconds", "mien", "Keras: scan and one pass", "ratio", "mien, images/s")
    for form, seconds in ours.items():
        row(
            form,
            middle(seconds, 2),
            middle(theirs, 2),
            ratios(theirs, seconds),
            f"{images / statistics.median(seconds):,.0f}",
        )


def fit(tools):
    """The CNN on FER-2013, batch 32, the reference's augmentation: training images a second, and seconds of an
    epoch."""
    arguments = tools.arguments
    root = material.part(arguments, 1000) if arguments.quick else material.folder(arguments)
    home = workers.fresh(arguments, "fit")
    workers.mien(arguments, home, "data", "import", root, "--name", "fer2013")
    words = [
        "cnn",
        "--dataset",
        "fer2013",
        "--batch-size",
        32,
        "--epochs",
        arguments.epochs,
        "--schedule",
        "constant",
        "--learning-rate",
        0.001,
    ]
    recipe = workers.recipe(arguments, home, *words)
    peer = tools.peer("keras")
    ours, theirs = [], []
    for number in range(arguments.rounds):
        run = f"round-{number}"
        workers.start(arguments, home, run, recipe, {"RAYON_NUM_THREADS": str(arguments.threads)}).wait()
        told = [event for event in workers.events(home, run) if event["event"] == "epoch_finished"]
        ours.append([(event["images_per_second"], event["seconds"]) for event in told])
        theirs.append(lines([*peer, "fit", root, arguments.epochs, 32]))
    later = lambda rounds, index: [statistics.median(epoch[index] for epoch in run[1:] or run) for run in rounds]
    header("CNN on FER-2013, end to end, batch 32", "mien", "Keras", "ratio")
    mine, keras = later(ours, 0), later(theirs, 0)
    row("training images/s, augmentation included", middle(mine), middle(keras), ratios(mine, keras))
    mine, keras = later(ours, 1), later(theirs, 1)
    row(
        "seconds of an epoch, with validation and what is saved", middle(mine, 2), middle(keras, 2), ratios(keras, mine)
    )


def memory(tools):
    """The most resident memory of a whole training of each strategy on the same images."""
    arguments = tools.arguments
    wanted = 200 if arguments.quick else 2000
    folder = material.part(arguments, wanted)
    home = workers.fresh(arguments, "memory")
    workers.mien(arguments, home, "data", "import", folder, "--name", "faces")
    strategies = {"cnn": ["cnn", "--dataset", "faces"]}
    common = ["--size", 48, "--augment", "none"]
    if arguments.base:
        workers.mien(arguments, home, "weights", "import", arguments.base, "--name", "base")
        strategies["features"] = ["features", "--dataset", "faces", "--weights", "base", *common]
        strategies["finetune"] = ["finetune", "--from", "features", *common]
    else:
        print("\n(memory: features and finetune are left out: give --base)")
    header(
        f"most resident memory, MiB, {wanted:,} training images, one epoch",
        "mien",
        "of it its own",
        "PyTorch",
        "of it its own",
        "ratio of all",
        "seconds: mien",
        "PyTorch",
    )
    for strategy, words in strategies.items():
        recipe = workers.recipe(arguments, home, *words, "--epochs", 1)
        ours, theirs = [], []
        # Memory varies little, and fine-tuning takes long.
        for number in range(min(2, arguments.rounds)):
            workers.mien(arguments, home, "data", "clear-features", "faces")
            run = strategy if number == 0 else f"{strategy}-{number}"
            ours.append(
                workers.start(arguments, home, run, recipe, {"RAYON_NUM_THREADS": str(arguments.threads)}).wait()
            )
            ended = workers.events(home, run)[-1]
            if ended.get("outcome") != "finished":
                raise Missing(f"the run {run} ended otherwise than it should: {ended}")
            theirs.append(Watched(tools.torch("train", strategy, folder, 1)).wait())
        cells = [[getattr(side, what) for side in sides] for sides in (ours, theirs) for what in ("peak", "own")]
        name = strategy if strategy == "cnn" else f"{strategy} at 48"
        seconds = [middle([side.seconds for side in sides]) for sides in (ours, theirs)]
        row(name, *(middle(cell, 0) for cell in cells), ratios(cells[2], cells[0]), *seconds)
