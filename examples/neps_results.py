"""Makes docs/results/neps.md: what a proxy saves NePS's optimizers on NAS-Bench-201, in trainings.

    python examples/neps_results.py DATA docs/results [--runs 30] [--bayesian-runs 6] [--only NAME ...]

DATA is a folder of benchmark tables; the other folder holds `scores/` with the campaigns' Parquet exports. No network
is trained or scored here: results and scores are those of the tables. It needs NePS: pip install
'naslib-zc-plugin[neps,tables]'. The runs are kept in `scores/neps_nasbench201_cifar10.jsonl` as they end: the same
command goes on where it was stopped, and makes the page of what is there.
"""

from __future__ import annotations

import argparse
import json
import random
from collections.abc import Callable, Mapping
from functools import cache, partial
from pathlib import Path
from typing import Any

import neps
import numpy as np
import pandas as pd
import torch
from torch import nn

from naslib_zc_plugin.files import replace_text
from naslib_zc_plugin.hosts.neps import ProxyCandidates, WarmUp
from naslib_zc_plugin.hosts.neps.ask_and_tell import Cells, key_of
from naslib_zc_plugin.hosts.neps.pipelines import Pipelines

BUDGETS = (10, 20, 50)
METRIC, SECONDS = "cifar10_val_200", "cifar10_traintime_200_s"
RUNS = "neps_nasbench201_cifar10.jsonl"
EVOLUTION, BAYESIAN = "neps_regularized_evolution", "bayesian_optimization"
POOL, EVALUATE, CANDIDATES = 500, 20, 32
FEW = {"trainings": 20, "evaluate": 10}  # of Bayesian optimisation, which takes seconds for a proposal
_TABLE: dict[str, Any] = {}


class Cell(nn.Module):
    """Stands for the network of a cell: its scores are known."""

    def __init__(self, key: str) -> None:
        super().__init__()
        self.key = key


def cell(**arguments: Any) -> nn.Module:
    return Cell(key_of(arguments))


def naswot(net: Cell) -> float:
    return _TABLE["naswot"][net.key]


def synflow(net: Cell) -> float:
    return _TABLE["synflow"][net.key]


def at_random(net: Cell) -> float:
    return random.Random(f"{_TABLE['seed']} {net.key}").random()


def _searches() -> dict[str, tuple[str, Callable[..., Any]]]:
    """Return the optimizers by name, with a description; each is a function of the space, and of a seed."""
    own = {"build": cell}

    def alone(around: str) -> Callable[..., Any]:
        return partial(ProxyCandidates, proxy=at_random, candidates=1, around=around, **own)

    def warm(proxy: Any, **more: Any) -> Callable[..., Any]:
        return partial(WarmUp, proxy=proxy, pool=POOL, evaluate=EVALUATE, **more, **own)

    def candidates(proxy: Any, **more: Any) -> Callable[..., Any]:
        return partial(ProxyCandidates, proxy=proxy, candidates=CANDIDATES, **more, **own)

    def both(proxy: Any, **more: Any) -> Callable[..., Any]:
        return warm(proxy, around={"name": "proxy_candidates", "candidates": CANDIDATES}, **more)

    found: dict[str, tuple[str, Callable[..., Any]]] = {
        "random": ("`neps_random_search`", lambda space, seed: neps.algorithms.neps_random_search(space)),
        "as it is": (f"`{EVOLUTION}`", lambda space, seed: neps.algorithms.neps_regularized_evolution(space)),
        "evolution": (f"`{EVOLUTION}` that finds its trials' choices", alone(EVOLUTION)),
    }
    for proxy in (synflow, naswot):
        name = proxy.__name__
        found[f"{name} warm-up"] = (f"warm-up by {name}, then evolution", warm(proxy))
        found[f"{name} candidates"] = (f"evolution, its candidates ranked by {name}", candidates(proxy))
        found[f"{name} both"] = (f"warm-up and candidates by {name}", both(proxy))
        found[f"{name} both, auto"] = ('the same, `trust="auto"`', both(proxy, trust="auto"))
    found["random proxy warm-up, auto"] = ("warm-up by a random proxy, `auto`", warm(at_random, trust="auto"))
    found["random proxy candidates, auto"] = (
        "candidates by a random proxy, `auto`",
        candidates(at_random, trust="auto"),
    )
    found["random proxy both, auto"] = (
        "warm-up and candidates by a random proxy, `auto`",
        both(at_random, trust="auto"),
    )
    return found


def _bayesian_searches() -> dict[str, tuple[str, Callable[..., Any]]]:
    """Return likewise those with Bayesian optimisation."""
    own = {"build": cell, "around": BAYESIAN}
    alone = partial(ProxyCandidates, proxy=at_random, candidates=1, **own)
    found: dict[str, tuple[str, Callable[..., Any]]] = {"bayesian": (f"`{BAYESIAN}`", alone)}
    warm = partial(WarmUp, proxy=synflow, pool=POOL, evaluate=FEW["evaluate"], **own)
    found["bayesian, warm-up"] = ("warm-up by synflow, then Bayesian optimisation", warm)
    return found


@cache
def _pipelines() -> Pipelines:
    return Pipelines(Cells(), build=cell)


