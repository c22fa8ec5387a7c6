"""Prints the tables of docs/results/nasbench201.md: campaigns on NAS-Bench-201 beside the papers' numbers.

    python examples/nasbench201_results.py DATA docs/results/scores
    python examples/nasbench201_results.py DATA docs/results/scores --page docs/results/nasbench201.md

DATA is a folder of benchmark tables; the other folder holds the campaigns' Parquet exports, each called like its
configuration. With --page, the tables of that page are replaced, each below the comment that names it.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from pathlib import Path

import pandas as pd
from result_pages import markdown, replaced, side

from naslib_zc_plugin.aggregates import Aggregate, oriented
from naslib_zc_plugin.benchmarks import benchmark
from naslib_zc_plugin.campaign.store import read_table
from naslib_zc_plugin.files import replace_text
from naslib_zc_plugin.report.correlations import Agreement, agreement
from naslib_zc_plugin.report.leaderboards import is_scored, matched, mean_ranks
from naslib_zc_plugin.report.rendering import interval
from naslib_zc_plugin.table import ScoreTable

DATASETS = {"cifar10": "CIFAR-10", "cifar100": "CIFAR-100", "imagenet16_120": "ImageNet16-120"}
CAMPAIGNS = ("naslib", "gradalign", "gradalign_balanced", "gradalign_others", "epsilon", "tenas")
TRUTHS = {
    "cifar10": {"half": "cifar10_test_200_half_train", "test": "cifar10_test_200", "val": "cifar10_val_200"},
    "cifar100": {"test": "cifar100_test_200", "val": "cifar100_val_200"},
    "imagenet16_120": {"test": "imagenet16_test_200", "val": "imagenet16_val_200"},
}
# Whose printed value: L Lightweight NAS, Table I; E epsilon, Table 1; Z the same table's values of zero-cost-nas'
# scores; G GradAlign, Table 4. Then it, on CIFAR-10, CIFAR-100 and ImageNet16-120.
PRINTED = """
L gradalign naswot     spearman  .78  .81  .79
Z naslib    synflow    spearman  .74  .76  .75
Z naslib    grad_norm  spearman  .59  .64  .58
Z naslib    snip       spearman  .60  .64  .58
Z naslib    grasp      spearman  .51  .55  .55
Z naslib    fisher     spearman  .36  .39  .33
Z naslib    jacov      spearman  .73  .70  .70
E epsilon   epsilon    spearman  .87  .90  .85
E epsilon   epsilon    kendall   .70  .72  .67
G gradalign gradalign1 kendall  .617 .633 .623
G gradalign gradalign2 kendall  .599 .622 .607
G gradalign gradsign   kendall  .561 .595 .596
G gradalign naswot     kendall  .587 .621 .594
G tenas     tenas      kendall  .387 .377 .345
G naslib    fisher     kendall  .377 .404 .367
G naslib    grad_norm  kendall  .437 .464 .427
G naslib    grasp      kendall  .319 .379 .411
G naslib    jacov      kendall  .553 .549 .554
G naslib    snip       kendall  .435 .466 .432
G naslib    synflow    kendall  .540 .568 .561
G naslib    zen        kendall  .180 .188 .219
G gradalign_others fisher    kendall  .377 .404 .367
G gradalign_others grad_norm kendall  .437 .464 .427
G gradalign_others jacov     kendall  .553 .549 .554
G gradalign_others snip      kendall  .435 .466 .432
G gradalign_others synflow   kendall  .540 .568 .561
G gradalign_others zen       kendall  .180 .188 .219
"""
# GradAlign, Table 8: mean ranks on NAS-Bench-201.
RANKS = {
    "gradalign1": 1.0, "gradalign2": 2.0, "gradsign": 11 / 3, "naswot": 10 / 3, "tenas": 31 / 3, "fisher": 29 / 3,
    "grad_norm": 23 / 3, "grasp": 10.0, "jacov": 17 / 3, "snip": 22 / 3, "synflow": 16 / 3, "zen": 12.0,
}  # fmt: skip
SIGNS = {"spearman": "ρ", "kendall": "τ"}
# Of the published scores: their file in DATA, the names of proxies there, and the mark of a missing one.
PUBLISHED, NAMES, SENTINEL = "nasbench201/published_scores_cifar10.csv.gz", {"naswot": "nwot"}, -1e8


def printed() -> Iterator[tuple[str, str, str, str, dict[str, float]]]:
    """Return source, campaign, proxy, coefficient, and the printed number by data set."""
    for line in PRINTED.strip().splitlines():
        source, campaign, label, coefficient, *values = line.split()
        yield source, campaign, label, coefficient, dict(zip(DATASETS, map(float, values)))


class Results:
    """The campaigns' tables, and their agreement with trained accuracies, each made once."""

    def __init__(self, data: Path, scores: Path) -> None:
        self._benchmark = benchmark("nasbench201", data)
        path = data / PUBLISHED
        self.published = pd.read_csv(path).set_index("arch_str") if path.exists() else None
        files = {(c, d): scores / f"nasbench201_{d}_{c}.parquet" for c in CAMPAIGNS for d in DATASETS}
        self.tables = {place: read_table(path) for place, path in files.items() if path.exists()}
        self._known: dict[tuple[str, str, str, str], Agreement] = {}

    def accuracies(self, dataset: str, truth: str) -> dict[str, float]:
        """Return accuracies by architecture."""
        return self._benchmark.column(TRUTHS[dataset][truth])

    def agreement(self, campaign: str, dataset: str, label: str, truth: str) -> Agreement | None:
        """Return a proxy's agreement; None where the campaign has no scores of it."""
        asked = campaign, dataset, label, truth
        if asked not in self._known and (campaign, dataset) in self.tables:
            table, accuracies = matched(self.tables[campaign, dataset], self.accuracies(dataset, truth), truth)
            if label == "tenas" or label in table:
                column = Aggregate.parse(label).column(table) if label == "tenas" else table[label]
                made = is_scored(column)
                self._known[asked] = agreement(oriented(column)[made], accuracies[made])
        found = self._known.get(asked)
        return found if found and found.n else None


