"""Makes the table of docs/results/optuna.md: what a proxy saves in Optuna's studies, on NAS-Bench-201.

    python examples/optuna_results.py DATA docs/results --seeds 30

DATA is a folder of benchmark tables; the other holds `scores/`, with a campaign's scores of all architectures, and gets
`optuna.jsonl`, a line for each study, which is not run again while it is there. The table replaces the text between
`<!-- table -->` and `<!-- / -->` of `optuna.md`.

A study chooses one of five operations on each of six edges. Its objective is the validation accuracy on CIFAR-10 after
200 epochs, from the table; scores are stored ones, so that a study takes seconds. Only what is trained is counted.
`--scenes 4` really trains instead, on scenes, for so many seeds; its table stands between `<!-- scenes -->` and
`<!-- / -->`.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import torch
from optuna.samplers import RandomSampler, TPESampler
from scipy import stats
from torch import nn

from naslib_zc_plugin.aggregates import Aggregate
from naslib_zc_plugin.benchmarks import benchmark
from naslib_zc_plugin.campaign.store import read_table
from naslib_zc_plugin.files import replace_text
from naslib_zc_plugin.hosts.optuna import ProxySampler, prune, warm_up
from naslib_zc_plugin.probes import images
from naslib_zc_plugin.search.config import SearchConfig
from naslib_zc_plugin.search.evaluators.training import TrainingEvaluator
from naslib_zc_plugin.spaces import space

OPERATIONS = ["none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3"]
EDGES = [(0, 1), (0, 2), (1, 2), (0, 3), (1, 3), (2, 3)]
ACCURACY, SCORES = "cifar10_val_200", "nasbench201_cifar10_whole.parquet"
PROXY, WEAK = "log_rank_sum:naswot,synflow", "rank_sum:grad_norm"
TRAININGS, AFTER = 50, (10, 20, 50)
POOL, EVALUATE, CANDIDATES, KEEP = 500, 20, 32, 0.3
ARMS = {
    "random": "random search",
    "tpe": "TPE",
    "warm": "`warm_up`, then TPE",
    "sampler": "`ProxySampler` around TPE",
    "prune": "`prune` before TPE's trials",
    "all": "all three",
    "warm auto": '`warm_up`, then TPE, `trust="auto"`',
    "all auto": 'all three, `trust="auto"`',
    "weak all": "grad_norm: all three",
    "weak all auto": 'grad_norm: all three, `trust="auto"`',
    "noise warm": "a random proxy: `warm_up`, then TPE",
    "noise all": "a random proxy: all three",
    "noise all auto": 'a random proxy: all three, `trust="auto"`',
}
SCENES = {"scenes tpe": "TPE", "scenes warm": "`warm_up` by synflow, then TPE"}
SMALL = {"trainings": 10, "startup": 5, "pool": 100, "evaluate": 5}


class Cell(nn.Identity):
    """Stands for a network: the table knows its scores and its accuracy."""

    def __init__(self, key: str) -> None:
        super().__init__()
        self.key = key


def asked(trial: Any) -> str:
    """Return the architecture that a trial chooses."""
    chosen = {edge: trial.suggest_categorical("edge{}{}".format(*edge), OPERATIONS) for edge in EDGES}
    nodes = ("|" + "|".join(f"{chosen[source, node]}~{source}" for source in range(node)) + "|" for node in (1, 2, 3))
    return "+".join(nodes)


def build(trial: Any) -> Cell:
    return Cell(asked(trial))


def proxy_of(arm: str, seed: int, scores: dict[str, dict[str, float]]) -> Callable[[Cell], float]:
    """Return the stored scores of a network, or a number that says nothing."""
    stored = scores[WEAK if arm.startswith("weak") else PROXY]
    if not arm.startswith("noise"):
        return lambda net: stored[net.key]
    noise = np.random.default_rng(seed).random(len(stored))
    places = {key: place for place, key in enumerate(stored)}
    return lambda net: float(noise[places[net.key]])


def trained(arm: str, seed: int, accuracies: dict[str, float], scores: dict[str, dict[str, float]]) -> dict[str, Any]:
    """Return the accuracies that a study trains, in order, how many networks were scored, and when trust was lost."""
    proxy, kind = proxy_of(arm, seed, scores), arm.removeprefix("noise ").removeprefix("weak ").removesuffix(" auto")
    seen: set[str] = set()

    def score(net: Cell) -> float:
        seen.add(net.key)
        return proxy(net)

    trust = "auto" if arm.endswith("auto") else "always"
    inside: Any = RandomSampler(seed=seed) if arm == "random" else TPESampler(seed=seed)
    if kind in ("sampler", "prune", "all") or trust == "auto":
        count = 1 if kind == "prune" else CANDIDATES if kind != "warm" else 1
        inside = ProxySampler(build, proxy=score, candidates=count, around=inside, trust=trust, seed=seed)
    study = optuna.create_study(direction="maximize", sampler=inside)
    if kind in ("warm", "all"):
        warm_up(study, build, proxy=score, pool=POOL, evaluate=EVALUATE, trust=trust, seed=seed)
    found: list[float] = []

    def objective(trial: Any) -> float:
        net = build(trial)
        if kind in ("prune", "all"):
            prune(trial, net, proxy=score, keep=KEEP, build=build, trust=trust, seed=seed)
        found.append(accuracies[net.key])
        return found[-1]

    while len(found) < TRAININGS:
        study.optimize(objective, n_trials=1)
    lost = [value[0] for name, value in study.user_attrs.items() if name.endswith("_lost")]
    return {
        "trained": [round(each, 4) for each in found],
        "scored": len(seen),
        **({"lost": next(iter(lost), None)} if trust == "auto" else {}),
    }


def trained_on_scenes(arm: str, seed: int, evaluate: Callable[[str], Any]) -> dict[str, Any]:
    """Return the validation and test accuracies that a study trains, in order."""
    study = optuna.create_study(direction="maximize", sampler=TPESampler(seed=seed, n_startup_trials=SMALL["startup"]))
    if arm == "scenes warm":
        nb201, batch = space("nasbench201"), images("scenes").random(32, seed=seed).batch(32)
        warm_up(
            study, lambda trial: nb201.build(asked(trial), C=8, N=1), batch=batch, proxy="synflow",
            pool=SMALL["pool"], evaluate=SMALL["evaluate"], seed=seed,
        )  # fmt: skip
    found: list[Any] = []

    def objective(trial: Any) -> float:
        found.append(evaluate(asked(trial)))
        return float(found[-1].fitness)

    study.optimize(objective, n_trials=SMALL["trainings"])
    (metric,) = TrainingEvaluator.metric_names
    return {
        "trained": [round(each.fitness, 4) for each in found],
        "test": [round(each.metrics[metric], 4) for each in found],
    }


def scenes_lines(known: dict[tuple[str, int], dict[str, Any]]) -> Iterator[str]:
    """Yield the table of what was really trained: the best validation accuracy so far, and its test accuracy."""
    first, second = SCENES
    seeds = sorted({seed for _, seed in known if all((arm, seed) in known for arm in SCENES)})
    after = SMALL["startup"], SMALL["trainings"]

    def best(arm: str) -> np.ndarray:
        rows = [known[arm, seed] for seed in seeds]
        valid = np.array([[max(row["trained"][:n]) for n in after] for row in rows])
        tested = [row["test"][int(np.argmax(row["trained"]))] for row in rows]
        return np.column_stack([valid, tested])

    yield "| study | validation accuracy after {} | after {} | test accuracy of that one |".format(*after)
    yield "|---|---|---|---|"
    for arm in SCENES:
        yield f"| {SCENES[arm]} | " + " | ".join(f"{each:.2f}" for each in best(arm).mean(axis=0)) + " |"
    differences = (best(second) - best(first)).T
    yield "| difference | " + " | ".join(t_interval(each) for each in differences) + " |"
    yield f"\n{len(seeds)} paired seeds."


def t_interval(differences: np.ndarray) -> str:
    """Return a mean with its 95 % interval by Student's t, for studies too few to draw from."""
    half = stats.t.ppf(0.975, len(differences) - 1) * stats.sem(differences)
    return f"{differences.mean():+.2f} [{differences.mean() - half:+.2f}, {differences.mean() + half:+.2f}]"


