"""The short table that is printed last."""


def number(value, digits=3):
    if value is None:
        return "–"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.{digits}g}"


def items(state, stage):
    prefix = stage + "/"
    return {key[len(prefix):]: item for key, item in state["items"].items() if key.startswith(prefix) and item.get("done")}


def lines(state, out):
    yield f"== gpu-check, all of it in {out} =="
    for stage, say in (("doctor", doctor), ("start", start), ("agree", agree), ("data", data), ("ceilings", ceilings), ("layers", layers), ("step", step), ("resident", resident), ("latency", latency), ("runs", runs)):
        found = items(state, stage)
        for name, item in found.items():
            if "error" in item:
                yield f"{stage:<9} {name:<30} FAILED: {item['error'][:160]}"
        yield from (f"{stage:<9} {line}" for line in say({name: item for name, item in found.items() if "error" not in item}, state))


def doctor(found, state):
    for line in found.get("mien", {}).get("gpu", []):
        yield line[:150]
    if "device" in found:
        yield f"a step of the CNN, batch 2: the process took {found['device']['wall']:.1f} s, compiling what was not there"


def start(found, state):
    for name, item in found.items():
        yield f"{name:<20} process {item['wall']:.1f} s, first step {item['first_step']:.1f} s"


def agree(found, state):
    for name, item in found.items():
        how = "TF32" if item["coarse"] else "full f32"
        worst = ", ".join(f"{of} {error:.1e}" for of, error in item["worst"].items())
        yield f"{name:<20} {item['checks'] - len(item['failed'])} of {item['checks']} hold ({how}); worst: {worst}"
        for failed in item["failed"][:6]:
            yield f"{'':<20} FAILED {failed}"


def data(found, state):
    for name, item in found.items():
        yield f"{name:<20} imported in {item['wall']:.1f} s"


def ceilings(found, state):
    for name, item in found.items():
        yield f"{name:<20} {number(item['teraflops'])} TFLOP/s, {number(item.get('gigabytes'))} GB/s"


def layers(found, state):
    for precision, peer in (("f32", "torch tf32"), ("bf16", "torch bf16")):
        known = {one["layer"]: one for one in found.get(peer, {}).get("layers", [])}
        for one in found.get(precision, {}).get("layers", []):
            other = known.get(one["layer"], {})
            cells = []
            for way, at in (("forward", 0), ("both", 1)):
                ours, theirs = one[f"{way}_milliseconds"][0], other.get(f"{way}_milliseconds")
                cells.append(f"{way} {ours:8.3f} ms {number(one['teraflops'][at]):>5} TFLOP/s, torch {number(theirs):>6} ms, ratio {number(theirs and theirs / ours, 2):>5}")
            yield f"{precision} {one['layer']:<13} {'; '.join(cells)}"


def step(found, state):
    # The share is of the faster product of matrices.
    known = items(state, "ceilings")
    best = max(known.get(side, {}).get("teraflops") or 0 for side in ("mien", "torch tf32"))
    if found:
        yield f"{'images/s':<27} {'mien':>9} {'ms':>8} {'tf32':>9} {'ratio':>6} {'bf16':>9} {'ratio':>6} {'share':>6} {'MiB':>8} {'first s':>8}"
    for name, item in found.items():
        if " torch " in name:
            continue
        speed, plain = item["images_per_second"], name.removesuffix(" bf16")
        peers = [found.get(f"{plain} torch {precision}", {}).get("images_per_second") for precision in ("tf32", "bf16")]
        cells = " ".join(f"{number(peer):>9} {number(peer and speed / peer, 2):>6}" for peer in peers)
        share = f"{100 * item['teraflops'] / best:.0f} %" if best else "–"
        yield f"{name:<27} {number(speed):>9} {item['milliseconds'][0]:>8.2f} {cells} {share:>6} {number(item['memory_mib']):>8} {item['first_seconds']:>8.1f}"


def resident(found, state):
    for name, item in found.items():
        yield f"{name:<20} {number(item['seconds_an_epoch'])} s an epoch (first {number(item['first_epoch'])})"


def latency(found, state):
    for item in found.values():
        yield f"a run stops {item['seconds_to_stop']:.2f} s after it was asked to"


def runs(found, state):
    for item in found.values():
        for run in item["runs"]:
            figures = " ".join(f"{key} {number(run[key], 4)}" for key in ("accuracy", "precision", "recall", "f1"))
            yield f"{run['run']:<20} {run['epochs']} epochs of {number(run['seconds_an_epoch'])} s; first step after {number(run['first_step_told'])} s; {number(run.get('memory_mib'))} MiB; test {figures}"