def tables(results: Results) -> dict[str, str]:
    """Return each table as Markdown, by its name in the page."""
    beside = {dataset: against_printed(results, dataset) for dataset in DATASETS}
    rest = {"sample": sample(results), "ranks": ranks(results), "balanced": balanced(results)}
    return {"how far": how_far(results), **beside, **rest}


def how_far(results: Results) -> str:
    """Return a table of the number of architectures that each campaign scored."""
    rows = [[c, *(reached(results.tables.get((c, d))) for d in DATASETS)] for c in CAMPAIGNS]
    return markdown(["campaign", *DATASETS.values()], rows)


def reached(table: ScoreTable | None) -> str:
    """Describe the architectures done, the proxies that are behind, and the scores that failed."""
    if table is None:
        return "–"
    done = {label: len(table) - column.count("pending") for label, column in table.columns.items()}
    most = max(done.values())
    behind = [f"; {label} {count:,}" if count else f"; no {label}" for label, count in done.items() if count < most]
    failed = sum(column.count("failed") for column in table.columns.values())
    done = f"{most:,} of {table.facts['architectures']:,}{''.join(behind)}"
    return f"{done}; {failed:,} scores failed" if failed else done


def against_printed(results: Results, dataset: str) -> str:
    """Return the printed numbers of a data set, beside those of campaigns with the same accuracies and with others."""
    header = ["campaign/proxy", "", "printed", "ours", "difference", "with other accuracies", "N", "undefined", ""]
    rows = []
    for source, campaign, label, coefficient, values in printed():
        usual = "half" if dataset == "cifar10" and source != "E" else "test"
        found = results.agreement(campaign, dataset, label, usual)
        if found is None:
            continue
        ours, value = getattr(found, coefficient), values[dataset]
        others = []
        for truth in TRUTHS[dataset]:
            if truth != usual and (other := results.agreement(campaign, dataset, label, truth)):
                estimate = getattr(other, coefficient)
                others.append(f"{truth} {estimate.value:.3f}{'*' if side(value, estimate) == 'inside' else ''}")
        rows.append([
            f"{campaign}/{label}", f"{SIGNS[coefficient]} {source}", f"{value:g}", f"{interval(ours)} {usual}",
            f"{ours.value - value:+.3f}", "; ".join(others), f"{found.n:,}", f"{found.undefined:,}", side(value, ours),
        ])  # fmt: skip
    return markdown(header, rows)