def tables(data: Path, results: Path) -> tuple[dict[str, float], dict[str, dict[str, float]]]:
    """Return accuracy and scores of every architecture."""
    table = benchmark("nasbench201", data)
    accuracies = {key: float(value) for key, value in table.column(ACCURACY).items()}
    stored = read_table(results / "scores" / SCORES)
    joined = {proxy: Aggregate.parse(proxy).column(stored).values for proxy in (PROXY, WEAK)}
    return accuracies, {proxy: dict(zip(stored.keys, map(float, values))) for proxy, values in joined.items()}


def interval(differences: np.ndarray) -> str:
    """Return a mean with its 95 % bootstrap interval over studies."""
    rng = np.random.default_rng(0)
    means = rng.choice(differences, (10_000, len(differences))).mean(axis=1)
    low, high = np.quantile(means, [0.025, 0.975])
    return f"{differences.mean():+.2f} [{low:+.2f}, {high:+.2f}]"


def lines(known: dict[tuple[str, int], dict[str, Any]], best: float) -> Iterator[str]:
    """Yield the table's lines: regret, and the paired difference from TPE's."""
    yield "| study | regret after 10 | 20 | 50 | minus TPE's after 10 | 20 | 50 | scored |"
    yield "|---|---|---|---|---|---|---|---|"
    seeds = sorted({seed for _, seed in known if all((arm, seed) in known for arm in ARMS)})

    def regret(arm: str) -> np.ndarray:
        return np.array([[best - max(known[arm, seed]["trained"][:n]) for n in AFTER] for seed in seeds])

    for arm, title in ARMS.items():
        mine, scored = regret(arm), np.median([known[arm, seed]["scored"] for seed in seeds])
        differences = [interval(each) if arm != "tpe" else "" for each in (mine - regret("tpe")).T]
        yield (
            f"| {title} | "
            + " | ".join([*(f"{each:.2f}" for each in mine.mean(axis=0)), *differences])
            + (f" | {scored:,.0f} |")
        )
    yield ""
    for arm in (arm for arm in ARMS if arm.endswith("auto")):
        kept = sum(known[arm, seed]["lost"] is None for seed in seeds)
        yield f"- {ARMS[arm]}: kept to the end in {kept} of {len(seeds)}."
    yield f"\n{len(seeds)} paired seeds."


