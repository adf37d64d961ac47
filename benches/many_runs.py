#!/usr/bin/env python3
"""Makes a home with many long runs, and keeps some of them alive: what the dashboard is measured on.

  many_runs.py HOME [--runs 1000] [--events 40000] [--live 5] [--rate 2] [--seed 1]

Logs look like those of real runs: 50 epochs of step events, validation, early stopping, a test, an end; one in ten was
stopped, failed or lost. --kinds logs are made, and the other runs get copies of them under recipes of their own,
because making one takes a second. After writing, with --live, this process holds the locks of that many further runs
and appends --rate step events a second to each until it is killed. The runs' dataset does not exist; they can be looked
at, not resumed. 1,000 runs of 40,000 events take 8 GB.

  python3 benches/many_runs.py /tmp/many --live 0         (once: a minute and more)
  python3 benches/many_runs.py /tmp/many --runs 0 &       (five live ones)
  python3 ../shared/peers/pty_watch.py 120 40 30 target/release/mien --home /tmp/many
  rm -rf /tmp/many
"""

import argparse, fcntl, json, math, os, random, shutil, time, zlib

ADJECTIVES = (
    "agile amber bold brave calm clear deft eager fair gentle honest keen lively merry nimble odd proud "
    "quiet rapid shy"
).split()
ANIMALS = (
    "adder badger crane dove elk falcon gecko heron ibis jay koala lynx marten newt otter puffin raven "
    "seal tiger wren"
).split()
CLASSES = ["angry", "disgust", "fear", "happy", "neutral", "sad", "surprise"]
SUPPORT = [958, 111, 1024, 1774, 1233, 1247, 831]
EPOCHS = 50


def recipe(created, seed):
    return {
        "version": 2,
        "created_at": created,
        "strategy": "cnn",
        "dataset": "fer2013",
        "fingerprint": "9f2c41d07be63a5581",
        "epochs": EPOCHS,
        "batch_size": 64,
        "learning_rate": 0.002,
        "schedule": {"kind": "one_cycle"},
        "early_stopping": {"monitor": "val_loss", "patience": 10, "min_delta": 0.0},
        "augmentation": None,
        "seed": seed,
        "device": "auto",
    }


def line(at, event, **fields):
    return sealed(json.dumps({"at": at, "event": event, **fields}, separators=(",", ":"), ensure_ascii=False)[:-1])


def sealed(said):
    """A line of the log from what it says, without its closing brace."""
    return '%s,"crc32":"%08x"}\n' % (said, zlib.crc32(said.encode()))


def opening(at, live=False):
    yield line(at, "log_opened", version=2, program="mien 0.1.0")
    yield line(at, "worker_started", pid=4711, host="box", resumed_from=0)
    yield line(at, "device_chosen", device="cuda:0", description="NVIDIA H200", note=None)
    yield line(at, "data_opened", images={"train": 25841, "validation": 2868, "test": 7178}, classes=CLASSES)
    yield line(at, "model_built", total=1328167, trainable=1328167)


# Values are drawn once and reused from a moving offset: drawing 40 million of them takes longer than writing them.
NOISE = None


def step(at, epoch, number, steps, time_in_epochs, noise):
    loss = 1.0 + 0.85 * math.exp(-time_in_epochs / 8) + noise
    return sealed(
        '{"at":%d,"event":"step","epoch":%d,"step":%d,"steps":%d,"loss":%.16g,"accuracy":%.16g,"learning_rate":%.17g,'
        '"images_per_second":%.16g'
        % (at, epoch, number, steps, loss, 0.75 - loss / 4, 0.002 * (1 - time_in_epochs / 60), 2940 + noise * 900)
    )


