"""Workers of mien, started by hand on recipes that `mien train` wrote."""

import json
import os
import shutil
import subprocess
import time

from peers.process import Missing, Watched


def mien(arguments, home, *words, environment=None):
    """Runs a command of mien's to its end."""
    run = subprocess.run(
        [arguments.mien, "--home", home, *map(str, words)],
        capture_output=True,
        text=True,
        env={**os.environ, **(environment or {})},
    )
    if run.returncode:
        raise Missing(f"mien {' '.join(map(str, words))}: {run.stderr.strip()[-600:]}")
    return run.stdout


def fresh(arguments, name):
    """An empty home."""
    home = os.path.join(arguments.work, f"home-{name}")
    shutil.rmtree(home, ignore_errors=True)
    os.makedirs(os.path.join(home, "checkpoints"))
    return home


def events(home, run):
    """What a run's log says so far."""
    try:
        with open(os.path.join(home, "checkpoints", run, "events.jsonl")) as log:
            return [json.loads(line) for line in log if line.endswith("\n")]
    except FileNotFoundError:
        return []


def recipe(arguments, home, *words):
    """The recipe that `mien train` makes of these words. The run that it makes with it is removed again."""
    mien(arguments, home, "train", *words, "--name", "pattern", "--device", "cpu", "--detach", "--now")
    with open(os.path.join(home, "checkpoints", "pattern", "recipe.json")) as file:
        found = file.read()
    subprocess.run([arguments.mien, "--home", home, "stop", "pattern"], capture_output=True)
    deadline = time.time() + 60
    while time.time() < deadline:
        if (
            subprocess.run(
                [arguments.mien, "--home", home, "delete", "pattern", "--yes"], capture_output=True
            ).returncode
            == 0
        ):
            return found
        time.sleep(0.05)
    raise Missing("the run that was to give its recipe does not stop")


def start(arguments, home, run, made_of, environment=None):
    """A worker on a new run of this recipe, as a child of this process."""
    folder = os.path.join(home, "checkpoints", run)
    os.makedirs(os.path.join(folder, "control"))
    with open(os.path.join(folder, "recipe.json"), "w") as file:
        file.write(made_of)
    return Watched([arguments.mien, "worker", folder, "--job", "train", "--now"], environment, folder=home)
