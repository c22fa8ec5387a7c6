"""Makes the tables of docs/results/epsilon.md, and its Figure 2: the epsilon paper's, beside those of campaigns.

    python examples/epsilon_results.py DATA docs/results
    python examples/epsilon_results.py DATA docs/results --figures

DATA is a folder of benchmark tables; the other one holds `scores/`, with the campaigns' Parquet exports, each called
like its configuration, `printed/epsilon.csv`, and the page `epsilon.md`, whose tables are replaced, each below the
comment that names it. A row without an export reads "not run".
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

import numpy as np
from result_pages import HEADER, PrintedMeasures, markdown, replaced, row_beside
from scipy.stats import rankdata

from naslib_zc_plugin.aggregates import oriented
from naslib_zc_plugin.benchmarks import benchmark
from naslib_zc_plugin.campaign.store import read_table
from naslib_zc_plugin.files import replace_text
from naslib_zc_plugin.report.correlations import Floats, agreement, paired_difference
from naslib_zc_plugin.report.figures import scatter
from naslib_zc_plugin.report.leaderboards import matched, positive
from naslib_zc_plugin.report.rendering import interval
from naslib_zc_plugin.table import ScoreTable

POSITIVE = ("nasbench101", "nasbench_nlp")
"""Where the paper's evaluation drops epsilons that are not above zero."""
FIGURED = {
    "nasbench101_cifar10_epsilon_weights": ("0.0001, 10", "val_acc_108"),
    "nasbench_nlp_epsilon_weights": ("1e-05, 0.001", "ptb_test_loss"),
}
"""Campaigns of Figure 2. Those of Figures 1 and 5 are on the leaderboards of nasbench201_<data set>.md."""
WINDOWS = {
    "nasbench201_cifar10_epsilon_weights": ("1e-07, 1", "cifar10_test_200"),
    "nasbench101_cifar10_epsilon_weights": ("0.0001, 10", "val_acc_108"),
    "nasbench_nlp_epsilon_weights": ("1e-05, 0.001", "ptb_test_loss"),
}
"""Campaigns over pairs of weights, with the published pair and the truth."""


class Results:
    """Campaigns and benchmarks, each read once."""

    def __init__(self, data: Path, results: Path) -> None:
        self._data, self._results = data, results
        self.table = lru_cache(None)(self._table)
        self.truth = lru_cache(None)(self._truth)
        with (results / "printed" / "epsilon.csv").open(encoding="utf-8") as file:
            self.printed = list(csv.DictReader(file))

    def _table(self, campaign: str) -> ScoreTable | None:
        path = self._results / "scores" / f"{campaign}.parquet"
        return read_table(path) if path.exists() else None

    def _truth(self, space: str, column: str) -> Mapping[str, float]:
        """Return accuracies by architecture; losses are negated, so that higher is better."""
        found = benchmark(space, self._data)
        sign = -1 if found.columns[column].higher_is_better is False else 1
        return {key: sign * value for key, value in found.column(column).items()}


def space_of(campaign: str) -> str:
    """Return the search space of a campaign, by its name."""
    return next(name for name in ("nasbench201", "nasbench101", "nasbench_nlp") if campaign.startswith(name))


def row(results: Results, asked: Mapping[str, str], resamples: int) -> list[str]:
    """Return a printed row beside ours."""
    numbers = [float(asked[name]) if asked[name] else None for name in ("rho", "rho_top", "tau", "tau_top")]
    printed = PrintedMeasures(*numbers, *(float(asked[name]) if asked[name] else None for name in ("overlap", "hits")))
    kept = f"{int(asked['kept']):,}" if asked["kept"] else "–"
    if asked["of"]:
        share = f"{int(asked['kept']) / int(asked['of']):.1%}".replace("%", " %")
        kept += f" of {int(asked['of']):,} ({share})"
    table = results.table(asked["campaign"])
    if table is None or asked["column"] not in table:
        shown = ["–" if value is None else f"{value:g}" for value in (printed.rho, printed.tau)]
        return [asked["row"], kept, "not run", "–", shown[0], "–", "–", shown[1], *["–"] * 6]
    space = space_of(asked["campaign"])
    part, accuracies = matched(table, results.truth(space, asked["truth"]), asked["truth"])
    column = part[asked["column"]]
    if space in POSITIVE and column.proxy == "epsilon":
        column = positive(column)
    return row_beside(asked["row"], printed, kept, column, accuracies, resamples)