def run(
    path: Path, arms: Iterable[str], seeds: int, study: Callable[[str, int], dict[str, Any]]
) -> dict[tuple[str, int], dict[str, Any]]:
    """Return the file's studies, by name and seed, after those that it has not."""
    known = {}
    for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else ():
        row = json.loads(line)
        known[row["study"], row["seed"]] = row
    with path.open("a", encoding="utf-8") as file:
        for seed, arm in product(range(seeds), arms):
            if (arm, seed) in known:
                continue
            start = time.perf_counter()
            known[arm, seed] = {"study": arm, "seed": seed, **study(arm, seed)}
            file.write(json.dumps(known[arm, seed]) + "\n")
            file.flush()
            print(f"{seed} {arm}: {time.perf_counter() - start:.1f} s", flush=True)
    return known


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("results", type=Path)
    parser.add_argument("--seeds", type=int, default=30)
    parser.add_argument("--scenes", type=int, default=0)
    options = parser.parse_args()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    torch.cuda.manual_seed_all = lambda seed: None  # no GPU has a part; queueing its seeds is half of a study's time
    if options.scenes:
        evaluator = cache(lambda seed: TrainingEvaluator(SearchConfig(space="nasbench201", seed=seed), None, None))
        known = run(
            options.results / "optuna_scenes.jsonl", SCENES, options.scenes,
            lambda arm, seed: trained_on_scenes(arm, seed, evaluator(seed)),
        )  # fmt: skip
        name, table = "scenes", "\n".join(scenes_lines(known))
    else:
        accuracies, scores = tables(options.data, options.results)
        known = run(
            options.results / "optuna.jsonl", ARMS, options.seeds,
            lambda arm, seed: trained(arm, seed, accuracies, scores),
        )  # fmt: skip
        name, table = "table", "\n".join(lines(known, max(accuracies.values())))
    page = options.results / "optuna.md"
    if page.exists():
        before, _, rest = page.read_text(encoding="utf-8").partition(f"<!-- {name} -->\n")
        _, _, after = rest.partition("<!-- / -->")
        replace_text(page, f"{before}<!-- {name} -->\n{table}\n<!-- / -->{after}")


if __name__ == "__main__":
    main()
