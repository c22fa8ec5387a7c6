"""Makes the tables and figures of docs/results/search.md: the published searches, beside the papers' numbers.

    python examples/nasbench201_searches.py DATA docs/results
    python examples/nasbench201_searches.py DATA docs/results search_area scores

DATA is a folder of benchmark tables; the other folder holds `search.md`, `scores/` with the campaigns' Parquet exports,
and gets `figures/`. Every configuration `configs/search_*.yaml` that has a place in it is run from the beginning, as
`nas-zc search` does, and its results replace the text between `<!-- its name -->` and `<!-- / -->`; names after the
folders choose some. Searches whose scores no table has are left out and named.
"""

from __future__ import annotations

import argparse
import re
import shlex
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from naslib_zc_plugin.aggregates import aggregate_named
from naslib_zc_plugin.benchmarks import Benchmark, benchmark
from naslib_zc_plugin.campaign.store import read_table
from naslib_zc_plugin.files import replace_text
from naslib_zc_plugin.report.correlations import agreement
from naslib_zc_plugin.report.figures import curves
from naslib_zc_plugin.report.rendering import interval
from naslib_zc_plugin.report.selection import selected, top
from naslib_zc_plugin.search import LoadedSearch, load_data, run_experiment
from naslib_zc_plugin.search.config import Experiment, SearchConfig, load_experiment, select_searches
from naslib_zc_plugin.search.evaluators.proxy import proxy_label
from naslib_zc_plugin.search.journal import Journal, histories
from naslib_zc_plugin.search.results import Result, checkpoint_table, collect_results, curve_lines, results_table
from naslib_zc_plugin.store.embedded import is_embedded
from naslib_zc_plugin.table import ScoreTable
from naslib_zc_plugin.text_table import TextTable, escaped

CONFIGS = Path(__file__).parent.parent / "configs"
CONFIGURATIONS = [path for path in sorted(CONFIGS.glob("search_*.yaml")) if path.stem != "search_front"]
"""All but the front of accuracy and latency, which is in docs/results/constraints.md."""
DATASETS = {
    "cifar10": ("CIFAR-10", "cifar10_val_12", "cifar10_val_200", "cifar10_test_200_half_train"),
    "cifar100": ("CIFAR-100", "cifar100_val_12", "cifar100_val_200", "cifar100_test_200"),
    "imagenet16_120": ("ImageNet16-120", "imagenet16_val_12", "imagenet16_val_200", "imagenet16_test_200"),
}
# Lightweight NAS, Tables I and VI: Spearman's rho on CIFAR-10, CIFAR-100, ImageNet16-120.
RHO = {"val_acc": (0.81, 0.82, 0.82), "naswot": (0.78, 0.81, 0.79), "synflow": (0.74, 0.76, 0.75),
       "grad_norm": (0.59, 0.64, 0.58)}  # fmt: skip
TOP = {"val_acc": (0.77, 0.72, 0.76), "naswot": (0.19, 0.23, 0.20), "synflow": (0.27, 0.31, 0.19)}
# GradAlign, Table 5: test accuracy of the selected network.
SELECTED = {"synflow": (90.223, 71.106, 41.444), "naswot": (85.937, 68.940, 35.478),
            "grad_norm": (85.120, 62.420, 5.456), "snip": (85.120, 62.420, 5.456)}  # fmt: skip
# Lightweight NAS, Tables III to V: validation and test accuracy that its evolution ends with.
EVOLUTION = {"synflow": ((90.20, 90.22), (70.71, 71.11), (40.78, 41.44)),
             "naswot": ((90.21, 89.89), (69.77, 69.65), (43.52, 43.85)),
             "grad_norm": ((85.51, 85.12), (59.88, 60.02), (0.83, 0.83))}  # fmt: skip

