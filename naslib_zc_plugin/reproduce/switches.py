"""Which other setting of the evaluation would give a printed number: a search, counted, over the same scores.

A setting is a truth, a population and the rank of undefined scores. One of many that fits one number says little, since
each has a chance of its own to fit; one that fits a whole column says more. So the number of settings is part of every
result, and settings are ordered by how many numbers they fit together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np

from naslib_zc_plugin.benchmarks.nasbench201.convert import class_text
from naslib_zc_plugin.reproduce.measures import Numbers, estimates
from naslib_zc_plugin.reproduce.printed import PrintedRow, half_unit, number_of, printed_table
from naslib_zc_plugin.reproduce.sources import Sources
from naslib_zc_plugin.spaces import space
from naslib_zc_plugin.spaces.nasbench201.keys import EDGES, parse

_COEFFICIENTS = ("tau", "rho", "r", "tau_top", "rho_top")
_TRUTHS = {
    "nasbench201": ("test_200_half_train", "test_200", "val_200", "test_12", "val_12"),
    "nasbench101": ("val_acc_108", "val_acc_36", "val_acc_12", "val_acc_4"),
    "nasbench_nlp": ("ptb_test_loss", "ptb_test_ppl"),
    "flexibert": ("glue", "mnli", "mrpc", "qnli", "qqp", "rte", "sst", "sts", "cola"),
}
"""Columns of a benchmark; those of NAS-Bench-201 are of the row's data set."""
_UNDEFINED = ("drop", "worst")


@dataclass(frozen=True)
class EvaluationSetting:
    """One way to evaluate the same scores."""

    truth: str
    population: str
    undefined: str

    def __str__(self) -> str:
        return f"{self.truth}; {self.population}; undefined: {self.undefined}"


@dataclass
class Fit:
    """How many printed numbers a setting gives.

    Attributes:
        inside: numbers whose interval holds the printed one.
        total: numbers that could be compared.
        distance: sum of the differences, in half widths of the intervals.
        values: ours, by row, part and measure.
    """

    inside: int = 0
    total: int = 0
    distance: float = 0.0
    values: dict[tuple[str, str, str], float] = field(default_factory=dict)


def fits(
    sources: Sources, table: str, rows: Callable[[PrintedRow], bool], resamples: int = 200
) -> dict[EvaluationSetting, Fit]:
    """Evaluate coefficients of a table under every setting.

    Args:
        sources: of scores and accuracies.
        table: its name.
        rows: which rows count.
        resamples: of the intervals.

    Returns:
        By setting, the one that gives most of the printed numbers first, and of equal ones the nearest.
    """
    found: dict[EvaluationSetting, Fit] = {}
    for row in printed_table(table):
        if rows(row) and set(row.printed) & set(_COEFFICIENTS) and "missing" not in row.options:
            for setting, values in _of_row(sources, row, resamples):
                _compare(found.setdefault(setting, Fit()), row, values)
    return dict(sorted(found.items(), key=lambda pair: (-pair[1].inside, pair[1].distance)))


def populations(name: str) -> Mapping[str, Callable[[list[str]], list[bool]]]:
    """Return the parts of a search space that a paper may have taken, by name; each says which keys are in it."""
    every: dict[str, Callable[[list[str]], list[bool]]] = {"all": lambda keys: [True] * len(keys)}
    if name == "nasbench201":
        index = space(name).index
        every["first 5,000"] = lambda keys: [index(key) < 5000 for key in keys]
        every["all operations on a path"] = lambda keys: [is_live(key) for key in keys]
        every["one of a class"] = _first_of_class
    return every


def is_live(key: str) -> bool:
    """Return whether every operation of a cell of NAS-Bench-201 lies on a path from its input to its output.

    >>> is_live("|none~0|+|none~0|nor_conv_1x1~1|+|skip_connect~0|none~1|none~2|")
    False
    """
    edges = [edge for edge, operation in zip(EDGES, parse(key)) if operation != "none"]
    reached, reading = {0}, {3}
    for source, target in sorted(edges):
        if source in reached:
            reached.add(target)
    for source, target in sorted(edges, reverse=True):
        if target in reading:
            reading.add(source)
    return 3 in reached and all(source in reached and target in reading for source, target in edges)


def _first_of_class(keys: list[str]) -> list[bool]:
    seen: set[str] = set()
    found = []
    for key in keys:
        text = class_text(key)
        found.append(text not in seen)
        seen.add(text)
    return found


def _of_row(sources: Sources, row: PrintedRow, resamples: int) -> Iterator[tuple[EvaluationSetting, Numbers]]:
    """Yield the settings of a row, with value and interval of each coefficient printed."""
    name = sources.space_of(row)
    for truth in _truths(name, row.truth, sources):
        whole = sources.scored(row, truth)
        if whole is None:
            return
        for population, chosen in populations(name).items():
            part = whole.where(np.array(chosen(whole.keys), dtype=bool))
            for undefined in _UNDEFINED if np.isnan(part.values).any() else _UNDEFINED[:1]:
                setting = EvaluationSetting(_short(name, truth), population, undefined)
                options = {name: text for name, text in row.options.items() if name != "worst"}
                given = {**options, "worst": ""} if undefined == "worst" else options
                values = estimates(part, [name for name in row.printed if name in _COEFFICIENTS], given, resamples)
                yield setting, values
                if undefined == "drop" and not np.isnan(part.values).any():
                    yield EvaluationSetting(setting.truth, population, "worst"), values


def _truths(name: str, usual: str, sources: Sources) -> list[str]:
    dataset = usual.partition("_")[0]
    names = [f"{dataset}_{end}" if name == "nasbench201" else end for end in _TRUTHS.get(name, (usual,))]
    known = sources.benchmark(name).columns
    return [column for column in names if column in known]


def _short(name: str, truth: str) -> str:
    """Return a truth's name without its data set, so that settings of several data sets are one."""
    return truth.partition("_")[2] if name == "nasbench201" else truth


def _compare(fit: Fit, row: PrintedRow, values: Numbers) -> None:
    for measure, ours in values.items():
        number, room = number_of(row.printed[measure]), half_unit(row.printed[measure])
        if number is None or ours.value is None or ours.low is None or ours.high is None:
            continue
        fit.total += 1
        fit.inside += ours.low - room <= number <= ours.high + room
        fit.distance += abs(ours.value - number) / max((ours.high - ours.low) / 2, room)
        fit.values[row.row, row.part, measure] = ours.value