def sample(results: Results) -> str:
    """Compare published scores (CIFAR-10's) on all their architectures and on the campaign's with its scores."""
    rows = []
    for dataset, name in DATASETS.items():
        table = results.tables.get(("naslib", dataset))
        if table is None or results.published is None:
            continue
        accuracies = results.accuracies(dataset, "half" if dataset == "cifar10" else "test")
        for label in ("naswot", "jacov", "zen", "fisher", "synflow"):
            values = results.published[NAMES.get(label, label)]
            theirs = values[values != SENTINEL].dropna().to_dict()
            ours = dict(zip(table.keys, table[label].values.tolist()))
            shared = [key for key in theirs if key in ours]
            found = (tau(theirs, list(theirs), accuracies), tau(theirs, shared, accuracies))
            own = (tau(ours, shared, accuracies), tau(ours, list(ours), accuracies))
            rows.append([name, label, *found, *own])
    header = ["data set", "proxy", "theirs, on all", "theirs, on ours", "ours, there", "ours, on all of ours"]
    return markdown(header, rows)


def tau(scores: Mapping[str, float], keys: list[str], accuracies: Mapping[str, float]) -> str:
    """Return Kendall's tau over some architectures, and their number."""
    found = agreement([scores[key] for key in keys], [accuracies[key] for key in keys], resamples=0)
    return f"{found.kendall.value:.3f} ({found.n:,})"


def ranks(results: Results) -> str:
    """Return mean ranks by Kendall's tau over the data sets, of all methods of GradAlign's tables."""
    lines = [(label, campaign) for source, campaign, label, *_ in printed() if source == "G"]
    campaigns = dict(reversed(lines))  # of two, the first
    columns: list[Mapping[str, float | None]] = []
    for dataset in DATASETS:
        found = {label: results.agreement(campaign, dataset, label, "test") for label, campaign in campaigns.items()}
        columns.append({label: one.kendall.value if one else None for label, one in found.items()})
    complete = [name for name in RANKS if all(column[name] is not None for column in columns)]
    ranked = mean_ranks({"nasbench201": columns}).rows if complete else ()
    rows = [
        [row.name, *(f"{column[row.name]:.3f}" for column in columns), f"{row.mean:.2f}", f"{RANKS[row.name]:.2f}"]
        for row in ranked
    ]
    rows += [[name, *["–"] * 4, f"{RANKS[name]:.2f}"] for name in RANKS if name not in complete]
    return markdown(["proxy", *(f"τ {name}" for name in DATASETS.values()), "mean rank", "printed"], rows)


def balanced(results: Results) -> str:
    """Compare GradAlign in random and class-balanced batches."""
    rows = []
    for dataset, name in DATASETS.items():
        for label in ("gradalign1", "gradalign2"):
            for campaign in ("gradalign", "gradalign_balanced"):
                cells = [results.agreement(campaign, dataset, label, truth) for truth in ("test", "val")]
                if cells[0] and cells[1]:
                    alone = f"{results.tables[campaign, dataset].facts['singletons']:.0%}".replace("%", " %")
                    shown = (interval(cell.kendall) for cell in cells if cell)
                    counts = f"{cells[0].n:,}", f"{cells[0].undefined:,}"
                    rows.append([name, f"{campaign}/{label}", alone, *shown, *counts])
    header = ["data set", "campaign/proxy", "singletons", "τ with test accuracy", "τ with validation accuracy"]
    return markdown([*header, "N", "undefined"], rows)


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("scores", type=Path)
    parser.add_argument("--page", type=Path)
    arguments = parser.parse_args()
    found = tables(Results(arguments.data, arguments.scores))
    print("\n".join(f"<!-- {name} -->\n\n{table}" for name, table in found.items()))
    if arguments.page:
        text = replaced(arguments.page.read_text(encoding="utf-8"), found)
        replace_text(arguments.page, text)


if __name__ == "__main__":
    main()
