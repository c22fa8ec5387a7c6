"""Makes the tables of docs/results/gradalign.md: GradAlign's, beside those of campaigns.

    python examples/gradalign_results.py DATA docs/results
    python examples/gradalign_results.py DATA docs/results --figures

DATA is a folder of benchmark tables; the other one holds `scores/`, with the campaigns' Parquet exports, each called
like its configuration, and the page, whose tables are replaced, each below the comment that names it. A row whose
campaign has no export says so. With --figures, the counterpart of Figures 2 and 3 on NAS-Bench-101 is drawn.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path

from result_pages import difference, markdown, replaced

from naslib_zc_plugin.aggregates import Aggregate, oriented
from naslib_zc_plugin.benchmarks import benchmark
from naslib_zc_plugin.campaign.store import read_table
from naslib_zc_plugin.files import replace_text
from naslib_zc_plugin.report.correlations import Floats, agreement
from naslib_zc_plugin.report.figures import scatter
from naslib_zc_plugin.report.leaderboards import is_scored, matched, mean_ranks
from naslib_zc_plugin.report.rendering import interval
from naslib_zc_plugin.report.selection import selected

# Method; Table 2, Kendall's tau on NAS-Bench-101; Table 3, accuracy of the network that it selects there; Table 5, the
# same on NAS-Bench-201 (CIFAR-10, CIFAR-100, ImageNet16-120); Table 8, mean ranks on both and on NDS.
PRINTED = """
gradalign1  .287 93.199  90.223 71.106 41.444   2  1.000  1.000
gradalign2  .284 93.630  90.223 71.106 41.444   3  2.000  2.833
gradsign    .278 93.609  90.223 71.106 41.444   4  3.667  2.333
naswot      .244 93.098  85.937 68.940 35.478   7  3.333  4.167
tenas       .271 89.873  10.000  1.000  0.833   5 10.333  8.333
fisher     -.247 42.347  85.120 62.419 29.266  12  9.667 11.000
grad_norm  -.207 84.104  85.120 62.420  5.456  11  7.667  9.833
grasp       .175 80.639  84.890 47.620 31.333   8 10.000  8.500
jacov      -.029 90.584  87.030 69.800 36.933   9  5.667  6.000
snip       -.186 84.104  85.120 62.420  5.456  10  7.333  8.667
synflow     .254 89.052  90.223 71.106 41.444   6  5.333  7.333
zen         .395 91.957  86.960 68.260 40.600   1 12.000  6.333
"""
CAMPAIGNS = {"tenas": ("tenas",), "synflow": ("narrow", "naslib"), "zen": ("naslib",)}
"""On NAS-Bench-101, where it is not ``gradalign``, or ``narrow`` for methods that are missing there."""
OWN = ("gradalign1", "gradalign2", "gradsign", "naswot")
DATASETS = {"cifar10": "CIFAR-10", "cifar100": "CIFAR-100", "imagenet16_120": "ImageNet16-120"}
SELECTING = {"cifar10": "cifar10_test_200_half_train", "cifar100": "cifar100_test_200",
             "imagenet16_120": "imagenet16_test_200"}  # fmt: skip
RANKING = {**SELECTING, "cifar10": "cifar10_test_200"}
ROWS = {method: [float(number) for number in numbers] for method, *numbers in map(str.split, PRINTED.split("\n")[1:-1])}


class Results:
    """Scores of a campaign's proxies beside trained accuracies."""

    def __init__(self, data: Path, results: Path) -> None:
        self._results = results
        self._known = {name: benchmark(name, data) for name in ("nasbench101", "nasbench201")}

    def scores(self, campaign: str, method: str, truth: str) -> tuple[Floats, Floats] | None:
        """Return scores, higher better, and accuracies; None where there is no export, or no such scores."""
        path = self._results / "scores" / f"{campaign}.parquet"
        if not path.exists():
            return None
        table, accuracies = matched(read_table(path), self._known[campaign.split("_")[0]].column(truth), truth)
        if ("ntk" if method == "tenas" else method) not in table:
            return None
        column = Aggregate.parse("tenas").column(table) if method == "tenas" else table[method]
        made = is_scored(column)
        return oriented(column)[made], accuracies[made]

    def tau(self, campaign: str, method: str, truth: str) -> float | None:
        """Compute Kendall's tau, without interval."""
        found = self.scores(campaign, method, truth)
        return agreement(*found, resamples=0).kendall.value if found else None


def campaigns(method: str) -> Sequence[str]:
    """Return the campaigns of NAS-Bench-101 that score a method."""
    usual = ("gradalign",) if method in OWN else ("narrow",)
    return [f"nasbench101_cifar10_{name}" for name in CAMPAIGNS.get(method, usual)]


def table2(results: Results, resamples: int) -> str:
    """Return Table 2: Kendall's tau on NAS-Bench-101."""
    rows = []
    for method, (printed, *_) in ROWS.items():
        for campaign in campaigns(method):
            found = results.scores(campaign, method, "val_acc_108")
            name = campaign.replace("nasbench101_cifar10_", "")
            if found is None:
                rows.append([f"{name}/{method}", f"{printed:g}", "not run", "–", "–", "–", "–"])
                continue
            agreed = agreement(*found, resamples=resamples)
            rows.append([
                f"{name}/{method}", f"{printed:g}", interval(agreed.kendall), difference(printed, agreed.kendall),
                interval(agreed.spearman), f"{agreed.n:,}", f"{agreed.undefined:,}",
            ])  # fmt: skip
    return markdown(["campaign/proxy", "τ printed", "τ", "difference", "ρ", "N", "undefined"], rows)


