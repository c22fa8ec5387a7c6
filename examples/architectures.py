"""Score third-party architectures with every proxy, and hold the values against slow ones.

Makes the page docs/results/architectures.md:

    python examples/architectures.py docs/results [--only PATTERN] [--again] [--page]

needs timm, transformers and torchvision. Scores go to ``architectures.csv`` network by network; a second run makes what
is missing: networks, and proxies of networks. ``--only`` takes the networks whose name holds the pattern, ``--again``
scores them anew, and ``--page`` makes the page of what is there.
"""

from __future__ import annotations

import argparse
import math
import os
import random
import sys
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from architectures_oracles import ORACLES, Absent, Reference, rounding, single
from architectures_page import UNTOUCHED, VERSIONS, page, read, write
from architectures_reference import tree
from architectures_zoo import NETWORKS, Case, build, declare_torchvision
from torch import Tensor, nn

import naslib_zc_plugin as zc
from naslib_zc_plugin.files import replace_text

SAME = 1e-4
WITHIN = {
    "ntk": 1e-2, "gradsign": 1e-3, "gradalign1": 1e-3, "jacov": 1e-3, "grasp": 1e-3, "epsilon": 1e-3,
    "flops": 1e-3, "large_noise_jacobian": 1e-3, "more_noised_jacobian": 1e-3,
}  # fmt: skip
"""Relative differences that rounding explains; others have ``SAME``, or four times what rounding changes."""
LATER = {
    **dict.fromkeys(
        ("az_expressivity", "az_progressivity", "az_trainability", "width_depth", "wrcor"),
        "what their stages are in a network of any form has no slow second way yet",
    ),
    "dss": "nor have the layers that are attention's",
    "peak_activations": "what PyTorch keeps for the backward run is what it measures",
    "vkdnw": "an oracle of its own runs backwards for each of 64 samples and of the logits",
}
"""Proxies that are not on the page, and why."""


# The network is untouched --------------------


def picture(net: nn.Module, case: Case) -> dict[str, Any]:
    """Return everything that scoring must leave alone: of each object in reach its identity and its value, bitwise."""
    found: dict[str, Any] = {}
    seen: dict[int, str] = {}
    pending: list[tuple[str, Any]] = [("net", net), ("inputs", case.inputs), ("labels", case.labels)]
    while pending:
        path, value = pending.pop()
        if isinstance(value, (bool, int, float, complex, str, bytes, type(None), type, torch.dtype, torch.device)):
            found[path] = repr(value)
            continue
        if id(value) in seen:
            found[path] = f"the same as {seen[id(value)]}"
            continue
        seen[id(value)] = path
        found[path] = (type(value), id(value))
        if isinstance(value, Tensor):
            found[f"{path} values"] = value.detach().contiguous().flatten().view(torch.uint8).numpy().tobytes()
            found[f"{path} form"] = (value.dtype, tuple(value.shape), value.requires_grad, value.stride())
            pending.append((f"{path}.grad", value.grad if value.is_leaf else None))
        elif isinstance(value, dict):
            found[f"{path} keys"] = [repr(key) for key in value]
            pending += [(f"{path}[{key!r}]", each) for key, each in value.items()]
        elif isinstance(value, (set, frozenset)):
            found[f"{path} members"] = sorted(map(repr, value))
        elif isinstance(value, (list, tuple)):
            found[f"{path} length"] = len(value)
            pending += [(f"{path}[{place}]", each) for place, each in enumerate(value)]
        elif isinstance(value, random.Random):
            found[f"{path} state"] = repr(value.getstate())
        elif isinstance(value, np.random.Generator):
            found[f"{path} state"] = repr(value.bit_generator.state)
        elif isinstance(value, torch.Generator):
            found[f"{path} state"] = value.get_state().numpy().tobytes()
        elif hasattr(value, "__dict__") and not callable(value) or isinstance(value, nn.Module):
            pending += [(f"{path}.{key}", each) for key, each in vars(value).items()]
    states = (random.getstate(), repr(np.random.get_state()), torch.get_rng_state().numpy().tobytes())
    found["global states"] = (*states, torch.is_grad_enabled(), torch.get_default_dtype(), torch.get_num_threads())
    return found


def prepare(net: nn.Module) -> None:
    """Give the network gradients, statistics, a mode and hooks of which something could be lost."""
    generator = torch.Generator().manual_seed(1)
    for parameter in list(net.parameters())[::2]:
        parameter.grad = torch.randn(parameter.shape, generator=generator)
    list(net.parameters())[-1].requires_grad_(False)
    last = list(net.modules())[-1]
    last.register_forward_hook(_nothing)
    last.eval()


def _nothing(*args: Any) -> None:
    return None


# Scores beside oracles --------------------


def verdict(score: Any, name: str, references: Sequence[Reference]) -> tuple[str, float | None, float | None, str]:
    """Return right, wrong, unchecked or a status, the oracle's values in both precisions, and why there are none.

    What rounding changes is asked only where single precision says otherwise than the score.
    """
    otherwise = "unchecked" if score.status == "ok" else score.status
    if name not in ORACLES:
        return otherwise, None, None, "no oracle"
    try:
        first = single(name, references[0])
        if score.status == "ok" and abs(score.value - first) <= WITHIN.get(name, SAME) * abs(first):
            return "right", first, None, ""
        second, change = rounding(name, references[1:], first)
    except Absent as error:
        return otherwise, None, None, str(error)
    except Exception as error:
        return otherwise, None, None, f"the oracle failed: {_first_line(error)}"
    if score.status == "ok" and not math.isfinite(first):
        return "unchecked", first, second, "an ordinary run is not finite: the network casts to single precision"
    if score.status != "ok":
        # A value of 0, and one that double precision changes, are what reasons of rounding speak of.
        there = math.isfinite(first) and first != 0 and abs(first - second) <= SAME * abs(second)
        return f"{score.status}, but" if there else score.status, first, second, ""
    return "right" if abs(score.value - first) <= 4 * change else "wrong", first, second, ""


