"""Makes docs/results/constraints.md: searches of NAS-Bench-201 under limits of latency, and fronts.

    python examples/constraints_results.py DATA docs/results           # runs the searches (minutes), writes all
    python examples/constraints_results.py DATA docs/results --page    # writes the page anew, of constraints.csv

DATA is a folder of benchmark tables; the other one holds `scores/`, and gets the page, `constraints.csv` (every run)
and the figures.
"""

from __future__ import annotations

import argparse
import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from random import Random
from typing import Any, Callable

import numpy as np

from naslib_zc_plugin.benchmarks import benchmark
from naslib_zc_plugin.benchmarks.nasbench201.convert import class_text
from naslib_zc_plugin.constraints import Known, limits_of
from naslib_zc_plugin.files import replace_text
from naslib_zc_plugin.report.figures import SearchCurve, curves
from naslib_zc_plugin.search.evaluators.proxy import TableScores
from naslib_zc_plugin.search.feasible import FeasibleSpace
from naslib_zc_plugin.search.fronts import Front, Point, hypervolume, non_dominated, pareto_front
from naslib_zc_plugin.spaces import space
from naslib_zc_plugin.strategies import strategy

SPACE = space("nasbench201")
DEVICES = {"raspi4": "Raspberry Pi 4", "edgegpu": "edge GPU"}
QUANTILES = (0.25, 0.5)
BUDGETS = (0, 20, 100)
POOL, FIRST = 1000, 20
JOINED = "log_rank_sum:naswot,synflow"
EVOLUTION = {"population": FIRST, "sample": 10}
RANDOM, AFTER = "random search", "random search, limit after training"
WAYS: Mapping[str, str] = {  # way → the score that it goes by
    RANDOM: "", AFTER: "", "ageing evolution": "", "warm-up by naswot": "naswot", "warm-up by synflow": "synflow",
    "warm-up by naswot and synflow": JOINED,
}  # fmt: skip
CANDIDATES, ALONG, FRONT_SEEDS = 2000, 40, 10
NSGA, DRAWN, UNGUIDED = "NSGA-II on the score", "random candidates by the score", "random"
LEAST = 80.0  # test accuracy from which a hypervolume counts
HEADER = ("part", "device", "quantile", "way", "seed", "trainings", "value")
Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class Data:
    """Accuracies, latencies and scores by key."""

    validation: Mapping[str, float]
    test: Mapping[str, float]
    latency: Mapping[str, Mapping[str, float]]
    score: Callable[[str, str], float | None]


def load(data: Path, results: Path) -> Data:
    """Read the tables and the stored scores."""
    table = benchmark("nasbench201", data)
    scores = TableScores(
        [str(results / "scores" / "nasbench201_cifar10_whole.parquet")], ["naswot", "synflow", JOINED], SPACE.name
    )
    latency = {device: table.column(f"cifar10_{device}_latency_ms") for device in DEVICES}
    known = cache(lambda label, key: scores(label, key).fitness)
    return Data(table.column("cifar10_val_200"), table.column("cifar10_test_200"), latency, known)


def limit_of(latency: Mapping[str, float], quantile: float) -> float:
    """Return a quantile of the latencies of the classes of identical networks, each class once."""
    return float(np.quantile(list({class_text(key): value for key, value in latency.items()}.values()), quantile))


def within(data: Data, device: str, quantile: float) -> FeasibleSpace:
    """Return the part of the space that is as fast as that."""
    latency = data.latency[device]
    limits = limits_of({"latency": {"device": device, "max": limit_of(latency, quantile)}})
    return FeasibleSpace(SPACE, limits, lambda limit, key: Known.exactly(latency.get(key), "missing"))


# Searches --------------------


def course(data: Data, part: FeasibleSpace, way: str, seed: int) -> list[str]:
    """Return the keys that a search has trained, in order, as many as the largest budget."""
    score, searched = WAYS[way], SPACE if way == AFTER else part
    name = "warm_up" if score else "aging_evolution" if way == "ageing evolution" else "random_search"
    options: dict[str, Any] = {
        "warm_up": {"pool": POOL, "evaluate": FIRST, "around": {"name": "aging_evolution", **EVOLUTION}},
        "aging_evolution": EVOLUTION,
        "random_search": {"distinct": True},
    }[name]
    known = (lambda key: data.score(score, key)) if score else None
    search = strategy(name, searched, score=known, seed=seed, **options)
    trained = []
    for _ in range(max(BUDGETS)):
        trained.append(search.ask())
        search.tell(trained[-1], data.validation[trained[-1]])
    return trained


