"""The short table at the end of the output."""


def number(value, digits=3):
    if value is None:
        return "–"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.{digits}g}"


def items(state, stage):
    prefix = stage + "/"
    return {
        key[len(prefix) :]: item for key, item in state["items"].items() if key.startswith(prefix) and item.get("done")
    }


def lines(state, out):
    yield f"== gpu-check, all of it in {out} =="
    for stage, say in (
        ("doctor", doctor),
        ("start", start),
        ("agree", agree),
        ("data", data),
        ("ceilings", ceilings),
        ("layers", layers),
        ("step", step),
        ("resident", resident),
        ("latency", latency),
        ("runs", runs),
    ):
        found = items(state, stage)
        for name, item in found.items():
            if "error" in item:
                yield f"{stage:<9} {name:<30} FAILED: {item['error'][:160]}"
        yield from (
            f"{stage:<9} {line}"
            for line in say({name: item for name, item in found.items() if "error" not in item}, state)
        )


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
                cells.append(
                    f"{way} {ours:8.3f} ms {number(one['teraflops'][at]):>5} TFLOP/s, torch {number(theirs):>6} ms, ratio {number(theirs and theirs / ours, 2):>5}"
                )
            yield f"{precision} {one['layer']:<13} {'; '.join(cells)}"


def step(found, state):
    # The share of the faster matrix product.
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


def in_a_line(found):
    """Returns the result of a lease's step as a line."""
    if "error" in found:
        return f"FAILED after {found['seconds']:.1f} s: {found['error'][:400]}"
    if "checks" in found:
        text = f"{found['checks'] - len(found['failed'])} of {found['checks']} hold ({'TF32' if found['coarse'] else 'full f32'})"
        worst = ", ".join(f"{of} {error:.1e}" for of, error in found["worst"].items())
        text += f"; worst: {worst}" + "".join(f"; FAILED {failed}" for failed in found["failed"][:4])
    elif "milliseconds" in found:
        text = f"{number(found['images_per_second'])} images/s, {found['milliseconds'][0]:.2f} ms, first step {found['first_seconds']:.1f} s"
    elif "layers" in found:
        sums = [sum(one[f"{way}_milliseconds"][0] for one in found["layers"]) for way in ("forward", "both")]
        text = f"{len(found['layers'])} layers, forward {sums[0]:.2f} ms, with gradients {sums[1]:.2f} ms"
    elif "starts" in found:
        text = "; ".join(
            f"{which} start: first step after {number(one['first_step_told'])} s, run of one epoch {one['wall']:.1f} s"
            for which, one in found["starts"].items()
        )
    elif "sanitizer" in found:
        text = found["sanitizer"]
    elif "same" in found:
        text = "the same bits twice" if found["same"] else f"NOT the same bits: losses {found['losses']}"
    elif "resident" in found:
        text = "seconds an epoch: " + ", ".join(
            f"images on the {way} {number(value)}" for way, value in found["resident"].items()
        )
    elif "seconds_to_stop" in found:
        text = f"stopped {found['seconds_to_stop']:.2f} s after it was asked to"
    elif "runs" in found:
        text = run_line(found["runs"][0]) + f"; {found.get('told')}"
    elif "cases" in found:
        text = f"{found['cases']} of {found['of']} cases" + (
            f"; FAILED {found['fault'][:300]}" if "fault" in found else ""
        )
    else:
        text = "done"
    return f"{text} ({found['seconds']:.1f} s)"


def run_line(run):
    figures = " ".join(f"{key} {number(run[key], 4)}" for key in ("accuracy", "precision", "recall", "f1"))
    return f"{run['run']}: {run['epochs']} epochs of {number(run['seconds_an_epoch'])} s (first {number(run['first_epoch'])}); first step after {number(run['first_step_told'])} s; {number(run.get('memory_mib'))} MiB; test {figures}"


