"""The stages that train: whole runs by `mien train`, stopped when a call's time is over and resumed by the next one."""

import json
import os
import shutil
import time

from gpu.lab import Failed, OutOfTime

ACTIVE = {"waiting", "queued", "starting", "running", "paused", "stopping", "evaluating"}
POLL = 0.3


def events(lab, run):
    """Returns the events of a run so far."""
    try:
        with open(os.path.join(lab.home, "checkpoints", run, "events.jsonl")) as log:
            return [json.loads(line) for line in log if line.endswith("\n")]
    except FileNotFoundError:
        return []


def detail(lab, run):
    shown = lab.quiet("show", run, "--json")
    return json.loads(shown.stdout) if shown.returncode == 0 else None


def state(lab, run):
    found = detail(lab, run)
    return found and found["state"]


def active(lab, run):
    return state(lab, run) in ACTIVE


def stop(lab, runs):
    """Stops runs, the last one first. Otherwise a waiting run would begin after a half-finished one."""
    until = time.monotonic() + 20
    for run in reversed(runs):
        if active(lab, run):
            lab.quiet("stop", run)
            while active(lab, run) and time.monotonic() < until:
                time.sleep(POLL)


def finish(lab, runs):
    """Waits for runs to end; stops them when the time is over."""
    while any(active(lab, run) for run in runs):
        if lab.left() < 8:
            stop(lab, runs)
            raise OutOfTime(runs[0])
        time.sleep(POLL)


def train(lab, runs, words, environment=None):
    """Starts these runs, or resumes the stopped ones, and waits for their end."""
    known = {run: state(lab, run) for run in runs}
    if not any(known.values()):
        started = lab.mien(
            f"train {runs[0]}", "train", *words, "--device", lab.device, "--detach", "--json", **(environment or {})
        )
        if not started["text"]:
            raise Failed("nothing was started")
    else:
        for run in runs:
            # Finished runs refuse and stay unchanged.
            if known[run] and known[run] not in ACTIVE and known[run] != "finished":
                lab.mien(f"resume {run}", "resume", run, "--detach", accept=(0, 1), **(environment or {}))
    finish(lab, runs)
    for run in runs:
        found = detail(lab, run)
        if not found or found["state"] != "finished":
            raise Failed(f"{run} ended {found and found['state']}: {found and found.get('cause')}")
    return [result(lab, run) for run in runs]


