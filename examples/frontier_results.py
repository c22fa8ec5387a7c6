"""Makes the tables of docs/results/frontier.md: the proxies of 2023 to 2026, alone and joined, on trained networks.

    python examples/frontier_results.py DATA docs/results

DATA is a folder of benchmark tables; the other one holds the page, whose tables are replaced, each below the comment
that names it, and `scores` with the exports of the campaigns in `configs` that are named `*_frontier*`. With `--pairs`
the file that `naslib_zc_plugin.ranked.measured_pairs` reads is made, too.
"""

from __future__ import annotations

import argparse
import itertools
import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import timm_results
from result_pages import markdown, replaced
from scipy.stats import kendalltau

from naslib_zc_plugin.aggregates import Aggregate, Floats, places, ranked_scores
from naslib_zc_plugin.benchmarks import Benchmark, benchmark
from naslib_zc_plugin.benchmarks.nasbench201.convert import class_text
from naslib_zc_plugin.campaign.store import read_table
from naslib_zc_plugin.files import replace_text
from naslib_zc_plugin.proxies import canonical, measured_costs
from naslib_zc_plugin.ranked import pairs_in_order
from naslib_zc_plugin.report.correlations import paired_difference, partial_agreement
from naslib_zc_plugin.report.paired import shares_of_the_best
from naslib_zc_plugin.report.rendering import interval
from naslib_zc_plugin.spaces import space
from naslib_zc_plugin.spaces.nasbench201.keys import EDGES, parse
from naslib_zc_plugin.store.embedded import is_embedded
from naslib_zc_plugin.table import STATUSES

Mask = npt.NDArray[np.bool_]
E, P, T = "az_expressivity", "az_progressivity", "az_trainability"
BASELINES = ("params", "flops", "layers")
AZ_NAS, _ = timm_results.named("az_nas")
NAMED = ("az_nas", "vkdnw_agg", "recommended", "recommended_with_data", "recommended_models")
RECIPES: Mapping[str, Sequence[str]] = {
    **dict(map(timm_results.named, NAMED)),
    "E + T + synflow + meco": (E, T, "synflow", "meco"),
    "E + P + T + synflow + meco": (E, P, T, "synflow", "meco"),
    "E + P + T + zen + meco": (E, P, T, "zen", "meco"),
    "E + T + zen + meco": (E, T, "zen", "meco"),
    "E + T + synflow + meco + meco_opt": (E, T, "synflow", "meco", "meco_opt"),
    "jacov + synflow + E + T + meco": ("jacov", "synflow", E, T, "meco"),
}
"""Sums of logarithms of ranks."""
DATA_FREE = (E, P, T, "synflow", "meco", "meco_opt", "zen", "near", "flops", "params", "layers")
"""Members that recipes without images and labels are chosen from."""
MOST, HALVES = 5, 20


@dataclass(frozen=True)
class Population:
    """A campaign's scores beside accuracies, and the networks that are alike.

    Attributes:
        scores: by label, (n,), higher better, −∞ where undefined; only columns without failures and gaps.
        truth: accuracies, (n,).
        clusters: one label for each network; networks of one label are identical.
    """

    scores: Mapping[str, Floats]
    truth: Floats
    clusters: Sequence[str]

    @cached_property
    def log_ranks(self) -> dict[str, Floats]:
        """The logarithms of ranks, 1 the worst and ties averaged."""
        return {label: np.log(places(each[None], each[None])[0]) for label, each in self.scores.items()}

    def has(self, members: Sequence[str]) -> bool:
        """Whether all members are there."""
        return all(member in self.scores for member in members)

    def joined(self, members: Sequence[str]) -> Floats:
        """Return the members' sum of logarithms of ranks."""
        return np.asarray(np.sum([self.log_ranks[member] for member in members], axis=0))

    def part(self, kept: Mask) -> Population:
        """Return some of the networks, which are ranked among themselves."""
        labels = [self.clusters[place] for place in np.flatnonzero(kept).tolist()]
        return Population({label: each[kept] for label, each in self.scores.items()}, self.truth[kept], labels)


