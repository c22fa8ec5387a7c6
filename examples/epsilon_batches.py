"""epsilon with batches of other sizes, ten random ones of each: the epsilon paper's Figure 4.

    python examples/epsilon_batches.py score DATA docs/results cifar10 --architectures 500
    python examples/epsilon_batches.py page DATA docs/results

The first command scores random networks of NAS-Bench-201 and appends them to `scores/epsilon_batches_<data set>.jsonl`,
a line for each, which holds the scores of all batches; stopped, it goes on where it was. The second puts the table of
all such files into `epsilon.md` and draws the figure. DATA holds probe images and benchmark tables. Sizes go as far as
the images do: 512 of CIFAR-10's 1,000, CIFAR-100's 592 and ImageNet16-120's 820; the paper's go to 1,024.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Optional

import numpy as np
from result_pages import markdown, replaced

import naslib_zc_plugin as zc
from naslib_zc_plugin.benchmarks import benchmark
from naslib_zc_plugin.campaign.plan import stream
from naslib_zc_plugin.files import replace_text
from naslib_zc_plugin.probes import Probe, Tokens, probe
from naslib_zc_plugin.protocols import protocol as published_protocol
from naslib_zc_plugin.report.correlations import agreement
from naslib_zc_plugin.report.figures import SearchCurve, curves
from naslib_zc_plugin.spaces import space

DATASETS = {"cifar10": "CIFAR-10", "cifar100": "CIFAR-100", "imagenet16_120": "ImageNet16-120"}
SIZES = (8, 16, 32, 64, 128, 256, 512)
DRAWS = 10
SPACE = "nasbench201"
Scores = dict[str, list[Optional[float]]]
"""By size, one per batch; None is undefined."""


def scored(key: str, source: Probe | Tokens, sizes: Sequence[int] = SIZES, draws: int = DRAWS) -> Scores:
    """Score a network by epsilon on random batches, the same for all networks."""
    protocol = published_protocol("epsilon")
    network = space(SPACE).build(key, num_classes=protocol.classes)
    (asked,) = protocol.requests(["epsilon"], SPACE)
    found: Scores = {}
    for size in sizes:
        batches = (replace(protocol, batch_size=size).batch(source, SPACE, seed) for seed in range(draws))
        found[str(size)] = [zc.score(network, batch, [asked])["epsilon"].value for batch in batches]
    return found


def continued(path: Path, source: Probe | Tokens, architectures: int) -> None:
    """Append the missing scores to a file."""
    done = {json.loads(line)["key"] for line in path.read_text(encoding="utf-8").splitlines()} if path.exists() else ()
    for key in stream(architectures, space(SPACE), seed=0):
        if key not in done:
            line = json.dumps({"key": key, "scores": scored(key, source)})
            with path.open("a", encoding="utf-8") as file:
                file.write(f"{line}\n")


@dataclass(frozen=True)
class Spread:
    """Median and quartiles over the batches of a size, of Spearman's rho, Kendall's tau and the share kept."""

    size: int
    architectures: int
    rho: tuple[float, float, float]
    tau: tuple[float, float, float]
    kept: float


def spreads(path: Path, truth: dict[str, float]) -> list[Spread]:
    """Return the spreads of a file of scores, by size."""
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    accuracies = [truth[row["key"]] for row in rows]
    found = []
    for size in rows[0]["scores"]:
        columns = list(zip(*(row["scores"][size] for row in rows)))
        agreed = [agreement(column, accuracies, resamples=0) for column in columns]
        rho, tau = (
            [value for each in agreed if (value := getattr(each, name).value) is not None]
            for name in ("spearman", "kendall")
        )
        kept = float(np.median([each.n for each in agreed])) / len(rows)
        found.append(Spread(int(size), len(rows), _quartiles(rho), _quartiles(tau), kept))
    return found


def _quartiles(values: Sequence[float]) -> tuple[float, float, float]:
    low, middle, high = np.quantile(values, [0.25, 0.5, 0.75]).tolist() if values else (np.nan,) * 3
    return middle, low, high


def table(found: dict[str, list[Spread]]) -> str:
    """Return a table of medians [quartiles] by data set and size."""
    rows = [
        [DATASETS[name], str(each.size), f"{each.architectures:,}", f"{each.kept:.1%}".replace("%", " %"),
         *(f"{middle:.3f} [{low:.3f}, {high:.3f}]" for middle, low, high in (each.rho, each.tau))]
        for name, sizes in found.items() for each in sizes
    ]  # fmt: skip
    return markdown(["data set", "batch", "architectures", "kept (median)", "ρ", "τ"], rows)


def lines(found: dict[str, list[Spread]]) -> list[SearchCurve]:
    """Return a line per data set, of Spearman's rho."""
    return [
        SearchCurve(DATASETS[name], np.log2([each.size for each in sizes]), *np.array([each.rho for each in sizes]).T)
        for name, sizes in found.items()
    ]


def read(data: Path, results: Path) -> dict[str, list[Spread]]:
    """Return the spreads by data set, of those that were scored."""
    known, found = benchmark(SPACE, data), {}
    for name in DATASETS:
        path = results / "scores" / f"epsilon_batches_{name}.jsonl"
        if path.exists():
            found[name] = spreads(path, known.column(published_protocol("epsilon").truth_of(name)))
    return found


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    for name in ("score", "page"):
        command = commands.add_parser(name)
        command.add_argument("data", type=Path)
        command.add_argument("results", type=Path)
    commands.choices["score"].add_argument("dataset", choices=DATASETS)
    commands.choices["score"].add_argument("--architectures", type=int, default=500)
    arguments = parser.parse_args()
    if arguments.command == "score":
        source = probe(arguments.data / "probes" / f"{arguments.dataset}.npz")
        path = arguments.results / "scores" / f"epsilon_batches_{arguments.dataset}.jsonl"
        continued(path, source, arguments.architectures)
        return
    page, found = arguments.results / "epsilon.md", read(arguments.data, arguments.results)
    replace_text(page, replaced(page.read_text(encoding="utf-8"), {"figure 4": table(found)}))
    if not found:
        print("no scores of batches yet")
        return
    curves(
        arguments.results / "figures" / "epsilon_batches.png", lines(found), "log2 of the batch size",
        "Spearman's ρ: median and quartiles of ten batches",
    )  # fmt: skip
    print(page)


if __name__ == "__main__":
    main()