def _in_double(case: Case, name: str) -> float | None:
    """Return the score of the network in double precision, where rounding tells nothing from the oracle's."""
    inputs = tree(lambda x: x.double() if x.is_floating_point() else x, case.inputs)
    return zc.score(case.net.double(), (inputs, case.labels), name, logits=case.logits)[name].value


def _first_line(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())}"[:200]


def sweep(name: str, proxies: Sequence[str]) -> list[dict[str, Any]]:
    """Score a network by some proxies, and return a row for each and one of what was touched."""
    case = build(name)
    prepare(case.net)
    before = picture(case.net, case)
    began = time.perf_counter()
    scores = zc.score(case.net, (case.inputs, case.labels), list(proxies), logits=case.logits)
    took = time.perf_counter() - began
    after = picture(case.net, case)
    changed = sorted(key for key in before.keys() | after.keys() if before.get(key) != after.get(key))
    rows = [
        {"network": name, "proxy": UNTOUCHED, "status": "no" if changed else "yes", "seconds": f"{took:.1f}",
         "value": sum(parameter.numel() for parameter in case.net.parameters()), "reason": ", ".join(changed)[:400]}
    ]  # fmt: skip
    case = build(name)  # modes as built: an oracle has one mode for all modules
    shifted = [Reference(case, torch.float32, shift) for shift in (1e-7, -1e-7)]
    references = [Reference(case, torch.float32), Reference(case, torch.float64), *shifted]
    for proxy, score in scores.items():
        found, first, second, why = verdict(score, proxy, references)
        if found == "wrong" and second is not None and math.isfinite(second):
            exact = _in_double(build(name), proxy)
            found = "right" if exact is not None and abs(exact - second) <= SAME * abs(second) else found
        rows.append(
            {"network": name, "proxy": proxy, "status": score.status, "value": score.value, "single": first,
             "double": second, "verdict": found, "seconds": f"{score.seconds:.2f}",
             "reason": " ".join(score.reason.split()) or why}
        )  # fmt: skip
    return rows


def main() -> None:
    """Score the networks that are missing, and make the page."""
    parser = argparse.ArgumentParser(description="Score third-party architectures with every proxy.")
    parser.add_argument("folder", type=Path, help="of the page and its scores, docs/results")
    parser.add_argument("--only", default="", help="part of the names of the networks to score")
    parser.add_argument("--again", action="store_true", help="score networks that have scores, too")
    parser.add_argument("--page", action="store_true", help="score nothing")
    asked = parser.parse_args()
    os.environ["HF_HUB_OFFLINE"] = "1"
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    path = asked.folder / "architectures.csv"
    kept = read(path)
    if not asked.page:
        declare_torchvision()
        for name in NETWORKS:
            had = [] if asked.again else kept.get(name, [])
            missing = [proxy for proxy in on_the_page() if proxy not in {row["proxy"] for row in had}]
            if asked.only not in name or not missing:
                continue
            try:
                kept[name] = joined(had, sweep(name, missing))
            except Exception as error:
                traceback.print_exc()
                kept[name] = [{"network": name, "proxy": UNTOUCHED, "status": "raised", "reason": _first_line(error)}]
            kept[VERSIONS] = [{"network": VERSIONS, "reason": versions()}]
            write(path, {each: kept[each] for each in (VERSIONS, *NETWORKS) if each in kept})
            report(kept[name])
    replace_text(asked.folder / "architectures.md", page(read(path), SAME, WITHIN))


def on_the_page() -> list[str]:
    """Return the names of the proxies of the page."""
    return [proxy for proxy in zc.list_proxies() if proxy not in LATER]


def joined(had: Sequence[dict[str, Any]], made: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the rows of a network with those of more proxies, in the order of their names."""
    if not had:
        return [*made]
    (first, *before), (touched, *rows) = had, made
    status = touched["status"] if first["status"] == "yes" else first["status"]
    seconds = f"{float(first['seconds']) + float(touched['seconds']):.1f}"
    both = {**touched, "status": status, "seconds": seconds, "reason": first["reason"] or touched["reason"]}
    return [both, *sorted((*before, *rows), key=lambda row: str(row["proxy"]))]


def versions() -> str:
    """Return what the scores are made by."""
    names = ("torch", "torchvision", "timm", "transformers")
    return "Made with " + ", ".join(f"{name} {version(name).partition('+')[0]}" for name in names) + "."


def report(rows: Sequence[dict[str, Any]]) -> None:
    """Say what was found about a network."""
    found = Counter(row.get("verdict") or row["status"] for row in rows[1:])
    print(rows[0]["network"], rows[0]["status"], rows[0].get("seconds"), dict(found), flush=True)
    for row in rows:
        if row["proxy"] == UNTOUCHED and row["status"] == "yes":
            continue
        if row.get("verdict") in ("right", "unchecked", "undefined"):
            continue
        parts = (
            row["proxy"],
            row.get("verdict") or row["status"],
            row.get("value"),
            row.get("single"),
            row.get("double"),
        )
        print("   ", *parts, row["reason"][:160], flush=True)


if __name__ == "__main__":
    sys.exit(main())