def is_reachable(key: str) -> bool:
    """Whether each operation of a cell of NAS-Bench-201 lies on a path from its input to its output.

    9,445 of 15,625 cells are so, those of NAS-Bench-Suite-Zero.

    >>> is_reachable("|none~0|+|none~0|none~1|+|nor_conv_3x3~0|none~1|none~2|")
    True
    >>> is_reachable("|nor_conv_3x3~0|+|none~0|none~1|+|nor_conv_3x3~0|none~1|none~2|")
    False
    """
    edges = [edge for edge, operation in zip(EDGES, parse(key)) if operation != "none"]
    reached, reaching = {0}, {3}
    for source, target in sorted(edges, key=lambda edge: edge[1]):
        reached |= {target} if source in reached else set()
    for source, target in sorted(edges, key=lambda edge: -edge[0]):
        reaching |= {source} if target in reaching else set()
    return all(source in reached and target in reaching for source, target in edges)


def population(
    results: Path,
    campaigns: Sequence[tuple[str, Sequence[str]]],
    truth: Mapping[str, float],
    same: Callable[[str], str] = str,
) -> tuple[Population, list[str]]:
    """Return the networks of the first campaign whose scores and accuracies are all there, and their keys."""
    found: dict[str, dict[str, float]] = {}
    for campaign, labels in campaigns:
        table = read_table(_source(results, campaign))
        for label, column in table.columns.items():
            if label in (labels or table.columns) and label not in found:
                there = np.isin(column.status, [STATUSES.index("ok"), STATUSES.index("undefined")]).tolist()
                values = zip(table.keys, ranked_scores(column).tolist(), there)
                found[label] = {key: value for key, value, is_there in values if is_there}
    first = read_table(_source(results, campaigns[0][0])).keys
    keys = [key for key in first if key in truth and all(key in each for each in found.values())]
    clusters = [same(key) for key in keys]
    scores = {label: np.array([each[key] for key in keys]) for label, each in found.items()}
    if "vkdnw" in scores:  # its option `layers=True`
        scores["vkdnw_single"] = scores["vkdnw"] + scores["layers"]
    return Population(scores, np.array([truth[key] for key in keys]), clusters), keys


def _source(results: Path, campaign: str) -> str | Path:
    """Return the export of a campaign, or the name of scores in the package as it is."""
    return campaign if is_embedded(campaign) else results / "scores" / f"{campaign}.parquet"