def result(lab, run):
    """Returns the results of a run as numbers."""
    shown, log = detail(lab, run), events(lab, run)
    epochs = [event for event in log if event["event"] == "epoch_finished"]
    at = lambda kind: next((event["at"] for event in log if event["event"] == kind), None)
    begun, first = at("worker_started"), at("step")
    seconds = sorted(epoch["seconds"] for epoch in epochs)
    test = shown.get("test") or {}
    loads = [
        event["gpu"]["memory_used"] if event.get("gpu") else event["memory"]
        for event in log
        if event["event"] == "load"
    ]
    return {
        "run": run,
        "epochs": len(epochs),
        "seconds_an_epoch": seconds[len(seconds) // 2] if seconds else None,
        "first_epoch": epochs[0]["seconds"] if epochs else None,
        "first_step_told": (first - begun) / 1000 if first and begun else None,
        "memory_mib": max(loads) / 2**20 if loads else None,
        "warnings": shown.get("warnings", []),
        **{key: test.get(key) for key in ("accuracy", "precision", "recall", "f1")},
    }


def keep(lab, runs):
    """Copies the files to bring back: logs, recipes, and mien's output about the runs."""
    for run in runs:
        folder, place = os.path.join(lab.home, "checkpoints", run), os.path.join(lab.out, "runs", run)
        os.makedirs(place, exist_ok=True)
        for name in ("events.jsonl", "recipe.json", "worker.log", "test.safetensors"):
            if os.path.exists(os.path.join(folder, name)):
                shutil.copy(os.path.join(folder, name), place)
        for name, words in (
            ("show.txt", ["show", run]),
            ("show.json", ["show", run, "--json"]),
            ("epochs.csv", ["show", run, "--csv"]),
        ):
            with open(os.path.join(place, name), "w") as out:
                out.write(lab.quiet(*words).stdout)
    with open(os.path.join(lab.out, "runs", "compare.txt"), "w") as out:
        out.write(lab.quiet("compare", *runs[:6]).stdout)


def needs_data(lab):
    if not lab.state.get("weights"):
        raise Failed("dataset and base are not imported: run the stage `data` first")


def resident(lab, sizes):
    """Compares resident images with batches made on the host."""
    needs_data(lab)
    quick = lab.arguments.quick
    size = ["--size", sizes.side, "--variants", 0]
    batch = ["--batch-size", 16 if quick else 64, "--epochs", 1 if quick or lab.arguments.compile else 3]
    for strategy, words in (("cnn", ["cnn", *batch]), ("features", ["features", "--weights", "base", *size, *batch])):
        # The CPU has no resident images by default.
        ways = {"host": "0", "device": "64" if quick else None}
        for way, bound in ways.items():
            name = f"{strategy}-{way}"
            environment = {"MIEN_RESIDENT_MIB": bound} if bound else {}
            words_of = [*words, "--dataset", "faces", "--name", name]
            lab.item(
                "resident",
                f"{strategy} {way}",
                sizes.patience,
                lambda name=name, words_of=words_of, environment=environment: train(lab, [name], words_of, environment)[
                    0
                ],
                resumes=True,
            )


def latency(lab, sizes):
    lab.item("latency", "stop", sizes.patience, lambda: stopped(lab))


def stopped(lab):
    """Measures the time from a stop request to the end of a running run."""
    needs_data(lab)
    run = f"stopped-{int(time.time())}"
    words = ["cnn", "--dataset", "faces", "--epochs", 10000, "--patience", 1000, "--name", run]
    lab.mien("train stopped", "train", *words, "--device", lab.device, "--detach", "--now")
    # Short epochs log no steps.
    while not any(event["event"] in ("step", "epoch_finished") for event in events(lab, run)):
        if lab.left() < 8 or not active(lab, run):
            stop(lab, [run])
            raise Failed("the run told no step") if lab.left() >= 8 else OutOfTime(run)
        time.sleep(0.05)
    begun = time.monotonic()
    lab.quiet("stop", run)
    while events(lab, run)[-1]["event"] != "ended":
        if lab.left() < 0:
            raise Failed("the run does not end")
        time.sleep(0.02)
    took = time.monotonic() - begun
    ended = events(lab, run)[-1]
    if ended.get("outcome") != "stopped":
        raise Failed(f"the run ended otherwise: {ended}")
    return {"seconds_to_stop": took}


def real(lab, sizes):
    """Trains the reference's strategies, then fine-tunes with more stages trained."""
    needs_data(lab)
    quick, epochs = lab.arguments.quick, 1 if lab.arguments.compile else lab.arguments.epochs
    size = ["--size", sizes.side, "--variants", 0]
    limits = ["--epochs", 1, "--batch-size", 16] if quick else (["--epochs", epochs] if epochs else [])
    three = [f"all-{strategy}" for strategy in ("cnn", "features", "finetune")]
    words = ["all", "--dataset", "faces", "--weights", "base", "--name", "all", *size, *limits]
    every = list(three)
    practice = lab.item(
        "runs", "train all", 0 if quick else 60, lambda: {"runs": train(lab, three, words)}, resumes=True
    )
    keep(lab, every)
    if "error" in practice:
        return
    for unfreeze, precision in (
        (("block4", "bf16"),) if quick else (("block3", "f32"), ("block3", "bf16"), ("block1", "f32"))
    ):
        run = f"unfrozen-{unfreeze}{'-bf16' if precision == 'bf16' else ''}"
        words = [
            "finetune",
            "--from",
            "all-features",
            "--unfreeze",
            unfreeze,
            "--precision",
            precision,
            "--name",
            run,
            *limits,
        ]
        try:
            lab.item(
                "runs",
                run,
                0 if quick else 60,
                lambda run=run, words=words: {"runs": train(lab, [run], words)},
                resumes=True,
            )
        finally:
            every.append(run)
            keep(lab, every)