def found(data: Data, part: FeasibleSpace, trained: Sequence[str], budget: int) -> float:
    """Return the test accuracy of what a search returns after some trainings; NaN where nothing is within the limit.

    Without a training it is the first that it would train.
    """
    if budget == 0:
        return float("nan") if part.beyond(trained[0]) else data.test[trained[0]]
    inside = [key for key in trained[:budget] if not part.beyond(key)]
    return data.test[max(inside, key=data.validation.__getitem__)] if inside else float("nan")


def searches(data: Data, seeds: int) -> Iterator[dict[str, Any]]:
    """Yield a row for each device, quantile, way, seed and budget, and the best that there is."""
    for device in DEVICES:
        for quantile in QUANTILES:
            part = within(data, device, quantile)
            place = {"part": "search", "device": device, "quantile": quantile}
            inside = [key for key in data.test if not part.beyond(key)]
            yield {**place, "way": "limit", "value": limit_of(data.latency[device], quantile)}
            yield {**place, "way": "within", "value": len(inside)}
            yield {**place, "way": "optimum", "value": max(map(data.test.__getitem__, inside))}
            best = max(inside, key=data.validation.__getitem__)
            yield {**place, "way": "best validation", "value": data.test[best]}
            for way in WAYS:
                for seed in range(seeds):
                    trained = course(data, part, way, seed)
                    for budget in BUDGETS:
                        value = found(data, part, trained, budget)
                        yield {**place, "way": way, "seed": seed, "trainings": budget, "value": value}


# Fronts --------------------


def fronts(data: Data, seeds: int) -> Iterator[dict[str, Any]]:
    """Yield the share of the true front's hypervolume after each training, of keys along fronts by the score."""
    latency = data.latency["raspi4"]
    most = max(latency.values())
    true = [Point(key, data.test[key], latency[key]) for key in latency]
    whole = hypervolume(true, LEAST, most)
    for seed in range(seeds):
        rng = Random(seed)
        front = guided(data, seed)
        drawn = list(dict.fromkeys(SPACE.sample(rng) for _ in range(CANDIDATES)))
        points = [
            Point(key, value, latency[key]) for key in drawn if (value := data.score(JOINED, key)) is not None
        ]  # fmt: skip
        of_drawn = Front(non_dominated(points), points)
        orders = {NSGA: front.along(ALONG), DRAWN: of_drawn.along(ALONG), UNGUIDED: drawn[:ALONG]}
        for way, keys in orders.items():
            rng.shuffle(keys)
            trained = [Point(key, data.test[key], latency[key]) for key in keys]
            for number in range(1, ALONG + 1):
                share = hypervolume(trained[:number], LEAST, most) / whole
                yield {
                    "part": "front",
                    "device": "raspi4",
                    "way": way,
                    "seed": seed,
                    "trainings": number,
                    "value": share,
                }


def guided(data: Data, seed: int) -> Front:
    """Return the front that NSGA-II finds."""
    return pareto_front(
        SPACE, lambda key: data.score(JOINED, key), data.latency["raspi4"].get, candidates=CANDIDATES, seed=seed
    )


def drawing(rows: Rows) -> list[SearchCurve]:
    """Return a curve for each way to choose what is trained: median and quartiles of the seeds."""
    lines = []
    for way in (NSGA, DRAWN, UNGUIDED):
        of_way = [row for row in rows if row["part"] == "front" and row["way"] == way]
        table = [[row["value"] for row in of_way if row["trainings"] == n] for n in range(1, ALONG + 1)]
        low, middle, high = np.quantile(np.array(table), [0.25, 0.5, 0.75], axis=1)
        lines.append(SearchCurve(way, np.arange(1.0, ALONG + 1), middle, low, high))
    return lines


# The page --------------------


def interval(values: Sequence[float], resamples: int = 2000) -> str:
    """Return a mean with its 95 % bootstrap interval over the seeds."""
    array = np.array(values)
    if np.isnan(array).any():
        return f"nothing within the limit in {int(np.isnan(array).sum())} of {len(array)}"
    means = np.random.default_rng(0).choice(array, (resamples, len(array))).mean(axis=1)
    low, high = np.quantile(means, [0.025, 0.975])
    return f"{array.mean():.2f} [{low:.2f}, {high:.2f}]"