DATASETS = {"cifar10": "cifar10", "cifar100": "cifar100", "imagenet16_120": "imagenet16"}
WHOLE = [("embedded:nasbench201_cifar10_whole_frontier", ()), ("embedded:nasbench201_cifar10_whole", ("synflow",))]
NOISE = ("nasbench201_cifar10_frontier_noise", (E, P, T, "meco", "meco_opt"))
SETS: Mapping[str, tuple[Sequence[tuple[str, Sequence[str]]], str, str]] = {
    "cifar10": ([("nasbench201_cifar10_frontier", ()), NOISE], "nasbench201", "cifar10_test_200"),
    "cifar100": (
        [("nasbench201_cifar100_frontier", ()), NOISE, ("nasbench201_cifar10_frontier", ("layers", "flops"))],
        "nasbench201",
        "cifar100_test_200",
    ),
    "imagenet16_120": (
        [("nasbench201_imagenet16_120_frontier", ()), (NOISE[0], ("meco", "meco_opt"))],
        "nasbench201",
        "imagenet16_test_200",
    ),
    "nasbench101": ([("nasbench101_cifar10_frontier", ())], "nasbench101", "val_acc_108"),
    "dear": (
        [("nasbench201_cifar10_frontier_dear", ()), ("nasbench201_cifar10_frontier", ()), NOISE],
        "nasbench201",
        "cifar10_test_200",
    ),
    "darts": ([("darts_frontier", ())], "darts", "test_acc"),
    "scenes": ([("transnasbench101_micro_frontier", ())], "transnasbench101_micro", "class_scene_val"),
    "jigsaw": ([("transnasbench101_micro_frontier", ())], "transnasbench101_micro", "jigsaw_val"),
    "autoencoder": ([("transnasbench101_micro_frontier", ())], "transnasbench101_micro", "autoencoder_val"),
    "nasbench_nlp": ([("nasbench_nlp_frontier", ())], "nasbench_nlp", "ptb_test_ppl"),
    "flexibert": ([("flexibert_frontier", ()), ("flexibert_sizes", ())], "flexibert", "glue"),
    **{f"whole_{dataset}": (WHOLE, "nasbench201", f"{column}_test_200") for dataset, column in DATASETS.items()},
}
"""Table → the campaigns and which columns of them (none named: all), the benchmark, and its column of results.

The networks are those of the first campaign. For CIFAR-100 they differ from those for CIFAR-10 by their head, which the
proxies of features, on noise, do not read; MeCo's noise is of one size whatever the data set.
"""
SAME: Mapping[str, Callable[[str], str]] = {
    "nasbench201": class_text,
    "transnasbench101_micro": space("transnasbench101_micro").canonical,
}
"""Benchmark → the function that gives keys of identical networks one name."""
SIZES: Mapping[str, tuple[str, str, str, str]] = {
    "FlexiBERT, GLUE": ("flexibert_sizes", "flexibert", "glue", ""),
    "PiT, CIFAR-100": ("vit_bench_sizes", "vit_bench", "c100_base_acc", "pit|"),
    "PiT, Flowers": ("vit_bench_sizes", "vit_bench", "flower_base_acc", "pit|"),
    "PiT, Chaoyang": ("vit_bench_sizes", "vit_bench", "chaoyang_base_acc", "pit|"),
    "AutoFormer, CIFAR-100": ("vit_bench_sizes", "vit_bench", "c100_base_acc", "autoformer|"),
    "AutoFormer, Flowers": ("vit_bench_sizes", "vit_bench", "flower_base_acc", "autoformer|"),
    "AutoFormer, Chaoyang": ("vit_bench_sizes", "vit_bench", "chaoyang_base_acc", "autoformer|"),
}
"""Networks → the campaign over counts, the benchmark, its column of accuracies, and how their keys begin."""
PAIRS: Mapping[str, Sequence[tuple[str, str, str]]] = {
    "cifar10": [("recommended", "NAS-Bench-201", "images")],
    "nasbench101": [("recommended", "NAS-Bench-101", "images")],
    "darts": [("recommended", "DARTS", "images")],
    "nasbench_nlp": [("recommended", "NAS-Bench-NLP", "tokens")],
    "flexibert": [(recipe, "FlexiBERT", "tokens") for recipe in ("recommended", "recommended_models")],
}
"""Table → the recipes of which gaps are counted, how the benchmark is called, and what its networks see."""
GAPS = (0, 0.05, 0.1, 0.2, 0.4, 0.8, None)
"""Edges of the gaps of which it is counted how often they have the right order."""


def populations(
    data: Path, results: Path, names: Collection[str] = SETS
) -> Iterator[tuple[str, Population, Population | None]]:
    """Yield each table's name and networks, and those of them without unreachable operations."""
    for name, (campaigns, of, column) in SETS.items():
        sources = [_source(results, campaign) for campaign, _ in campaigns]
        if name in names and all(is_embedded(source) or Path(source).exists() for source in sources):
            found, keys = population(results, campaigns, _truth(benchmark(of, data), column), SAME.get(of, str))
            kept = np.array([is_reachable(key) for key in keys]) if of == "nasbench201" else None
            yield name, found, None if kept is None else found.part(kept)


def _truth(known: Benchmark, column: str) -> dict[str, float]:
    """Return what training gave, higher better."""
    sign = 1 if known.columns[column].higher_is_better else -1
    return {key: sign * value for key, value in known.column(column).items()}