def regrets(made: Callable[..., Any], seed: int, trainings: int = max(BUDGETS)) -> list[float]:
    """Return how far the best of the first n trainings is from the table's best, for n up to the largest budget."""
    accuracy, best = _TABLE[METRIC], max(_TABLE[METRIC].values())
    _TABLE["seed"] = seed
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)
    search = neps.AskAndTell(made(Cells(), seed=seed))
    found: list[float] = []
    for _ in range(trainings):
        trial = search.ask()
        reached = accuracy[key_of(_pipelines().arguments(trial.config))]
        # NePS orders its population by the end of evaluations.
        search.tell(trial, -reached, time_end=float(len(found)))
        found.append(min([best - reached, *found[-1:]]))
    return found


def load(data: Path, results: Path) -> None:
    """Read trained accuracies and scores."""
    accuracies = pd.read_parquet(data / "nasbench201" / "accuracies.parquet").set_index("arch_str")
    scores = pd.read_parquet(results / "scores" / "nasbench201_cifar10_whole.parquet")
    _TABLE[METRIC], _TABLE[SECONDS] = accuracies[METRIC].to_dict(), float(accuracies[SECONDS].mean())
    for proxy in ("synflow", "naswot"):
        rows = scores[scores.proxy == proxy]
        _TABLE[proxy] = dict(zip(rows.key, rows.value.fillna(np.nan)))
        _TABLE[f"{proxy} seconds"] = float(rows.seconds.mean())


def run(path: Path, runs: int, only: list[str], is_bayesian: bool = False) -> dict[str, list[list[float]]]:
    """Run what the file does not hold; return the regrets of each search, run by run."""
    found: dict[tuple[str, int], list[float]] = {}
    if path.exists():
        for line in map(json.loads, path.read_text(encoding="utf-8").splitlines()):
            found[line["search"], line["seed"]] = line["regret"]
    searches = _bayesian_searches() if is_bayesian else _searches()
    trainings = FEW["trainings"] if is_bayesian else max(BUDGETS)
    for seed in range(runs):
        for name, (_, made) in searches.items():
            if (name, seed) not in found and (not only or name in only):
                found[name, seed] = [round(each, 4) for each in regrets(made, seed, trainings)]
                with path.open("a", encoding="utf-8") as file:
                    file.write(json.dumps({"search": name, "seed": seed, "regret": found[name, seed]}) + "\n")
    whole = {name: [found[name, seed] for seed in range(runs) if (name, seed) in found] for name in searches}
    return {name: rows for name, rows in whole.items() if len(rows) == runs}


def interval(values: np.ndarray[Any, Any]) -> tuple[float, float, float]:
    """Return the mean and its 95 % interval, by 10,000 resamples of the runs."""
    rng = np.random.default_rng(0)
    means = values[rng.integers(len(values), size=(10_000, len(values)))].mean(axis=1)
    return float(values.mean()), *map(float, np.quantile(means, (0.025, 0.975)))


def table(found: Mapping[str, list[list[float]]], beside: str = "") -> str:
    """Return the regrets as Markdown; beside another search, their differences from it, run by run."""
    described = {name: text for name, (text, _) in {**_searches(), **_bayesian_searches()}.items()}
    budgets = [budget for budget in BUDGETS if all(len(row) >= budget for rows in found.values() for row in rows)]
    title = f"regret minus that of: {described[beside]}" if beside else "search"
    lines = [f"| {title} | {' | '.join(f'{n} trainings' for n in budgets)} |", "| :-- |" + " --: |" * len(budgets)]
    for name, rows in found.items():
        if name == beside:
            continue
        values = np.array(rows) - (np.array(found[beside]) if beside else 0.0)
        sign = "+" if beside else ""
        shown = [interval(values[:, budget - 1]) for budget in budgets]
        cells = [f"{mean:{sign}.2f} [{low:{sign}.2f}, {high:{sign}.2f}]" for mean, low, high in shown]
        lines.append(f"| {described[name]} | {' | '.join(cells)} |")
    return "\n".join(lines)


def costs() -> str:
    """Return what scoring a pool, and the candidates of a trial, cost in trainings."""
    lines = ["| proxy | seconds a network | a pool of 500 | 32 candidates, 50 times |", "| :-- | --: | --: | --: |"]
    for proxy in ("synflow", "naswot"):
        seconds, training = _TABLE[f"{proxy} seconds"], _TABLE[SECONDS]
        cells = [f"{count * seconds / training:.2f} trainings" for count in (POOL, CANDIDATES * max(BUDGETS))]
        lines.append(f"| {proxy} | {seconds:.2f} | {cells[0]} | {cells[1]} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("results", type=Path)
    parser.add_argument("--runs", type=int, default=30)
    parser.add_argument("--bayesian-runs", type=int, default=6)
    parser.add_argument("--only", nargs="*", default=[])
    asked = parser.parse_args()
    load(asked.data, asked.results)
    found = run(asked.results / "scores" / RUNS, asked.runs, asked.only)
    few = run(asked.results / "scores" / RUNS, asked.bayesian_runs, asked.only, is_bayesian=True)
    parts = {
        "regret": table(found), "difference": table(found, "evolution"), "cost": costs(), "bayesian": table(few),
        "bayesian difference": table(few, "bayesian"),
    }  # fmt: skip
    page = asked.results / "neps.md"
    text = page.read_text(encoding="utf-8") if page.exists() else "".join(f"<!-- {n} -->\n<!-- / -->\n" for n in parts)
    for name, part in parts.items():
        before, _, rest = text.partition(f"<!-- {name} -->\n")
        text = f"{before}<!-- {name} -->\n\n{part}\n\n<!-- / -->{rest.partition('<!-- / -->')[2]}"
    replace_text(page, text)


if __name__ == "__main__":
    main()
