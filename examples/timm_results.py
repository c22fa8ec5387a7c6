"""Makes the tables of docs/results/timm.md: proxies of fresh networks against accuracies of real, trained models.

    python examples/timm_results.py DATA docs/results

DATA is a folder of benchmark tables; the other one holds `scores/timm.parquet` and `scores/timm_frontier.parquet`, the
exports of the two campaigns in `configs`, and the page, whose tables are replaced, each below the comment that names
it. Without the first there are none.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from result_pages import markdown, replaced
from scipy.stats import rankdata

from naslib_zc_plugin.aggregates import Aggregate, oriented
from naslib_zc_plugin.benchmarks import benchmark
from naslib_zc_plugin.benchmarks.timm import family
from naslib_zc_plugin.campaign.store import read_table
from naslib_zc_plugin.files import replace_text
from naslib_zc_plugin.report.correlations import CONFIDENCE, Floats, IntervalEstimate, paired_difference
from naslib_zc_plugin.report.correlations import partial_agreement as at_equal
from naslib_zc_plugin.report.leaderboards import matched
from naslib_zc_plugin.report.rendering import interval
from naslib_zc_plugin.table import STATUSES, ScoreTable

TOKENS = frozenset(
    "caformer coat coatnet convit crossvit davit deit edgenext efficientvit flexivit gcvit gmlp hiera maxvit maxxvit "
    "mobilevit mvit naflexvit nest nextvit poolformer pvt resmlp sequencer swin tiny tnt twins visformer xcit".split()
)
"""Families with attention, or with another way to mix tokens."""
SHORT = {"az_expressivity": "E", "az_progressivity": "P", "az_trainability": "T"}


def named(kind: str) -> tuple[str, Sequence[str]]:
    """Return the text for a recipe of the package, such as ``az_nas: E + P + T + flops``, and its members."""
    members = Aggregate.parse(kind).labels
    return f"{kind}: {' + '.join(SHORT.get(member, member) for member in members)}", members


SUMS: Mapping[str, Sequence[str]] = {
    "params + flops": ("params", "flops"),
    "params + meco_opt": ("params", "meco_opt"),
    "params + flops + meco_opt": ("params", "flops", "meco_opt"),
    "T + meco_opt + params + flops": ("az_trainability", "meco_opt", "params", "flops"),
    "P + T + meco_opt + params + flops": ("az_progressivity", "az_trainability", "meco_opt", "params", "flops"),
    "layers + params + flops": ("layers", "params", "flops"),
    "params + total_width": ("params", "total_width"),
    "params + flops + total_width": ("params", "flops", "total_width"),
    "params + activations": ("params", "activations"),
    **dict(map(named, ("recommended_models", "recommended", "az_nas"))),
    "E + T + synflow + meco": ("az_expressivity", "az_trainability", "synflow", "meco"),
}
"""Sums of logarithms of ranks, over the networks for which all members are defined."""


class Results:
    """Scores, higher better and NaN where there are none, of the architectures whose accuracy is known."""

    def __init__(self, data: Path, results: Path) -> None:
        known = benchmark("timm", data)
        table = read_table(results / "scores" / "timm.parquet")
        if (more := results / "scores" / "timm_frontier.parquet").exists():
            table = beside(table, read_table(more))
        table, self.truth = matched(table, known.column("accuracy"))
        best = known.column("best_top1")
        self.best = np.array([best[key] for key in table.keys])
        self.columns = dict(table.columns)
        self.scores = {label: oriented(column) for label, column in table.columns.items()}
        self.families = [family(key) for key in table.keys]
        self.tokens = np.array([name in TOKENS or "vit" in key for name, key in zip(self.families, table.keys)])
        for label, members in SUMS.items():
            if all(member in self.scores for member in members):
                self.scores[label] = log_ranks([self.scores[member] for member in members])


def beside(table: ScoreTable, other: ScoreTable) -> ScoreTable:
    """Return a table with the columns of another one, too; what that has not of its architectures is pending."""
    places = {key: place for place, key in enumerate(other.keys)}
    rows = np.array([places.get(key, -1) for key in table.keys])
    there = rows >= 0
    made = dict(table.columns)
    for label, column in other.columns.items():
        values, seconds = (np.where(there, each[rows], np.nan) for each in (column.values, column.seconds))
        status = np.where(there, column.status[rows], STATUSES.index("pending")).astype(np.uint8)
        made[label] = replace(column, values=values, status=status, seconds=seconds)
    return ScoreTable(table.name, table.keys, made, table.facts)


def log_ranks(columns: Sequence[Floats]) -> Floats:
    """Return the sum of the logarithms of ranks, 1 the worst, where all columns are defined; elsewhere NaN."""
    there = np.isfinite(columns).all(axis=0)
    found = np.full(len(there), np.nan)
    found[there] = sum(np.log(rankdata(column[there])) for column in columns)
    return found


def tables(data: Path, folder: Path, resamples: int = 1000) -> dict[str, str]:
    """Return each table as Markdown, by its name in the page; none without scores."""
    if not (folder / "scores" / "timm.parquet").exists():
        return {}
    results = Results(data, folder)
    single = [label for label in results.scores if label not in SUMS]
    sums = [label for label in results.scores if label in SUMS]
    return {
        "all": _agreements(results, single, resamples),
        "sums": _agreements(results, sums, resamples),
        "parts": _parts(results, [*single, *sums], resamples),
        "best": _best(results, [*single, *sums]),
        "unseen": _unseen(results),
    }


def _agreements(results: Results, labels: Sequence[str], resamples: int) -> str:
    """Return rank correlations over all, at equal size and operations, and what is above params."""
    params, flops = results.scores["params"], results.scores["flops"]
    given: dict[str, Any] = {"clusters": results.families, "resamples": resamples}
    rows = []
    for label in labels:
        scores = results.scores[label]
        whole = at_equal(scores, results.truth, **given)
        row = [label, f"{whole.n}", f"{whole.left_out}", interval(whole.kendall), interval(whole.spearman, 2)]
        row += [interval(at_equal(scores, results.truth, [size], **given).spearman, 2) for size in (params, flops)]
        row.append(interval(at_equal(scores, results.truth, [params, flops], **given).spearman, 2))
        above = paired_difference(scores, params, results.truth, **given).kendall
        rows.append([*row, "–" if label == "params" else interval(above, sign="+")])
    rows.sort(key=lambda row: -float(row[3].split(" ")[0]) if row[3] != "–" else 9)
    return markdown(
        ["", "N", "left out", "τ", "ρ", "ρ at equal params", "at equal FLOPs", "at both equal", "τ above params"], rows
    )


def _parts(results: Results, labels: Sequence[str], resamples: int) -> str:
    """Return Kendall's τ within families, and among networks of convolutions and of tokens."""
    rows = []
    for label in labels:
        scores = results.scores[label]
        row = [label, interval(_within(scores, results.truth, results.families, resamples), 2)]
        for part in (~results.tokens, results.tokens):
            clusters = [name for name, there in zip(results.families, part) if there]
            found = at_equal(scores[part], results.truth[part], clusters=clusters, resamples=resamples)
            row += [str(found.n), interval(found.kendall, 2)]
        rows.append(row)
    return markdown(["", "τ within families", "N", "τ, convolutions", "N", "τ, tokens"], rows)