def tables(data: Path, results: Path, resamples: int = 1000) -> dict[str, str]:
    """Return each table as Markdown, by its name in the page; only those whose scores are there."""
    made, chosen = {}, {}
    for name, whole, reachable in populations(data, results):
        made[name] = _agreements(whole, reachable, resamples, gain=name.startswith("whole_"))
        if name in ("cifar10", "nasbench101"):
            chosen[name] = whole
    if len(chosen) == 2:
        made["choice"] = _choice(chosen)
    if all(name in made for name in SEARCHED):
        made["searches"] = _searches(data, results)
    if all((results / "scores" / f"{campaign}.parquet").exists() for campaign, *_ in SIZES.values()):
        made["sizes"] = _sizes(data, results, resamples)
    return made


def _agreements(whole: Population, reachable: Population | None, resamples: int, gain: bool = False) -> str:
    """Return a row for each score, baselines first, then proxies, then recipes, the best of each first.

    With ``gain``, for a whole space, the last column is VKDNW's nDCG of the reachable ones; intervals are by influence.
    """
    parts = [each for each in (whole, reachable) if each is not None]
    against, below = (AZ_NAS, RECIPES[AZ_NAS]) if whole.has(RECIPES[AZ_NAS]) else ("params", ("params",))
    groups: list[list[list[str]]] = [[], [], []]
    once = np.ones((len(whole.truth), 1))
    names = [*whole.scores, *(name for name, members in RECIPES.items() if whole.has(members))]
    for name in names:
        group = 0 if name in BASELINES else 1 if name in whole.scores else 2
        row = [name, _units(RECIPES.get(name, (name,)))]
        for part in parts:
            scores = _finite(part.joined(RECIPES[name]) if group == 2 else part.scores[name])
            given: dict[str, Any] = {"clusters": part.clusters, "resamples": resamples}
            given["intervals"] = "influence" if gain else "auto"
            found = partial_agreement(scores, part.truth, **given)
            row += [f"{found.n:,}"] if part is not whole else [f"{found.n:,}", f"{_undefined(whole, name)}"]
            row += [interval(found.kendall), interval(found.spearman, 2)]
            row += [] if part is not whole or gain else [f"{shares_of_the_best(scores, part.truth, once)[0, 0]:.2f}"]
            above = paired_difference(scores, part.joined(below), part.truth, **given).kendall
            row.append("–" if name == against else interval(above, sign="+"))
        if gain:
            gains = 2.0**part.truth - 1  # accuracies in percent
            row.append(f"{shares_of_the_best(scores, part.truth, np.ones((len(scores), 1)), gains=gains)[0, 0]:.3f}")
        groups[group].append(row)
    rows = [row for group in groups for row in sorted(group, key=lambda row: -float(row[4].split()[0]))]
    shown = f"τ above {'AZ-NAS' if against == AZ_NAS else against}"
    header = ["", "units", "N", "undefined", "τ", "ρ", *([] if gain else ["nDCG"]), shown]
    more = ["N, reachable", "τ", "ρ", shown] if reachable is not None else []
    return markdown([*header, *more, *(["nDCG, VKDNW's"] if gain else [])], rows)


def _units(members: Sequence[str]) -> str:
    """Return what the proxies cost one by one, added, in units; in one call they share passes."""
    costs = measured_costs()
    try:
        known = [costs.get(canonical(each)[0]) for each in members]
    except ValueError:  # a label of a campaign's own
        return "–"
    return f"{sum(each['units'] for each in known if each):.2g}" if all(known) else "–"


def _sizes(data: Path, results: Path, resamples: int) -> str:
    """Return a row for each count and their recipe, and a column for each kind of transformers."""
    counts, recipe = ("params", "flops", "layers", "total_width", "activations", "width_depth"), "recommended_models"
    columns = []
    for campaign, of, column, begins in SIZES.values():
        truth = {key: value for key, value in benchmark(of, data).column(column).items() if key.startswith(begins)}
        part, _ = population(results, [(campaign, counts)], truth)
        shown = {**part.scores, recipe: part.joined(Aggregate.parse(recipe).labels)}
        estimates = [partial_agreement(shown[name], part.truth, resamples=resamples) for name in (*counts, recipe)]
        columns.append([str(len(part.truth)), *(interval(each.kendall, 2) for each in estimates)])
    rows = [[name, *cells] for name, *cells in zip(("N", *counts, recipe), *columns)]
    return markdown(["", *SIZES], rows)


