"""What an experiment runs: read from YAML, and checked."""

from __future__ import annotations

import fnmatch
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Union

from naslib_zc_plugin.files.configuration import Checked, check_known, located, mapping
from naslib_zc_plugin.hosts import hosts
from naslib_zc_plugin.spaces import space
from naslib_zc_plugin.strategies import preset, strategy_class

Asked = Union[str, Mapping[str, Any]]
SECONDS = "seconds"
"""What published times are called."""
_NUMBERS = {"evaluations": int, "seconds": (int, float)}
_KINDS: Mapping[str, tuple[Any, str]] = {
    "space": (str, "the name of a search space"),
    "strategy": (Mapping, "a mapping with the name of a strategy, perhaps preset, proxy, and its options"),
    "evaluator": (Mapping, "a mapping with the name of an evaluator, and its options"),
    "budget": (Mapping, "a mapping with evaluations, seconds, or both, numbers above 0"),
    "scores": (Mapping, "a mapping: table, or images and preset (see nas-zc score)"),
    "report": (Mapping, "a mapping from titles to columns of the benchmark"),
    "published": (Mapping, "a mapping from titles of report, or seconds, to a mean, or to a mean and a deviation"),
    "repeats": (int, "a whole number above 0"),
    "seed": (int, "a whole number"),
    "host": (str, f"one of {', '.join(hosts())}"),
    "draw": (str, "all or scored"),
}


