"""Scores NAS-Bench-201 architectures as the papers did and compares with what they published.

    python examples/nasbench201_published.py score DATA scores.csv --architectures 330
    python examples/nasbench201_published.py compared DATA scores.csv    # with published scores
    python examples/nasbench201_published.py trained DATA scores.csv     # with trained accuracy

DATA is a directory of benchmark tables with `nasbench201/` and `probes/`. Scores are written as they are made, one row
per architecture and proxy; the same command goes on where it was stopped. Tables are printed as Markdown.
"""

from __future__ import annotations

import argparse
import csv
import random
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import torch

import naslib_zc_plugin as zc
from naslib_zc_plugin.presets import preset
from naslib_zc_plugin.probes import Probe, probe
from naslib_zc_plugin.report.aggregates import tenas
from naslib_zc_plugin.report.statistics import Estimate, agreement
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


def architectures(data: Path, count: int, whole: bool) -> list[str]:
    """A random sample, of those with published scores or of the whole space; every prefix is a sample too."""
    published = pd.read_csv(data / SPACE / "published_scores_cifar10.csv.gz")
    table = pd.read_parquet(data / SPACE / "accuracies.parquet") if whole else published
    keys = sorted(table["arch_str"])
    random.Random(0).shuffle(keys)
    return keys[:count]


def scores_of(key: str, images: Probe, protocols: list[str], device: str) -> Iterator[tuple[str, Score]]:
    """Each protocol's scores of one architecture, on one set of initial weights."""
    for name in protocols:
        rules = preset("gradalign" if name == "tenas" else name)
        torch.manual_seed(random.Random(key).getrandbits(60))
        network = space(SPACE).build(key, C=16, N=5, num_classes=10, flavour=rules.flavour)
        network.to(device)
        x, y = rules.batch(images, SPACE, rules.seed, key)
        if name == "tenas":
            x, y = x[:TENAS_BATCH], y[:TENAS_BATCH]
        for label, score in zc.score(network, (x, y), rules.requests(PROTOCOLS[name], SPACE), seed=rules.seed).items():
            yield f"{name}/{label}", score


def score(data: Path, output: Path, keys: list[str], protocols: list[str], device: str) -> None:
    """Score what is not in ``output`` yet."""
    images = probe(data / "probes" / "cifar10.npz")
    done = set(pd.read_csv(output)["arch_str"]) if output.exists() else set()
    with output.open("a", newline="") as file:
        writer = csv.writer(file)
        if not file.tell():
            writer.writerow(["arch_str", "proxy", "value", "status", "reason", "seconds"])
        for number, key in enumerate(keys):
            if key in done:
                continue
            start = time.perf_counter()
            asked = [name for name in protocols if name != "tenas" or number < TENAS_NETWORKS]
            scores = scores_of(key, images, asked, device)
            writer.writerows([(key, name, s.value, s.status, s.reason, s.seconds) for name, s in scores])
            file.flush()
            print(f"{number + 1}/{len(keys)}  {time.perf_counter() - start:.1f} s  {key}", flush=True)


# Printed for NAS-Bench-201, CIFAR-10: Spearman, Kendall (GradAlign Table 4, epsilon Table 1, Lightweight NAS).
PRINTED = {
    "naslib/grad_norm": (0.594, 0.437), "naslib/snip": (0.596, 0.435), "naslib/grasp": (0.514, 0.319),
    "naslib/fisher": (0.36, 0.377), "naslib/synflow": (0.737, 0.540), "naslib/jacov": (0.731, 0.553),
    "gradalign/naswot": (0.78, 0.587), "gradalign/gradsign": (None, 0.561), "gradalign/gradalign1": (None, 0.617),
    "gradalign/gradalign2": (None, 0.599), "epsilon/epsilon": (0.87, 0.70), "naslib/zen": (None, 0.180),
    "tenas": (None, 0.387),
}  # fmt: skip
PUBLISHED_NAMES = {"naswot": "nwot"}
SENTINEL = -1e8