# The same of its random search of 1,000 models: mean and deviation.
RANDOM = {
    "val_acc": ("91.36 ± 0.18", "91.11 ± 0.22", "72.18 ± 0.83", "72.13 ± 0.78", "45.75 ± 0.38", "45.90 ± 0.66"),
    "naswot": ("89.98 ± 0.44", "89.70 ± 0.44", "70.12 ± 0.62", "70.07 ± 0.78", "43.79 ± 2.57", "44.22 ± 2.60"),
    "synflow": ("89.93 ± 0.87", "89.69 ± 0.87", "71.17 ± 1.62", "71.24 ± 1.67", "42.03 ± 3.53", "42.21 ± 3.60"),
    "grad_norm": ("86.73 ± 2.52", "86.29 ± 2.57", "62.35 ± 3.99", "62.54 ± 3.89", "23.70 ± 12.75", "23.64 ± 12.76"),
}


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("results", type=Path)
    parser.add_argument("names", nargs="*")
    arguments = parser.parse_args()
    data, folder = arguments.data, arguments.results
    makers: dict[str, Callable[[], str]] = {
        "scores": lambda: known(Tables(data, folder)),
        "correlations": lambda: correlations(Tables(data, folder)),
        "arg-max": lambda: best(Tables(data, folder)),
        "expected": lambda: expected(Tables(data, folder)),
        **{path.stem: partial(searched, path, data, folder) for path in CONFIGURATIONS},
    }
    page = folder / "search.md"
    for name in arguments.names or makers:
        block = makers[name]()
        replace_text(page, replaced(page.read_text(encoding="utf-8"), name, block))


def replaced(page: str, name: str, block: str) -> str:
    """Return the page with the text between the comment of that name and the next end replaced."""
    found = block.replace("\\", r"\\")
    page, count = re.subn(rf"(<!-- {name} -->\n)(?s:.*?)(<!-- / -->\n)", rf"\g<1>\n{found}\n\g<2>", page)
    if count != 1:
        raise ValueError(f"the page has {count} places <!-- {name} --> … <!-- / -->: it should have one")
    return page


def searched(path: Path, data: Path, folder: Path) -> str:
    """Run a configuration, and return its results as Markdown."""
    experiment, lacking = scored(load_experiment(path, data))
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as place:
        store = Path(place) / "journal.db"
        prepared = load_data(experiment, data)
        with Journal(store) as journal:
            run_experiment(prepared, journal)
        seconds = time.perf_counter() - start
        found = collect_results(experiment.searches, histories(store), data)
    evaluations = sum(result.counts()[0] for result in found)
    print(
        f"{path.stem}: {evaluations:,} evaluations in {seconds:.0f} s, {1000 * seconds / evaluations:.2f} s per 1,000"
    )
    left = f"\nNot run, for want of scores: {', '.join(lacking)}.\n" if lacking else ""
    if path.stem.endswith("_populations"):
        return populations(found) + left
    if path.stem.endswith("_numbers"):
        return table(checkpoint_table(found, experiment.curve)) + left
    chosen = [f" --only {shlex.quote(search.label)}" for search in experiment.searches] if lacking else []
    command = f"nas-zc search configs/{path.name}{''.join(chosen)} --data DIR"
    return whole(experiment, prepared, found, path.stem, folder, command) + left


def scored(experiment: Experiment) -> tuple[Experiment, list[str]]:
    """Return the experiment without the searches whose scores are missing, and the labels of these."""
    lacking = [search.label for search in experiment.searches if not has(search)]
    return select_searches(experiment, [s.label for s in experiment.searches if s.label not in lacking]), lacking


def has(search: SearchConfig) -> bool:
    """Return whether the tables have the scores that a search uses."""
    tables = [read_table(path) for path in search.scores.table if is_embedded(path) or Path(path).exists()]
    joined = [(proxy_label(proxy), aggregate_named(proxy)) for proxy in search.proxies()]
    names = [name for label, found in joined for name in (found.labels if found else [label])]
    return all(any(name in table and table[name].count("ok") for table in tables) for name in names)