def _selected(results: Results, campaign: str, method: str, truth: str, scale: float) -> list[str]:
    """Return the accuracy of the network with the best score, its rank, and the number of networks."""
    found = results.scores(campaign, method, truth)
    pick = selected(*found) if found else None
    if found is None or pick is None:
        return ["not run", "–", "–"]
    accuracy = f"{scale * pick.accuracy:.2f}" + (f" (mean of {len(pick.positions)})" if pick.positions[1:] else "")
    return [accuracy, f"{pick.rank:,}", f"{len(found[1]):,}"]


def table3(results: Results) -> str:
    """Return Table 3: the network that each method selects on NAS-Bench-101."""
    rows = [
        [f"{campaign.split('_')[-1]}/{method}", f"{printed:.3f}",
         *_selected(results, campaign, method, "val_acc_108", 100)]
        for method, (_, printed, *_) in ROWS.items() for campaign in campaigns(method)
    ]  # fmt: skip
    return markdown(["campaign/proxy", "printed (test)", "ours (validation)", "rank", "of"], rows)


def table5(results: Results) -> str:
    """Return Table 5: the network that each method selects on NAS-Bench-201, of the whole space where it is scored."""
    rows = []
    for method, (_, _, *printed) in ROWS.items():
        row = [method]
        for dataset, value in zip(DATASETS, printed):
            wide, narrow = (f"nasbench201_{dataset}_{name}" for name in ("whole", sample(method)))
            truth = SELECTING[dataset]
            campaign = wide if results.scores(wide, method, truth) else narrow
            ours, rank, count = _selected(results, campaign, method, truth, 1)
            row += [f"{value:.2f}", f"{ours} (rank {rank} of {count})" if rank != "–" else ours]
        rows.append(row)
    header = ["proxy", *(cell for name in DATASETS.values() for cell in (f"{name}, printed", "ours"))]
    return markdown(header, rows)


def sample(method: str) -> str:
    """Return the campaign of NAS-Bench-201 that scores a method on a random sample."""
    return "gradalign" if method in OWN else "tenas" if method == "tenas" else "naslib"


def table8(results: Results) -> str:
    """Return Table 8: mean ranks by Kendall's tau over the data sets of NAS-Bench-101 and 201, and the mean of both."""
    one: Mapping[str, float | None] = {m: results.tau(campaigns(m)[0], m, "val_acc_108") for m in ROWS}
    two: list[Mapping[str, float | None]] = [
        {m: results.tau(f"nasbench201_{dataset}_{sample(m)}", m, truth) for m in ROWS}
        for dataset, truth in RANKING.items()
    ]
    ranked = {row.name: row for row in mean_ranks({"nasbench101": [one], "nasbench201": two}).rows}
    rows = []
    for method, numbers in sorted(ROWS.items(), key=lambda each: ranked[each[0]].mean if each[0] in ranked else 99):
        first, second, third = numbers[-3:]
        ours = ranked.get(method)
        shown = [f"{ours.ranks[name]:.2f}" for name in ("nasbench101", "nasbench201")] if ours else ["–", "–"]
        mean = f"{ours.mean:.2f}" if ours else "–"
        rows.append([
            method, f"{first:.2f}", shown[0], f"{second:.2f}", shown[1], f"{(first + second) / 2:.2f}", mean,
            f"{third:.2f}", "not run",
        ])  # fmt: skip
    header = ["proxy"]
    for name in ("NAS-Bench-101", "NAS-Bench-201", "mean of both", "NDS"):
        header += [f"{name}, printed", "ours"]
    return markdown(header, rows)


def tables(results: Results, resamples: int = 1000) -> dict[str, str]:
    """Return each table as Markdown, by its name in the page."""
    found = {"table 2": table2(results, resamples), "table 3": table3(results)}
    return {**found, "table 5": table5(results), "table 8": table8(results)}


def draw(data: Path, results: Path) -> None:
    """Draw GradAlign's scores on NAS-Bench-101 against validation accuracy, coloured by parameters."""
    path = results / "scores" / "nasbench101_cifar10_gradalign.parquet"
    if path.exists():
        known = benchmark("nasbench101", data)
        scatter(
            results / "figures" / "nasbench101_cifar10_gradalign_scatter.png", read_table(path),
            known.column("val_acc_108"), truth_label="val_acc_108", colour=known.column("params"),
        )  # fmt: skip


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("results", type=Path)
    parser.add_argument("--figures", action="store_true", help="draw the figure, too")
    arguments = parser.parse_args()
    page = arguments.results / "gradalign.md"
    found = tables(Results(arguments.data, arguments.results))
    replace_text(page, replaced(page.read_text(encoding="utf-8"), found))
    print(page)
    if arguments.figures:
        draw(arguments.data, arguments.results)


if __name__ == "__main__":
    main()