def compared(data: Path, files: list[Path]) -> str:
    """The table of per-architecture agreement with the published values, as Markdown."""
    values = _values(files)
    published = pd.read_csv(data / SPACE / "published_scores_cifar10.csv.gz").set_index("arch_str").loc[values.index]
    lines = [PER_ARCHITECTURE, "| --- | --- | --- | --- |"]
    for name in NASLIB:
        theirs = published[PUBLISHED_NAMES.get(name, name)].replace(SENTINEL, np.nan)
        kept = theirs.notna()
        found = agreement(_column(values.loc[kept, f"naslib/{name}"]), list(theirs[kept]))
        lines.append(f"| {name} | {_interval(found.spearman)} | {found.n} | {found.undefined} |")
    return "\n".join(lines)


def trained(data: Path, files: list[Path]) -> str:
    """The table of agreement with trained accuracy, as Markdown."""
    values = _values(files)
    scored = pd.concat([pd.read_csv(file) for file in files]).groupby("proxy")["arch_str"].apply(set)
    if "tenas/ntk" in values:
        values["tenas"] = tenas(*(_column(values[f"tenas/{name}"]) for name in ("ntk", "linear_regions")))
    truth = pd.read_parquet(data / SPACE / "accuracies.parquet").set_index("arch_str")
    lines = [TRAINED, "| --- | --- | --- | --- | --- | --- | --- | --- |"]
    for label in values.columns:
        rows = sorted(scored["tenas/ntk" if label == "tenas" else label])
        rules = preset("gradalign" if label.startswith("tenas") else label.partition("/")[0])
        higher = label == "tenas" or zc.describe(label.partition("/")[2]).higher_is_better
        accuracy = list(truth.loc[rows, rules.truth])
        found = agreement(_column(values.loc[rows, label]), accuracy, higher_is_better=higher)
        rho, tau = PRINTED.get(label, (None, None))
        cells = [label, rules.truth, _interval(found.spearman), _printed(rho, found.spearman)]
        cells += [_interval(found.kendall), _printed(tau, found.kendall), str(found.n), str(found.undefined)]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _values(files: list[Path]) -> pd.DataFrame:
    """Architectures × protocol/proxy; where files differ, the first counts."""
    scores = pd.concat([pd.read_csv(file) for file in files]).drop_duplicates(["arch_str", "proxy"])
    return scores.pivot(index="arch_str", columns="proxy", values="value")


PER_ARCHITECTURE = "| proxy | Spearman with the published values [95 %] | N | undefined |"
TRAINED = (
    "| protocol/proxy | truth | Spearman [95 %] | published (difference) | Kendall [95 %] | published (difference) "
    "| N | undefined |"
)


def _column(values: pd.Series[float]) -> list[float | None]:
    return [None if np.isnan(value) else float(value) for value in values]


def _interval(estimate: Estimate) -> str:
    if estimate.value is None or estimate.low is None or estimate.high is None:
        return "–"
    return f"{estimate.value:.3f} [{estimate.low:.3f}, {estimate.high:.3f}]"


def _printed(printed: float | None, estimate: Estimate) -> str:
    return "–" if printed is None or estimate.value is None else f"{printed:.3f} ({estimate.value - printed:+.3f})"


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    scoring = commands.add_parser("score")
    scoring.add_argument("data", type=Path)
    scoring.add_argument("output", type=Path)
    scoring.add_argument("--architectures", type=int, default=330)
    scoring.add_argument(
        "--whole", action="store_true", help="sample the whole space, not only what has published scores"
    )
    scoring.add_argument("--protocols", nargs="+", choices=PROTOCOLS, default=list(PROTOCOLS))
    scoring.add_argument("--device", default="cpu")
    for name in ("compared", "trained"):
        tabulating = commands.add_parser(name)
        tabulating.add_argument("data", type=Path)
        tabulating.add_argument("files", type=Path, nargs="+")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    if arguments.command == "score":
        keys = architectures(arguments.data, arguments.architectures, arguments.whole)
        score(arguments.data, arguments.output, keys, arguments.protocols, arguments.device)
    else:
        print({"compared": compared, "trained": trained}[arguments.command](arguments.data, arguments.files))


if __name__ == "__main__":
    main()