def whole(
    experiment: Experiment,
    prepared: Sequence[LoadedSearch],
    found: Sequence[Result],
    name: str,
    folder: Path,
    command: str,
) -> str:
    """Return the results with their protocol, the fitness of the best on the way, and the curves."""
    text = table(results_table(found, prepared, command))
    curve = experiment.curve
    if curve.at:
        text += f"\n{table(checkpoint_table(found, curve))}"
    if not (curve.at or curve.panels):
        return text
    (folder / "figures").mkdir(exist_ok=True)
    best, band = ("highest so far", "of the best so far")[curve.best != "highest"], curve.centre
    shown = "median and quartiles" if band == "median" else "mean ± standard deviation"
    over = "evaluations" if curve.over == "evaluations" else "seconds (simulated)"
    curves(folder / "figures" / f"{name}.png", curve_lines(found, curve), over, f"{curve.of}, {best}", shown, dpi=100)
    return f"{text}\n![{curve.of}, {best}: {shown} over {over}](figures/{name}.png)\n"


def populations(found: Sequence[Result]) -> str:
    """Return a table of scores × populations: the network found, and the number of evaluations."""
    rows: dict[str, list[str]] = {}
    for result in found:
        score = result.config.label.rpartition(" ")[0]
        mean, deviation = result.mean_and_deviation("test")
        after = np.median([repeat.best_after for repeat in result.repeats])
        rows.setdefault(score, []).append(f"{mean:.2f} ± {deviation:.2f} ({after:,.0f})")
    header = ["P/S", *dict.fromkeys(result.config.label.rpartition(" ")[2] for result in found)]
    note = "Test accuracy, mean ± population standard deviation over 30 runs; in brackets, the median evaluation of it."
    return table(TextTable("", header, [[score, *cells] for score, cells in rows.items()], notes=[note]))


class Tables:
    """Scores of the whole space, and the benchmark."""

    def __init__(self, data: Path, folder: Path) -> None:
        self.benchmark: Benchmark = benchmark("nasbench201", data)
        self.found: dict[str, list[ScoreTable]] = {}
        for dataset in DATASETS:
            files = (folder / "scores" / f"nasbench201_{dataset}_whole{end}.parquet" for end in ("", "_epsilon"))
            tables = [read_table(file) for file in files if file.exists()]
            self.found[dataset] = [each.of_all(self.benchmark.keys, self.benchmark.class_of) for each in tables]

    def columns(self) -> Iterator[tuple[str, str, ScoreTable]]:
        """Yield data set, proxy and the table that has it."""
        for dataset, found in self.found.items():
            yield from ((dataset, name, each) for each in found for name in each if each[name].count("ok"))

    def scores(self, dataset: str, name: str, twelve: str) -> Mapping[str, float]:
        """Return scores by architecture (NaN if undefined); ``val_acc`` is the benchmark's column ``twelve``."""
        if name == "val_acc":
            return self.benchmark.column(twelve)
        found = self.get(dataset, name)
        if found is None:
            return {}
        column = found[name]
        judged = column.status > 0
        return {key: float(value) for key, value, is_ in zip(found.keys, column.values, judged) if is_}

    def get(self, dataset: str, name: str) -> ScoreTable | None:
        """Return the table that has scores by a proxy."""
        return next((each for d, n, each in self.columns() if (d, n) == (dataset, name)), None)


def known(tables: Tables) -> str:
    """Return a table of the number of architectures that are scored."""
    rows = []
    for dataset, name, found in tables.columns():
        column = found[name]
        done = [column.count(status) for status in ("ok", "undefined")]
        counts = [f"{count:,}" for count in (*done, len(tables.benchmark) - sum(done))]
        rows.append([DATASETS[dataset][0], name, *counts, f"{np.nanmedian(column.seconds):.3f}"])
    header = ["data set", "proxy", "scored", "undefined", "pending", "seconds (median)"]
    return table(TextTable("", header, rows, words=["proxy"]))