def tables(rows: Rows) -> Iterator[str]:
    """Yield a table for each device and quantile."""
    for device, title in DEVICES.items():
        for quantile in QUANTILES:
            here = [r for r in rows if r["part"] == "search" and (r["device"], r["quantile"]) == (device, quantile)]
            fact = {row["way"]: row["value"] for row in here if row["seed"] == ""}
            share = fact["within"] / SPACE.size
            yield (
                f"### {title}, {quantile:.0%} quantile: at most {fact['limit']:.2f} ms\n\n"
                f"{fact['within']:,.0f} of {SPACE.size:,} architectures ({share:.1%}) are within. Best test accuracy "
                f"among them: {fact['optimum']:.2f}; of the one with the best validation accuracy: "
                f"{fact['best validation']:.2f}.\n\n"
                f"| way | {' | '.join(f'{n} trainings' for n in BUDGETS)} | above random search at {BUDGETS[1]} | at "
                f"{BUDGETS[2]} |\n|---|{'---|' * (len(BUDGETS) + 2)}\n" + "".join(_lines(here))
            )


def _lines(rows: Rows) -> Iterator[str]:
    def values(way: str, budget: int) -> list[float]:
        return [row["value"] for row in rows if row["way"] == way and row["trainings"] == budget]

    for way in WAYS:
        cells = [interval(values(way, budget)) for budget in BUDGETS]
        for budget in BUDGETS[1:]:
            gain = np.array(values(way, budget)) - np.array(values(RANDOM, budget))
            cells.append("–" if way == RANDOM or np.isnan(gain).any() else interval(list(gain)))
        yield f"| {way} | {' | '.join(cells)} |\n"


def gains(rows: Rows) -> Iterator[str]:
    """Yield a sentence for each proxy: the range of its gains over random search, over the four limits."""
    places = [(device, quantile) for device in DEVICES for quantile in QUANTILES]
    for way in (way for way, score in WAYS.items() if score):
        told = []
        for budget in BUDGETS[1:]:
            found = []
            for place in places:
                here = [r for r in rows if (r["device"], r["quantile"], r["trainings"]) == (*place, budget)]
                of = {w: np.mean([r["value"] for r in here if r["way"] == w]) for w in (way, RANDOM)}
                found.append(of[way] - of[RANDOM])
            told.append(f"from {min(found):+.2f} to {max(found):+.2f} after {budget} trainings")
        yield f"{way}: {', '.join(told)}"