@dataclass(frozen=True)
class Curve:
    """How progress is drawn.

    Attributes:
        of: a title of ``report``; the fitness unless given.
        best: ``by_fitness``, of the architecture that the search holds for the best, or ``highest``, the largest so
            far, which a search that does not see it cannot know (the curves of zero-cost-nas and epsilon).
        centre: ``mean``, with the standard deviation, or ``median``, with the quartiles, of the repeats.
        over: ``evaluations`` or ``seconds``.
        at: so many evaluations, or seconds, of which a table tells the same; such as budgets that are compared.
        panels: title → labels of the searches that are drawn there, or patterns such as ``RS *``, where one panel
            would hold too many lines; a search that none names is not drawn.
    """

    of: str = ""
    best: str = "by_fitness"
    centre: str = "mean"
    over: str = "evaluations"
    at: Sequence[float] = ()
    panels: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Check the values.

        Raises:
            ValueError: one that an attribute cannot have.
        """
        for name, known in _CURVES.items():
            if getattr(self, name) not in known:
                raise ValueError(f"curve: {name} must be {' or '.join(known)}, not {getattr(self, name)!r}")
        kinds = int if self.over == "evaluations" else (int, float)
        if not isinstance(self.at, (list, tuple)) or not all(_above_zero(each, kinds) for each in self.at):
            raise ValueError(f"curve: at must be a list of numbers of {self.over}, above 0, not {self.at!r}")
        if not isinstance(self.panels, Mapping) or not all(isinstance(each, list) for each in self.panels.values()):
            raise ValueError(f"curve: panels must be a mapping from titles to lists of labels, not {self.panels!r}")


_CURVES = {"best": ("by_fitness", "highest"), "centre": ("mean", "median"), "over": ("evaluations", "seconds")}


@dataclass(frozen=True)
class Search(Checked):
    """One search of an experiment.

    Attributes:
        label: its name among the others.
        space: search space.
        strategy: ``name`` (:func:`naslib_zc_plugin.strategies`), perhaps ``preset`` (published settings),
            ``proxy`` (which score it uses) and its options.
        evaluator: ``name`` (:mod:`.evaluators`) and its options.
        budget: ``evaluations`` and ``seconds``, of which either ends the search. Seconds are those of the simulated
            clock, or really passed where an evaluator trains.
        scores: where proxies' scores come from: ``table`` (one export or store, or several; perhaps ``seconds``, which
            each is charged instead of those that it took), or what a campaign needs to make them: ``images``,
            ``preset``, ``batch``, ``network``, ``seed``, ``threads``, ``device``.
        report: title → column of the benchmark, told of the architecture that a search found.
        published: title, or ``seconds``, → what a paper prints for it, a mean or a mean and a deviation.
        repeats: how often, each with draws of its own.
        seed: of all that is drawn.
        host: whose loop runs it, ``none`` for our own.
        draw: which architectures are drawn at random: ``all``, or ``scored``, those that a table has scored (also
            without a value); for tables of campaigns that were not finished.
    """

    KINDS = _KINDS

    label: str
    space: str
    strategy: Mapping[str, Any]
    evaluator: Mapping[str, Any]
    budget: Mapping[str, Any]
    scores: Mapping[str, Any] = field(default_factory=dict)
    report: Mapping[str, str] = field(default_factory=dict)
    published: Mapping[str, Any] = field(default_factory=dict)
    repeats: int = 1
    seed: int = 0
    host: str = "none"
    draw: str = "all"

    def __post_init__(self) -> None:
        """Check what can be checked without reading a file.

        Raises:
            ValueError: a value that cannot be; the message names the field.
        """
        self._check_kinds()
        space(self.space)
        self._check("strategy", isinstance(self.strategy.get("name"), str))
        strategy_class(self.strategy["name"])
        if self.strategy.get("preset"):
            preset(self.strategy["preset"])
        self._check("evaluator", isinstance(self.evaluator.get("name"), str))
        self._check("budget", self.budget and set(self.budget) <= set(_NUMBERS))
        self._check("budget", all(_above_zero(each, _NUMBERS[name]) for name, each in self.budget.items()))
        self._check("repeats", self.repeats > 0)
        self._check("host", self.host in hosts())
        self._check("draw", self.draw in ("all", "scored"))
        known = {*self.report, SECONDS}
        self._check("published", set(self.published) <= known and all(map(_stated, self.published.values())))

    def proxies(self) -> list[Asked]:
        """The proxies that the strategy and the evaluator use."""
        return [part["proxy"] for part in (self.strategy, self.evaluator) if "proxy" in part]


@dataclass(frozen=True)
class Experiment:
    """Searches that are compared.

    Attributes:
        searches: at least one, each with its own label.
        store: the file of what happened; beside the configuration and called like it unless given.
        curve: how progress is drawn.
    """

    searches: tuple[Search, ...]
    store: str
    curve: Curve = field(default_factory=Curve)

    def __post_init__(self) -> None:
        """Check the curve.

        Raises:
            ValueError: it is of something that no report has, or a panel of a search that there is not.
        """
        of, titles = self.curve.of, {title for each in self.searches for title in each.report}
        if of and of not in titles:
            raise ValueError(f"curve: {of!r} is in no report; there are {', '.join(sorted(titles)) or 'none'}")
        labels = [each.label for each in self.searches if not of or of in each.report]
        for pattern in (each for patterns in self.curve.panels.values() for each in patterns):
            if not fnmatch.filter(labels, pattern):
                raise ValueError(f"curve: panels: no search is called {pattern!r}; there are {', '.join(labels)}")


def only(experiment: Experiment, patterns: Sequence[str]) -> Experiment:
    """The experiment of some of its searches, by label or by patterns such as ``RS *``.

    Raises:
        ValueError: a pattern that is no search's.
    """
    labels = [search.label for search in experiment.searches]
    for pattern in patterns:
        if not fnmatch.filter(labels, pattern):
            raise ValueError(f"no search is called {pattern!r}; there are {', '.join(labels)}")
    kept = [s for s in experiment.searches if any(fnmatch.fnmatchcase(s.label, pattern) for pattern in patterns)]
    there = [search.label for search in kept]
    panels = {title: [p for p in each if fnmatch.filter(there, p)] for title, each in experiment.curve.panels.items()}
    curve = replace(experiment.curve, panels={title: each for title, each in panels.items() if each})
    return replace(experiment, searches=tuple(kept), curve=curve)


def load(path: str | Path, data: str | Path | None = None) -> Experiment:
    """Read an experiment from YAML.

    The file's fields are those of :class:`Search` and of :class:`Experiment`. ``searches`` maps labels to what is
    different in each; a mapping is laid over that of the file, unless it has another ``name``; this and anything else
    takes its place. ``variants`` does the same once more: every search is run in every variant, under the label
    ``search variant``.

    Args:
        path: the file.
        data: data directory, where tables and images are looked for that are not beside the configuration.

    Raises:
        DataError: no such file, no YAML (tags are none), or no mapping.
        ValueError: an unknown, missing or impossible field; the message names it.
    """
    path = Path(path)
    given = mapping(path)
    try:
        return made(given, path.parent, path.stem, data)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{path}: {error}") from error


def made(given: Mapping[str, Any], folder: Path, name: str, data: str | Path | None = None) -> Experiment:
    """The experiment of a mapping as YAML gives it; relative paths are those of ``folder``.

    Raises:
        ValueError: an unknown, missing or impossible field; the message names it.
    """
    own = {*(each.name for each in fields(Experiment)), "variants"}
    parts = [each.name for each in fields(Search) if each.name != "label"]
    check_known(given, [*sorted(own), *parts])
    common = {name: value for name, value in given.items() if name not in own}
    strategy = given.get("strategy")
    usual: Mapping[str, Any] = {str(strategy.get("name", name)) if isinstance(strategy, Mapping) else name: {}}
    asked = _laid(_laid({"": common}, given, "searches", usual, parts), given, "variants", {"": {}}, parts)
    searches = []
    for label, whole in asked.items():
        missing = [name for name in ("space", "strategy", "evaluator", "budget") if name not in whole]
        if missing:
            raise ValueError(f"{label}: there is no {', '.join(missing)}")
        whole["scores"] = _located(whole.get("scores", {}), folder, data)
        whole["evaluator"] = located(whole["evaluator"], folder, data)
        try:
            searches.append(Search(str(label), **whole))
        except ValueError as error:
            raise ValueError(f"{label}: {error}" if len(asked) > 1 else str(error)) from error
    store = folder / str(given.get("store") or f"{name}.db")
    return Experiment(tuple(searches), str(store), Curve(**given.get("curve", {})))


def _laid(
    below: Mapping[str, Mapping[str, Any]], given: Mapping[str, Any], name: str, usual: Any, parts: list[str]
) -> dict[str, dict[str, Any]]:
    """By label, each of the mappings below with each of those called ``name`` laid over it."""
    layers = given.get(name) or usual
    if not isinstance(layers, Mapping) or not all(isinstance(each, Mapping) for each in layers.values()):
        raise ValueError(f"{name} must be a mapping from labels to what is different in each")
    for layer in layers.values():
        check_known(layer, parts)
    return {
        f"{label} {own}".strip(): {part: _over(whole.get(part), layer.get(part)) for part in {*whole, *layer}}
        for label, whole in below.items()
        for own, layer in layers.items()
    }


def _over(below: Any, above: Any) -> Any:
    """A value of the file, with that of a search laid over it; options are those of a name, and go with it."""
    if isinstance(below, Mapping) and isinstance(above, Mapping) and above.get("name") in (None, below.get("name")):
        return {**below, **above}
    return below if above is None else above


def _located(scores: Any, folder: Path, data: str | Path | None) -> Any:
    """Paths of tables and images made absolute, where they exist."""
    if not isinstance(scores, Mapping):
        return scores
    table = scores.get("table", [])
    tables = [table] if isinstance(table, str) else list(table)
    found = {"table": [located(each, folder, data) for each in tables]} if tables else {}
    return {**located(scores, folder, data), **found}


def _above_zero(value: Any, kinds: Any) -> bool:
    return isinstance(value, kinds) and not isinstance(value, bool) and value > 0


def _stated(value: Any) -> bool:
    numbers = value if isinstance(value, (list, tuple)) else [value]
    return 1 <= len(numbers) <= 2 and all(isinstance(each, (int, float)) for each in numbers)