def _finite(scores: Floats) -> Floats:
    """Return scores with a number below all others for undefined ones, which rank last."""
    defined = np.isfinite(scores)
    return np.where(defined, scores, scores[defined].min() - 1 if defined.any() else 0)


def _undefined(part: Population, name: str) -> int:
    members = RECIPES.get(name, (name,))
    return int(np.any([~np.isfinite(part.scores[member]) for member in members], axis=0).sum())


# Searches --------------------

SEARCHED = {
    "cifar10": ("CIFAR-10", "cifar10_val_12"),
    "cifar100": ("CIFAR-100", "cifar100_val_12"),
    "imagenet16_120": ("ImageNet16-120", "imagenet16_val_12"),
    "nasbench101": ("NAS-Bench-101", "val_acc_12"),
}
"""Table → its title, and the column of what is known after a training: validation accuracy after 12 epochs."""
TRAININGS, POOL, RUNS = (0, 20, 100), 500, 30
SEARCHERS = ("params", "meco_opt", "az_nas", "recommended", "recommended_with_data")


def _searches(data: Path, results: Path) -> str:
    """Return test accuracies of what is found, by a row for each order of training and a column for their number.

    A run draws a pool at random, trains its first networks by the score (ranks are those within the pool), and takes
    the best by validation; without trainings it takes the first one. At random they are trained as they come.
    """
    rows: dict[str, list[str]] = {name: [] for name in ("random", *SEARCHERS)}
    for name, (_, column) in SEARCHED.items():
        campaigns, of, test = SETS[name]
        known = benchmark(of, data)
        whole, keys = population(results, campaigns, known.column(test), SAME.get(of, str))
        percent = 100 if known.columns[test].unit == "fraction" else 1
        seen, rng = known.column(column), np.random.default_rng(0)
        validation = np.array([seen[key] for key in keys])
        found: dict[tuple[str, int], list[float]] = {}
        for _ in range(RUNS):
            pool = rng.permutation(len(keys))[:POOL]
            part = Population({label: each[pool] for label, each in whole.scores.items()}, whole.truth[pool], [])
            for row in rows:
                members = () if row == "random" else (row,) if row in whole.scores else Aggregate.parse(row).labels
                order = np.argsort(-part.joined(members), kind="stable") if members else np.arange(POOL)
                for number in TRAININGS:
                    trained = pool[order[: max(1, number)]]
                    best = trained[validation[trained].argmax()]
                    found.setdefault((row, number), []).append(percent * whole.truth[best])
        for row, cells in rows.items():
            cells += [f"{np.mean(found[row, n]):.2f} ± {np.std(found[row, n]):.2f}" for n in TRAININGS]
    header = [f"{name}, {number}" for name, _ in SEARCHED.values() for number in TRAININGS]
    return markdown(["", *header], [[name, *cells] for name, cells in rows.items()])


# Choosing a recipe --------------------