def correlations(tables: Tables) -> str:
    """Return Tables I and VI of Lightweight NAS."""
    rows = []
    for number, (dataset, (title, twelve, _, test)) in enumerate(DATASETS.items()):
        truth = tables.benchmark.column(test)
        for name, printed in RHO.items():
            scores = tables.scores(dataset, name, twelve)
            if not scores:
                continue
            pair = list(scores.values()), [truth[key] for key in scores]
            every = agreement(*pair, resamples=200)
            among = top(*pair, share=0.1, resamples=200).by_score
            rows.append([
                title, name, f"{printed[number]:.2f}", interval(every.spearman),
                f"{every.n:,}", f"{every.undefined:,}",
                f"{TOP[name][number]:.2f}" if name in TOP else "–", interval(among.spearman), f"{among.n:,}",
            ])  # fmt: skip
    header = ["data set", "score", "printed", "ρ", "N", "undefined", "top 10 %: printed", "ρ", "N"]
    return table(TextTable("", header, rows, words=["score"]))


def expected(tables: Tables, number: int = 1000) -> str:
    """Compute exactly the expected result of random search among so many networks, by the ranks of the scores.

    The network of rank r wins if it is drawn and the r - 1 better ones are not.
    """
    rows = []
    for place, (dataset, (title, twelve, *reported)) in enumerate(DATASETS.items()):
        for name, printed in RANDOM.items():
            scores = tables.scores(dataset, name, twelve)
            if not scores or len(scores) < 10 * number:
                continue
            ranked = sorted((key for key in scores if scores[key] == scores[key]), key=lambda key: -scores[key])
            drawn = np.minimum(1, number / (len(scores) - np.arange(len(ranked))))
            chance = drawn * np.cumprod([1, *(1 - drawn[:-1])])
            row = [title, name]
            for part, column in enumerate(reported):
                accuracy = tables.benchmark.column(column)
                values = np.array([accuracy[key] for key in ranked])
                mean = chance @ values / chance.sum()
                deviation = np.sqrt(chance @ (values - mean) ** 2 / chance.sum())
                row += [f"{mean:.2f} ± {deviation:.2f}", printed[2 * place + part]]
            rows.append([*row, f"{len(scores):,}"])
    header = ["data set", "score", "validation", "printed", "test", "printed", "of scored"]
    return table(TextTable("", header, rows, words=["score"]))


def best(tables: Tables) -> str:
    """Return a table of the networks with the best score, with which evolution by that score ends."""
    rows = []
    for number, (dataset, (title, _, validation, test)) in enumerate(DATASETS.items()):
        for name, printed in SELECTED.items():
            found = tables.get(dataset, name)
            if found is None:
                continue
            accuracies = [tables.benchmark.column(column) for column in (validation, test)]
            picks = [selected(found[name].values, [each[key] for key in found.keys]) for each in accuracies]
            assert picks[0] and picks[1]
            stated = [f"{number:.2f}" for number in EVOLUTION[name][number]] if name in EVOLUTION else ["–", "–"]
            key = found.keys[picks[1].positions[0]]
            rows.append([
                title, name, f"{picks[0].accuracy:.2f}", stated[0], f"{picks[1].accuracy:.3f}", stated[1],
                f"{printed[number]:.3f}", f"{picks[1].rank:,}", f"{found[name].count('ok'):,}", key,
            ])  # fmt: skip
    header = [
        "data set", "proxy", "validation", "Lightweight", "test", "Lightweight", "GradAlign", "rank", "of scored",
        "network",
    ]  # fmt: skip
    return table(TextTable("", header, rows, words=["proxy", "network"]))


def table(sheet: TextTable) -> str:
    """Return a table as Markdown, its notes as a list."""
    rule = [":--" if number == 0 or name in sheet.words else "--:" for number, name in enumerate(sheet.header)]
    rows = [list(map(escaped, sheet.header)), rule, *(list(map(escaped, line)) for line in sheet.body)]
    text = "".join(f"| {' | '.join(row)} |\n" for row in rows)
    return text + ("\n" + "".join(f"- {escaped(note)}\n" for note in sheet.notes) if sheet.notes else "")


if __name__ == "__main__":
    main()