def confusion(random):
    rows = []
    for truth, support in enumerate(SUPPORT):
        right = int(support * random.uniform(0.4, 0.75))
        row = [(support - right) // 6] * 7
        row[truth] = support - sum(row) + row[truth]
        rows.append(row)
    return rows


def write_run(folder, created, events, seed):
    rnd = random.Random(seed)
    os.makedirs(os.path.join(folder, "control"))
    with open(os.path.join(folder, "recipe.json"), "w") as file:
        json.dump(recipe(created, seed), file, indent=2)
        file.write("\n")
    per_epoch = max(1, (events - 60 - 2 * EPOCHS) // EPOCHS)
    fate = rnd.random()
    ends_after = EPOCHS if fate > 0.1 else rnd.randint(5, EPOCHS - 1)
    best_at = rnd.randint(EPOCHS // 2, EPOCHS)
    at, status, shift = created + 1500, {"best_epoch": 0, "best_value": None, "waited": 0}, rnd.randrange(len(NOISE))
    lift = rnd.uniform(-0.1, 0.2)
    with open(os.path.join(folder, "events.jsonl"), "w", buffering=1 << 20) as log:
        log.writelines(opening(at))
        for epoch in range(1, ends_after + 1):
            log.write(line(at, "epoch_started", epoch=epoch, steps=per_epoch))
            for number in range(1, per_epoch + 1):
                at += 500
                noise = NOISE[(shift + epoch * per_epoch + number) % len(NOISE)]
                log.write(step(at, epoch, number, per_epoch, epoch - 1 + number / per_epoch, noise))
            away = max(0, epoch - best_at)
            val_loss = 1.1 + lift + 0.7 * math.exp(-min(epoch, best_at) / 8) + 0.01 * away
            if status["best_value"] is None or val_loss < status["best_value"]:
                status = {"best_epoch": epoch, "best_value": val_loss, "waited": 0}
            else:
                status = {**status, "waited": status["waited"] + 1}
            at += 900
            log.write(
                line(
                    at,
                    "epoch_finished",
                    epoch=epoch,
                    train_loss=1.0 + 0.85 * math.exp(-epoch / 8),
                    train_accuracy=0.6,
                    val_loss=val_loss,
                    val_accuracy=0.87 - val_loss / 4,
                    learning_rate=0.001,
                    seconds=per_epoch / 2 + 0.9,
                    images_per_second=2940.5,
                    early_stopping=status,
                )
            )
            log.write(line(at, "checkpoint_saved", epoch=epoch, best=status["best_epoch"] == epoch))
        if ends_after == EPOCHS:
            log.write(line(at, "evaluation_started", split="test", images=7178))
            log.write(
                line(
                    at + 2000,
                    "evaluated",
                    split="test",
                    epoch=status["best_epoch"],
                    loss=1.19,
                    confusion=confusion(rnd),
                )
            )
            log.write(line(at + 2001, "ended", outcome="finished", reason="max_epochs"))
        elif fate < 0.04:
            log.write(line(at, "ended", outcome="stopped"))
        elif fate < 0.07:
            log.write(line(at, "ended", outcome="failed", cause="cannot write last.ckpt: No space left on device"))
    finish(folder)


def copy_run(folder, like, created, seed):
    os.makedirs(os.path.join(folder, "control"))
    with open(os.path.join(folder, "recipe.json"), "w") as file:
        json.dump(recipe(created, seed), file, indent=2)
        file.write("\n")
    shutil.copyfile(os.path.join(like, "events.jsonl"), os.path.join(folder, "events.jsonl"))
    finish(folder)


def finish(folder):
    open(os.path.join(folder, "worker.lock"), "w").close()
    open(os.path.join(folder, "best.ckpt"), "w").close()


def live(home, count, rate):
    runs = []
    for number in range(count):
        folder = os.path.join(home, "checkpoints", f"live-{number + 1}-{os.getpid()}")
        created = int(time.time() * 1000)
        os.makedirs(os.path.join(folder, "control"))
        with open(os.path.join(folder, "recipe.json"), "w") as file:
            json.dump(recipe(created, number), file, indent=2)
        lock = open(os.path.join(folder, "worker.lock"), "w")
        fcntl.flock(lock, fcntl.LOCK_EX)
        log = open(os.path.join(folder, "events.jsonl"), "w", buffering=1)
        log.writelines(opening(created, live=True))
        log.write(line(created, "epoch_started", epoch=1, steps=100000))
        runs.append((lock, log))
    print(f"{count} live runs, {rate} events a second each; Ctrl-C ends them", flush=True)
    number = 0
    while True:
        number += 1
        for _, log in runs:
            noise = NOISE[number % len(NOISE)]
            log.write(step(int(time.time() * 1000), 1, number, 100000, number / 100000, noise))
        time.sleep(1 / rate)


def main():
    global NOISE
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("home")
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--events", type=int, default=40000)
    parser.add_argument("--live", type=int, default=5)
    parser.add_argument("--rate", type=float, default=2)
    parser.add_argument("--kinds", type=int, default=25)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    rnd = random.Random(options.seed)
    NOISE = [rnd.gauss(0, 0.05) for _ in range(9973)]
    now, made = int(time.time() * 1000), []
    for number in range(options.runs):
        name = f"{ADJECTIVES[number % 20]}-{ANIMALS[number // 20 % 20]}" + (
            f"-{number // 400 + 1}" if number >= 400 else ""
        )
        age = (number + 1) * 3_600_000 + options.events * 600
        folder, seed = os.path.join(options.home, "checkpoints", name), options.seed * 100_000 + number
        if number < options.kinds:
            write_run(folder, now - age, options.events, seed)
            made.append(folder)
        else:
            copy_run(folder, made[number % len(made)], now - age, seed)
        if (number + 1) % 100 == 0:
            print(f"{number + 1} runs", flush=True)
    if options.live:
        live(options.home, options.live, options.rate)


if __name__ == "__main__":
    main()