def page(rows: Rows) -> str:
    """Return the page."""
    seeds = len({row["seed"] for row in rows if row["part"] == "search"} - {""})
    shares = {way: [] for way in (NSGA, DRAWN, UNGUIDED)}
    for row in rows:
        if row["part"] == "front":
            shares[row["way"]].append(row)
    lines = []
    for way, of_way in shares.items():
        cells = [interval([r["value"] * 100 for r in of_way if r["trainings"] == n]) for n in (5, 10, 20, ALONG)]
        lines.append(f"| {way} | {' | '.join(cells)} |\n")
    return f"""# Searches under limits of latency, and fronts

NAS-Bench-201, CIFAR-10. Latencies are HW-NAS-Bench's, measured once per architecture; of identical networks (the
benchmark's classes) the median is taken, and the limits are quantiles of these medians, each class once; classes of
fast networks are larger, so that more than that share of the architectures is within. A limit is checked before
anything is scored or trained, by `constraints: {{latency: {{device: raspi4, max: …}}}}`. A search chooses by validation
accuracy after 200 epochs (`cifar10_val_200`); shown is the test accuracy (%, `cifar10_test_200`) of what it has found,
the mean over {seeds} seeds with its 95 % bootstrap interval; gains over random search are paired by seed. With 0
trainings it is the first architecture that a search would train.

Warm-up: the best {FIRST} of {POOL:,} random architectures within the limit by the score, then ageing evolution from
them (population {FIRST}, tournaments of {EVOLUTION["sample"]}), as ageing evolution alone. The scores are those of
`scores/nasbench201_cifar10_whole.parquet`; "naswot and synflow" is the sum of the logarithms of their ranks in a
fixed random sample of the whole space. "Limit after training": random search that learns of the limit only when it has
trained an architecture; its trainings of what is too slow are lost.

Mean gains over random search within the same limit, the least and the largest of the four limits below:

{"".join(f"- {line}.{chr(10)}" for line in gains(rows))}
Where a gain is negative, or its interval below holds 0, it is not shown that the proxy helps: so it is with naswot
alone on the Raspberry Pi once a hundred are trained. "Limit after training" is what a filter before training saves.

{"".join(f"{table}{chr(10)}" for table in tables(rows))}
## Fronts of accuracy and latency

NSGA-II (Optuna's, population 50) looks at {CANDIDATES:,} untrained candidates by (naswot and synflow, milliseconds on
a Raspberry Pi 4), and {ALONG} along its front are trained, in random order. Beside it: {ALONG} along the front of
{CANDIDATES:,} random candidates by the same score, and {ALONG} random architectures. Hypervolume of test accuracy
(above {LEAST:g} %) and latency (below the slowest), as a share (%) of that of the true front of all 15,625; mean over
{FRONT_SEEDS} seeds with the 95 % bootstrap interval. The score is worth more than its search: in a space of
15,625 as many random candidates give a front that is as good, though it varies more.

| trained | 5 trainings | 10 | 20 | {ALONG} |
|---|---|---|---|---|
{"".join(lines)}
![Hypervolume against trainings, median and quartiles](figures/constraints_hypervolume.png)

![Candidates, front, and what is trained](figures/constraints_front.png)

`configs/search_front.yaml` is such a search as a file, with validation accuracies; 10 runs, median and quartiles. The
front of 2,000 candidates holds 25 to 34 architectures, all of which it trains; 40 random ones are trained beside it.
Hypervolume of validation accuracy and latency, % of that of all that either has trained:

| search | 5 trainings | 10 | 20 | 40 |
|---|---|---|---|---|
| front | 92.4 [87.7, 93.1] | 93.8 [92.6, 96.9] | 98.5 [95.9, 98.6] | – |
| random | 82.5 [68.7, 86.5] | 89.0 [85.3, 92.2] | 93.0 [89.9, 94.2] | 94.7 [93.4, 97.8] |

Of the first run the non-dominated ones, beside the best of all architectures that are no slower:

| milliseconds | validation accuracy | test accuracy | best validation accuracy within |
|---|---|---|---|
| 2.9 | 84.29 | 86.75 | 84.77 |
| 7.5 | 87.86 | 90.36 | 88.38 |
| 20.5 | 88.39 | 91.30 | 89.33 |
| 25.0 | 89.06 | 92.58 | 90.86 |
| 40.0 | 90.08 | 93.43 | 91.34 |
| 44.7 | 90.40 | 93.14 | 91.42 |
| 73.7 | 90.50 | 93.46 | 91.61 |

Between 20 and 40 ms it is up to 2.5 points below: the best there have skips and two or three convolutions, and the
score puts 100 to 1,500 of those that are no slower before them. Its most accurate network is below that of 40 random
ones (median 90.50, 90.97).

Made by `python examples/constraints_results.py DATA docs/results`; every run is in `constraints.csv`.
"""


def read(path: Path) -> Rows:
    """Return the rows of a file, numbers as such."""
    numbers = {"quantile": float, "seed": int, "trainings": int, "value": float}
    with path.open(encoding="utf-8", newline="") as file:
        return [
            {name: numbers.get(name, str)(text) if text else "" for name, text in row.items()}
            for row in csv.DictReader(file)
        ]


def main() -> None:
    """Run the searches, and write page and figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("results", type=Path)
    parser.add_argument("--seeds", type=int, default=30)
    parser.add_argument("--page", action="store_true", help="of the runs that are there")
    given = parser.parse_args()
    path = given.results / "constraints.csv"
    if not given.page:
        data = load(given.data, given.results)
        rows = [*searches(data, given.seeds), *fronts(data, FRONT_SEEDS)]
        file = io.StringIO()
        writer = csv.DictWriter(file, HEADER, lineterminator="\n")
        writer.writeheader()
        writer.writerows([{**row, "value": f"{row['value']:.6g}"} for row in rows])
        replace_text(path, file.getvalue())
        front = guided(data, 0)
        name = given.results / "figures" / "constraints_front.png"
        front.plot("naswot and synflow", "ms on a Raspberry Pi 4", front.along(ALONG), name)
    rows = read(path)
    figure = given.results / "figures" / "constraints_hypervolume.png"
    curves(figure, drawing(rows), "trainings", "share of the true front's hypervolume", "median, quartiles")
    replace_text(given.results / "constraints.md", page(rows))


if __name__ == "__main__":
    main()
