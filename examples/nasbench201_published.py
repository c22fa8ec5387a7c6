"""Scores NAS-Bench-201 architectures as the papers did and compares with what they published.

    python examples/nasbench201_published.py score DATA scores.csv --architectures 350
    python examples/nasbench201_published.py table DATA scores.csv docs/results/nasbench201_cifar10.md

DATA is a directory of benchmark tables with `nasbench201/` and `probes/`. Scores are written as they are made, one row per
architecture and proxy; the same command goes on where it was stopped.
"""

from __future__ import annotations

import argparse
import csv
import random
import time
from pathlib import Path
from typing import Iterator

import pandas as pd
import torch

import naslib_zc_plugin as zc
from naslib_zc_plugin.presets import preset
from naslib_zc_plugin.probes import Probe, probe
from naslib_zc_plugin.score import Score
from naslib_zc_plugin.spaces import space

SPACE = "nasbench201"
NASLIB = "grad_norm snip grasp fisher synflow jacov naswot epe_nas zen l2_norm plain params flops".split()
PROTOCOLS = {
    "naslib": NASLIB,
    "gradalign": ["gradsign", "gradalign1", "gradalign2", "naswot"],
    "epsilon": ["epsilon"],
    "tenas": ["ntk", "linear_regions"],
}
TENAS_NETWORKS, TENAS_BATCH = 120, 16


def architectures(data: Path, count: int) -> list[str]:
    """A random sample of those with published scores; every prefix is a sample too."""
    table = pd.read_csv(data / SPACE / "published_scores_cifar10.csv.gz")
    keys = sorted(table["arch_str"])
    random.Random(0).shuffle(keys)
    return keys[:count]


def scores_of(key: str, images: Probe, protocols: list[str]) -> Iterator[tuple[str, Score]]:
    """Each protocol's scores of one architecture, on one set of initial weights."""
    for name in protocols:
        rules = preset("gradalign" if name == "tenas" else name)
        torch.manual_seed(random.Random(key).getrandbits(60))
        network = space(SPACE).build(key, C=16, N=5, num_classes=10, flavour=rules.flavour)
        x, y = rules.batch(images, SPACE, rules.seed, key)
        if name == "tenas":
            x, y = x[:TENAS_BATCH], y[:TENAS_BATCH]
        for label, score in zc.score(network, (x, y), rules.requests(PROTOCOLS[name], SPACE), seed=rules.seed).items():
            yield f"{name}/{label}", score


def score(data: Path, output: Path, count: int) -> None:
    """Score what is not in ``output`` yet."""
    images = probe(data / "probes" / "cifar10.npz")
    done = set(pd.read_csv(output)["arch_str"]) if output.exists() else set()
    with output.open("a", newline="") as file:
        writer = csv.writer(file)
        if not done:
            writer.writerow(["arch_str", "proxy", "value", "status", "reason", "seconds"])
        for number, key in enumerate(architectures(data, count)):
            if key in done:
                continue
            start = time.perf_counter()
            protocols = [name for name in PROTOCOLS if name != "tenas" or number < TENAS_NETWORKS]
            rows = [(key, name, s.value, s.status, s.reason, s.seconds) for name, s in scores_of(key, images, protocols)]
            writer.writerows(rows)
            file.flush()
            print(f"{number + 1}/{count}  {time.perf_counter() - start:.1f} s  {key}", flush=True)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    scoring = commands.add_parser("score")
    scoring.add_argument("data", type=Path)
    scoring.add_argument("output", type=Path)
    scoring.add_argument("--architectures", type=int, default=350)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    score(arguments.data, arguments.output, arguments.architectures)


if __name__ == "__main__":
    main()