COLUMNS = ("own f32", "cudnn f32", "torch tf32", "own bf16", "cudnn bf16", "torch bf16")


def lease(state):
    """Returns the table of a lease: agreement, speed next to PyTorch, and results of runs."""
    for line in items(state, "doctor").get("mien", {}).get("gpu", []):
        yield line[:110]
    if "without_kernels" in state:
        yield f"WITHOUT the kernels that were brought along: {state['without_kernels'][:200]}"
    for name, item in items(state, "agree").items():
        yield f"agree {name:<18} {in_a_line(item)}"
    found = items(state, "step")
    names = list(
        dict.fromkeys(name[: -len(column) - 1] for name in found for column in COLUMNS if name.endswith(" " + column))
    )
    if names:
        yield "step, images/s"
        yield f"{'':<22} " + " ".join(
            f"{column:>10}" for column in COLUMNS
        ) + "   to torch tf32: own  cudnn; bf16: own  cudnn"
    for name in names:
        speeds = {column: found.get(f"{name} {column}", {}).get("images_per_second") for column in COLUMNS}
        cells = " ".join(
            f"{number(speeds[column]) if f'{name} {column}' not in found or speeds[column] else 'FAILED':>10}"
            for column in COLUMNS
        )
        ratios = []
        for peer, ours in (("torch tf32", ("own f32", "cudnn f32")), ("torch bf16", ("own bf16", "cudnn bf16"))):
            ratios += [f"{number(speeds[peer] and speeds[one] and speeds[one] / speeds[peer], 2):>6}" for one in ours]
        yield f"{name:<22} {cells}   {' '.join(ratios)}"
    for name in names:
        for column in COLUMNS:
            item = found.get(f"{name} {column}", {})
            if "error" in item:
                yield f"  FAILED {name} {column}: {item['error'][:200]}"
    first = [
        f"{name} {column} {item['first_seconds']:.1f}"
        for name in names
        for column in COLUMNS
        if "first_seconds" in (item := found.get(f"{name} {column}", {}))
    ]
    if first:
        yield "first step, seconds: " + "; ".join(first)
    memory = [
        f"{name} {column} {number(value)}"
        for name in names
        for column in COLUMNS
        if (value := memory_of(found.get(f"{name} {column}", {})))
    ]
    if memory:
        yield "memory at its most, MiB: " + "; ".join(memory)
    yield from lease_layers(items(state, "layers"))
    for name, item in items(state, "runs").items():
        yield f"run {in_a_line(item) if 'error' in item else run_line(item['runs'][0])}"
    for stage in ("start", "repeat", "latency", "resident", "memory"):
        for name, item in items(state, stage).items():
            yield f"{stage} {name}: {in_a_line(item)}"
    for stage in ("doctor", "torch", "data"):
        for name, item in items(state, stage).items():
            if "error" in item or "fault" in item:
                yield f"FAILED {stage} {name}: {(item.get('error') or item['fault'])[:300]}"


def memory_of(item):
    return item.get("torch_memory_mib") or item.get("memory_mib")


def lease_layers(found):
    """Returns the milliseconds of each convolution, forward and with its gradients."""
    known = {column: {one["layer"]: one for one in found.get(column, {}).get("layers", [])} for column in COLUMNS}
    names = list(dict.fromkeys(layer for layers in known.values() for layer in layers))
    shown = [column for column in COLUMNS if known[column]]
    if names:
        yield "layers, ms forward/with gradients: " + ", ".join(shown)
    for layer in names:
        cells = []
        for column in shown:
            one = known[column].get(layer, {})
            pair = [one.get(f"{way}_milliseconds") for way in ("forward", "both")]
            cells.append("/".join(number(part[0] if isinstance(part, list) else part) for part in pair))
        yield f"  {layer:<13} " + " ".join(f"{cell:>14}" for cell in cells)
    for column, item in found.items():
        if "error" in item:
            yield f"  FAILED layers {column}: {item['error'][:200]}"