def tables(results: Results, resamples: int = 1000) -> dict[str, str]:
    """Return each table as Markdown, by its name in the page."""
    names = dict.fromkeys(asked["table"] for asked in results.printed)
    found = {
        f"table {name}": markdown(
            HEADER, [row(results, asked, resamples) for asked in results.printed if asked["table"] == name]
        )
        for name in names
    }
    return {**found, "windows": windows(results, resamples)}


def windows(results: Results, resamples: int) -> str:
    """Return what pairs of weights leave undefined, and what they say of the other networks and of all.

    Pairs that leave more undefined than the published one are not shown, and of those that leave as many the one that
    agrees best. *Published, else*: networks that the published pair leaves undefined are ranked among themselves by
    another pair, the others by the published one, both by their share of the networks of their kind.
    """
    rows = []
    for campaign, (published, truth) in WINDOWS.items():
        if (table := results.table(campaign)) is None:
            continue
        part, accuracies = matched(table, results.truth(space_of(campaign), truth), truth)
        shown = {
            label: oriented(positive(column) if space_of(campaign) in POSITIVE else column)
            for label, column in part.columns.items()
        }
        first, best = shown[published], dict[int, tuple[float, str]]()
        for label, values in shown.items():
            tau = agreement(values, accuracies, resamples=0).kendall.value
            missing = int((~np.isfinite(values)).sum())
            if missing <= (~np.isfinite(first)).sum():
                best[missing] = max(best.get(missing, (-1.0, label)), (-1.0 if tau is None else tau, label))
        labels = [published, *(label for _, (_, label) in sorted(best.items()) if label != published)]
        by_kind = {f"{published}, else {label}": _by_kind(first, shown[label]) for label in labels[1:]}
        worth = {
            label: agreement(values, accuracies, undefined="worst", resamples=0).kendall.value or 0.0
            for label, values in by_kind.items()
        }
        kept = max(worth, key=lambda label: worth[label])
        for label, values in [*((label, shown[label]) for label in labels), (kept, by_kind[kept])]:
            own = agreement(values, accuracies, resamples=resamples)
            last = agreement(values, accuracies, undefined="worst", resamples=resamples)
            both = paired_difference(values, first, accuracies, resamples=resamples)
            share = f"{own.undefined / len(values):.1%}".replace("%", " %")
            difference = "–" if label == published else f"{both.n:,}: {interval(both.kendall, sign='+')}"
            rows.append([space_of(campaign), label, share, interval(own.kendall), difference, interval(last.kendall)])
    header = ["space", "weights", "undefined", "τ", "N of both: τ less that of the published pair", "τ, undefined last"]
    return markdown(header, rows)


def _by_kind(first: Floats, second: Floats) -> Floats:
    """Return each network's share of ranks by the first scores, or among those without one by the second."""
    found = np.full(len(first), np.nan)
    for values, part in ((first, np.isfinite(first)), (second, ~np.isfinite(first) & np.isfinite(second))):
        if part.any():
            found[part] = rankdata(values[part]) / part.sum()
    return found


def draw(results: Results, data: Path, folder: Path) -> None:
    """Draw Figure 2: epsilon against accuracy, coloured by parameters where the benchmark has them."""
    for campaign, (label, truth) in FIGURED.items():
        table, space = results.table(campaign), space_of(campaign)
        if table is not None:
            known = benchmark(space, data)
            colour = known.column("params") if "params" in known.columns else None
            scatter(
                folder / f"{campaign}_scatter.png", table, results.truth(space, truth), truth_label=truth,
                proxies=[label], columns=1, colour=colour, scale="linear",
            )  # fmt: skip


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("results", type=Path)
    parser.add_argument("--figures", action="store_true", help="draw Figure 2, too")
    arguments = parser.parse_args()
    results = Results(arguments.data, arguments.results)
    page = arguments.results / "epsilon.md"
    replace_text(page, replaced(page.read_text(encoding="utf-8"), tables(results)))
    print(page)
    if arguments.figures:
        draw(results, arguments.data, arguments.results / "figures")


if __name__ == "__main__":
    main()