def _within(scores: Floats, truth: Floats, families: Sequence[str], resamples: int) -> IntervalEstimate:
    """Return the concordant less the discordant pairs over all pairs of one family; families are drawn."""
    counts = []
    for name in sorted(set(families)):
        rows = [i for i, each in enumerate(families) if each == name and np.isfinite(scores[i])]
        upper = np.triu_indices(len(rows), 1)
        signs = np.sign(np.subtract.outer(scores[rows], scores[rows]) * np.subtract.outer(truth[rows], truth[rows]))
        if len(upper[0]):
            counts.append((float(signs[upper].sum()), float(len(upper[0]))))
    if not counts:
        return IntervalEstimate(None, None, None)
    table = np.array(counts)
    drawn = table[np.random.default_rng(0).integers(len(table), size=(resamples, len(table)))].sum(axis=1)
    value = float(table[:, 0].sum() / table[:, 1].sum())
    if not resamples:
        return IntervalEstimate(value, None, None)
    low, high = np.quantile(drawn[:, 0] / drawn[:, 1], [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2]).tolist()
    return IntervalEstimate(value, low, high)


def _best(results: Results, labels: Sequence[str]) -> str:
    """Return Kendall's τ with both truths: an average training, and the best one."""
    rows = []
    for label in labels:
        found = [at_equal(results.scores[label], truth, resamples=0).kendall for truth in (results.truth, results.best)]
        rows.append([label, *(interval(each) for each in found)])
    return markdown(["", "τ with the average training", "τ with the best training"], rows)


def _unseen(results: Results) -> str:
    """Return how many scores each proxy has not, by whether the network has tokens."""
    rows = []
    for label, column in results.columns.items():
        row = [label]
        for part in (~results.tokens, results.tokens):
            found = Counter(STATUSES[status] for status in column.status[part].tolist())
            row += [str(found[status]) for status in ("ok", "undefined", "failed")]
        rows.append(row)
    names: Callable[[str], list[str]] = lambda what: [f"{what}: ok", "undefined", "failed"]  # noqa: E731
    return markdown(["", *names("convolutions"), *names("tokens")], rows)


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("results", type=Path)
    arguments = parser.parse_args()
    page = arguments.results / "timm.md"
    found = tables(arguments.data, arguments.results)
    replace_text(page, replaced(page.read_text(encoding="utf-8"), found))
    print(page, *found, sep="\n")


if __name__ == "__main__":
    main()
