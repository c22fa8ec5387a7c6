"""From an architecture's official results, run by run, to its row of the neutral table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from naslib_zc_plugin.files import DataError
from naslib_zc_plugin.spaces.nasbench201 import SPACE, keys

_LENGTHS = {12: ("12", "less"), 200: ("200", "full")}
"""Epochs → what NATS-Bench calls that training, and NAS-Bench-201."""
_LEGACY_SEED = 888
"""Where the counts of runs disagree, by a fault of the benchmark's makers, this one's are right (as in their API)."""
_SEEDS = 3

# Prefix of the columns → the official names of the data set and of the set of images.
_VALIDATION = {
    "cifar10": ("cifar10-valid", "x-valid"),
    "cifar100": ("cifar100", "x-valid"),
    "imagenet16": ("ImageNet16-120", "x-valid"),
}
_TEST = {
    "cifar10": ("cifar10", "ori-test"),
    "cifar100": ("cifar100", "x-test"),
    "imagenet16": ("ImageNet16-120", "x-test"),
}

Run = Mapping[str, Any]


def row(source: Path, number: int, results: Any) -> dict[str, Any]:
    """An architecture's row.

    Raises:
        DataError: naming ``source``: the results are not of the official form, or of another architecture.
    """
    if not 0 <= number < SPACE.size:
        raise DataError(source, f"architectures 0 to {SPACE.size - 1}", f"number {number}")
    key = SPACE.key(number)
    try:
        named = {results[name]["arch_str"] for names in _LENGTHS.values() for name in names if name in results}
        if named == {key}:
            return {"index": number, "arch_str": key, "unique_str": unique(key), **_numbers(results)}
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        found = f"{type(error).__name__}: {error}"
        raise DataError(source, f"architecture {number} with results of the official form", found) from error
    raise DataError(source, f"architecture {number} to be {key}", ", ".join(map(repr, named)) or "no results")


def check_order(source: Path, content: Any) -> None:
    """The list of architectures is the official one.

    Raises:
        DataError: naming ``source``: there is no list, or another.
    """
    order = content.get("meta_archs") if isinstance(content, dict) else None
    if not isinstance(order, list):
        raise DataError(source, "a dict with 'meta_archs', a list", type(content).__name__)
    if order != [SPACE.key(number) for number in range(SPACE.size)]:
        raise DataError(source, f"the {SPACE.size} architectures in the official order", f"{len(order)} others")


def _numbers(results: Mapping[str, Any]) -> dict[str, Any]:
    halved = _runs(results, 200, "cifar10-valid")
    whole = _runs(results, 200, "cifar10")
    found: dict[str, Any] = {"n_seeds_200": len(halved)}
    for prefix in _TEST:
        for name, sets in (("val", _VALIDATION), ("test", _TEST)):
            dataset, images = sets[prefix]
            for epochs in (200, 12):
                found[f"{prefix}_{name}_{epochs}"] = _mean(_accuracies(_runs(results, epochs, dataset), images))
        trained = _runs(results, 200, _VALIDATION[prefix][0])
        found[f"{prefix}_traintime_200_s"] = _training_time(trained)
        found[f"{prefix}_params_M"] = _count(_runs(results, 200, _TEST[prefix][0]), "params")
    found["cifar10_flops_M"] = _count(whole, "flop")
    found["cifar10_test_200_half_train"] = _mean(_accuracies(halved, "ori-test"))
    for name, accuracies in (("val", _accuracies(halved, "x-valid")), ("test", _accuracies(whole, "ori-test"))):
        for run in range(_SEEDS):
            found[f"cifar10_{name}_200_run{run}"] = accuracies[run] if run < len(accuracies) else None
    return found


def _runs(results: Mapping[str, Any], epochs: int, dataset: str) -> dict[int, Run]:
    """Seed → run, of a training length on a data set."""
    name, older = _LENGTHS[epochs]
    training = results[name if name in results else older]
    return {seed: training["all_results"][dataset, seed] for seed in sorted(training["dataset_seed"][dataset])}


def _accuracies(runs: Mapping[int, Run], images: str) -> list[float]:
    """Accuracies after the last epoch, in percent."""
    return [_number(run["eval_acc1es"][f"{images}@{run['epochs'] - 1}"]) for run in runs.values()]


def _training_time(runs: Mapping[int, Run]) -> float | None:
    """Seconds of all epochs, mean over the runs; None where the file does not tell them."""
    times = [[run["train_times"], run["epochs"]] for run in runs.values()]
    if any(seconds is None for seconds, _ in times):
        return None
    return _mean([sum(_number(seconds[epoch]) for epoch in range(epochs)) for seconds, epochs in times])


def _count(runs: Mapping[int, Run], name: str) -> float:
    """Weights or operations in millions, mean over the runs."""
    counts = {seed: _number(run[name]) for seed, run in runs.items()}
    agree = len({f"{count:.5f}" for count in counts.values()}) == 1
    return _mean(list(counts.values())) if agree else counts[_LEGACY_SEED]


def _mean(values: Sequence[float]) -> float:
    if not values:
        raise ValueError("no run")
    return sum(values) / len(values)


def _number(value: Any) -> float:
    if type(value) not in (int, float):
        raise TypeError(f"a number is {value!r}")
    return float(value)


def unique(key: str) -> str:
    """The benchmark's text for a class of isomorphic cells: nodes as sorted sums of ``(source)@operation``.

    A ``skip_connect`` stands for its source, ``none`` for ``#``; 6,466 texts in all.
    """
    operations = keys.parse(key)
    nodes = ["0"]
    for target in range(1, 4):
        edges = [(nodes[a], operation) for (a, b), operation in zip(keys.EDGES, operations) if b == target]
        nodes.append("+".join(sorted(_terms(edges))))
    return nodes[-1]


def _terms(edges: Sequence[tuple[str, str]]) -> Iterator[str]:
    for source, operation in edges:
        if operation == "none" or source == "#":
            yield "#"
        else:
            yield source if operation == "skip_connect" else f"({source})@{operation}"