def _choice(known: Mapping[str, Population]) -> str:
    """Return, by number of members, the recipe whose worst regret over the benchmarks is the smallest.

    A regret is τ of the best recipe of all on that benchmark less τ of the recipe. Networks are divided into halves at
    random, identical ones together, 20 times; each half chooses, and the other one tells what the choice is worth.
    """
    parts = list(known.values())
    members = [label for label in DATA_FREE if all(part.has([label]) for part in parts)]
    recipes = [each for size in range(1, MOST + 1) for each in itertools.combinations(members, size)]
    halves = [[part.part(kept) for kept in _halves(part)] for part in parts]
    regrets = np.stack([_regrets([each[half] for each in halves], recipes) for half in range(2 * HALVES)], axis=1)
    rows = []
    for size in range(1, MOST + 1):
        places = [place for place, recipe in enumerate(recipes) if len(recipe) == size]
        best = min(places, key=lambda place: float(regrets[place].mean()))
        picks = [min(places, key=lambda place: float(regrets[place, half])) for half in range(2 * HALVES)]
        unseen = float(np.mean([regrets[pick, half ^ 1] for half, pick in enumerate(picks)]))
        share = float(np.mean([pick == best for pick in picks]))
        error = regrets[best].std(ddof=1) / np.sqrt(2)
        row = [f"{size}", f"{len(places):,}", " + ".join(recipes[best]), f"{regrets[best].mean():.3f}", f"{error:.3f}"]
        row += [f"{share:.0%}".replace("%", " %"), f"{unseen:.3f}"]
        rows.append([*row, *(f"{_tau(part, recipes[best]):.3f}" for part in parts)])
    header = ["members", "recipes", "the best of them", "its regret", "standard error", "halves that choose it"]
    return markdown([*header, "regret of what halves choose, other half", *(f"τ, {name}" for name in known)], rows)


def _halves(part: Population) -> Iterator[Mask]:
    """Yield which networks are in a half, and then which are not, again and again."""
    rng = np.random.default_rng(0)
    _, cluster = np.unique(part.clusters, return_inverse=True)
    for _ in range(HALVES):
        first = np.zeros(cluster.max() + 1, dtype=bool)
        first[rng.permutation(len(first))[: len(first) // 2]] = True
        yield first[cluster]
        yield ~first[cluster]


def _regrets(parts: Sequence[Population], recipes: Sequence[Sequence[str]]) -> Floats:
    """Return each recipe's worst regret over some benchmarks."""
    taus = np.array([[_tau(part, recipe) for part in parts] for recipe in recipes])
    return np.asarray((taus.max(axis=0) - taus).max(axis=1))


def _tau(part: Population, recipe: Sequence[str]) -> float:
    return float(kendalltau(part.joined(recipe), part.truth).statistic)


# What a gap is worth --------------------


def pairs(data: Path, results: Path) -> list[dict[str, Any]]:
    """Return how often gaps of the recommended recipes had the right order, see ``measured_pairs``."""
    found = []
    for name, part, _ in populations(data, results, PAIRS):
        for recipe, shown, inputs in PAIRS[name]:
            members = Aggregate.parse(recipe).labels
            found.append(_entry(recipe, inputs, shown, part.joined(members), part.truth, len(members)))
    if (results / "scores" / "timm.parquet").exists():
        real, members = timm_results.Results(data, results), Aggregate.parse("recommended_models").labels
        joint = timm_results.log_ranks([real.scores[member] for member in members])
        there = np.isfinite(joint)
        found.append(_entry("recommended_models", "images", "timm", joint[there], real.truth[there], len(members)))
    return found


def _entry(recipe: str, inputs: str, shown: str, joint: Floats, truth: Floats, members: int) -> dict[str, Any]:
    right, counted = pairs_in_order(joint, truth, members, GAPS)
    about = {"recipe": recipe, "inputs": inputs, "benchmark": shown, "networks": len(joint)}
    return {**about, "edges": list(GAPS), "right": right, "pairs": counted}


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("results", type=Path)
    parser.add_argument("--pairs", type=Path, help="write what gaps are worth into this file")
    arguments = parser.parse_args()
    page = arguments.results / "frontier.md"
    found = tables(arguments.data, arguments.results)
    replace_text(page, replaced(page.read_text(encoding="utf-8"), found))
    print(page, *found, sep="\n")
    if arguments.pairs is not None:
        about = "How often gaps of a joined number had the right order among trained networks: ranked.measured_pairs."
        made = {"about": about, "entries": pairs(arguments.data, arguments.results)}
        replace_text(arguments.pairs, json.dumps(made, indent=1) + "\n")


if __name__ == "__main__":
    main()
