"""The configuration of a search: read from YAML, and checked."""

from __future__ import annotations

import fnmatch
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Callable, Literal, Optional, Union

from pydantic import (
    Field,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    ValidationInfo,
    field_validator,
    model_validator,
)

from naslib_zc_plugin import spaces
from naslib_zc_plugin.aggregates import SAMPLE
from naslib_zc_plugin.configuration import ConfigurationError, Location, Problem, Section, completed, located, read
from naslib_zc_plugin.constraints import HERE, Limit, limits_of, measure_of
from naslib_zc_plugin.search.evaluators import list_evaluators
from naslib_zc_plugin.search.loop import FRONT, HOSTS
from naslib_zc_plugin.strategies import PUBLISHED, STRATEGIES, list_strategies, published_settings

SECONDS = "seconds"
"""The title of published times."""
ProxyConfig = Union[str, Mapping[str, Any]]
"""A proxy as YAML gives it: its name, or a mapping with its name, perhaps a label, and its options."""
Names = Union[str, Sequence[str]]
Positive = Union[PositiveInt, PositiveFloat]
MaybeEvaluations = Optional[PositiveInt]
MaybeSeconds = Optional[Positive]
MaybeCharge = Optional[Union[NonNegativeInt, NonNegativeFloat]]
Published = Union[float, Annotated[Sequence[float], Field(min_length=1, max_length=2)]]


def _named(names: Callable[[], Sequence[str]], **more: Any) -> Callable[[dict[str, Any]], None]:
    """Return ``json_schema_extra`` for a mapping with a ``name``: an editor offers the names."""

    def extend(made: dict[str, Any]) -> None:
        made["properties"] = {"name": {"anyOf": [{"enum": list(names())}, {"type": "string"}]}, **more}

    return extend


def _strategies() -> list[str]:
    return sorted([*list_strategies(), FRONT])


class Budget(Section):
    """The end of a search: either number ends it."""

    evaluations: MaybeEvaluations = None
    """Evaluations, those without a fitness among them."""
    seconds: MaybeSeconds = None
    """Seconds of the simulated clock, or really passed where an evaluator trains; the last one may overdraw them."""

    def allows(self, evaluations: int, seconds: float) -> bool:
        """Return whether another evaluation may follow after so many, and so many seconds.

        >>> Budget(evaluations=5).allows(5, 0.0)
        False
        """
        limits = (math.inf if limit is None else limit for limit in (self.evaluations, self.seconds))
        return all(used < limit for used, limit in zip((evaluations, seconds), limits))


class ScoreSource(Section):
    """The source of proxies' scores: ``table``, or the part of a campaign that computes them."""

    table: Names = ()
    """An export or a store of a campaign, or several; the first that has a proxy is taken. `embedded:NAME` is in the
    package, such as `embedded:nasbench201_cifar10_whole`."""
    seconds: MaybeCharge = None
    """Charged for each score of a table, instead of the seconds that it took."""
    images: ProxyConfig = ""
    """Probe images."""
    preset: str = ""
    """Protocol, see `nas-zc score`."""
    batch: Mapping[str, Any] = {}
    """Changes of the protocol's batches."""
    network: Mapping[str, Any] = {}
    """Options of the space's networks."""
    seed: int = 0
    """Of weights, batches and the proxies' draws."""
    threads: PositiveInt = 1
    """CPU threads."""
    device: str = "cpu"
    """cpu, cuda, cuda:1 ..."""
    sample: PositiveInt = SAMPLE
    """Architectures, drawn by the seed, among which an aggregate such as `recommended` ranks others."""

    @field_validator("table")
    @classmethod
    def _list_tables(cls, given: Names) -> Sequence[str]:
        return [given] if isinstance(given, str) else given


class SearchPart(Section):
    """A search, or the part of it that a file, a search or a variant gives."""

    space: str = Field("", json_schema_extra=completed(spaces.list_spaces))
    """Search space."""
    strategy: Mapping[str, Any] = Field({}, json_schema_extra=_named(_strategies, preset={"enum": list(PUBLISHED)}))
    """`name` of a strategy, perhaps `preset` (published settings), `proxy` (for its scores), and its options. `front`:
    NSGA-II over `candidates` by the proxy and the search's `measure`; `along` of its front are evaluated."""
    evaluator: Mapping[str, Any] = Field({}, json_schema_extra=_named(list_evaluators))
    """`name` of an evaluator, and its options."""
    budget: Budget = Budget()
    """When the search ends."""
    constraints: Mapping[str, Any] = {}
    """Limits on what is known without training: a proxy, `latency` (a benchmark's `device`) or `latency_here` -> a text
    such as `<= 1.0e6`, or `min`, `max` and options. What is beyond them is neither scored nor evaluated."""
    measure: ProxyConfig = ""
    """A measure that should be low beside a high fitness: a name as under `constraints`, or a mapping with its name and
    options, such as `{name: latency, device: raspi4}`. The hypervolume of both is reported."""
    scores: ScoreSource = ScoreSource()
    """Where proxies' scores come from."""
    report: Mapping[str, str] = {}
    """Title -> column of the benchmark, of the architecture that a search found."""
    published: Mapping[str, Published] = {}
    """Title of the report, or `seconds` -> a paper's number: a mean, or a mean and a deviation."""
    repeats: PositiveInt = 1
    """How often, each with draws of its own."""
    seed: int = 0
    """Of all that is drawn."""
    host: str = Field("none", json_schema_extra=completed(HOSTS.names))
    """Whose loop runs it, `none` for our own."""
    draw: Literal["all", "scored"] = "all"
    """Which architectures are drawn at random: `scored`: those that a table has scored, also without a value; for
    tables of campaigns that were not finished."""

    @field_validator("strategy", "evaluator")
    @classmethod
    def _check_name(cls, value: Mapping[str, Any], info: ValidationInfo) -> Mapping[str, Any]:
        if not isinstance(value.get("name", ""), str):
            raise ValueError("must be a mapping with a name")
        if info.field_name == "strategy" and value.get("name", FRONT) != FRONT:
            STRATEGIES.canonical(value["name"])
        if info.field_name == "strategy" and value.get("preset"):
            published_settings(value["preset"])
        return value

    @field_validator("constraints")
    @classmethod
    def _check_limits(cls, value: Mapping[str, Any]) -> Mapping[str, Any]:
        limits_of(value)
        return value

    @field_validator("measure")
    @classmethod
    def _check_measure(cls, value: ProxyConfig) -> ProxyConfig:
        if value:
            measure_of(value)
        return value

    @field_validator("space", "host")
    @classmethod
    def _check_known(cls, value: str, info: ValidationInfo) -> str:
        if info.field_name == "host":
            return HOSTS.canonical(value)
        spaces.space(value)
        return value


class SearchConfig(SearchPart):
    """One search of an experiment, whole.

    Attributes:
        label: its name among the others.
    """

    label: str = ""

    def limits(self) -> list[Limit]:
        """Return the limits, and the measure as one that everything keeps."""
        return [*limits_of(self.constraints), *([measure_of(self.measure)] if self.measure else [])]

    def proxies(self) -> list[ProxyConfig]:
        """Return the proxies that the strategy, the evaluator and the limits use."""
        limits = self.limits()
        asked = [limit.request for limit in limits if limit.request]
        limited = [{**each.options, "name": each.name, "label": each.label} for each in asked]
        timed = self.scores.images and any(limit.name == HERE for limit in limits)
        return [
            *(part["proxy"] for part in (self.strategy, self.evaluator) if "proxy" in part),
            *(each["label"] if each["label"] == each["name"] else each for each in limited),
            *(["params"] if timed else []),  # what makes networks to be scored makes those to be timed
        ]


class CurveConfig(Section):
    """How progress is drawn."""

    of: str = ""
    """A title of the report; the fitness unless given."""
    best: Literal["by_fitness", "highest"] = "by_fitness"
    """`by_fitness`: of the architecture that the search holds for the best; `highest`: the largest so far, which a
    search that does not see it cannot know (the curves of zero-cost-nas and epsilon)."""
    centre: Literal["mean", "median"] = "mean"
    """`mean` with the standard deviation, or `median` with the quartiles, of the repeats."""
    over: Literal["evaluations", "seconds"] = "evaluations"
    """The horizontal axis."""
    at: Sequence[Positive] = ()
    """Evaluations, or seconds, at which a table shows the same, such as budgets that are compared."""
    panels: Mapping[str, Sequence[str]] = {}
    """Title -> labels of the searches that are drawn there, or patterns such as `RS *`, where one panel would hold too
    many lines; a search that none names is not drawn."""

    @model_validator(mode="after")
    def _check_at(self) -> CurveConfig:
        if self.over == "evaluations" and not all(isinstance(each, int) for each in self.at):
            raise ValueError("at must be a list of whole numbers: of evaluations")
        return self


class CompareConfig(Section):
    """One of the searches that the others are compared with."""

    of: str
    """A title of the report."""
    against: str
    """Its label; in variants, what its labels begin with."""
    top: Annotated[float, Field(gt=0, lt=100)] = 1.0
    """How many percent of the space are the best, to which the evaluations are counted."""


MaybeCompare = Optional[CompareConfig]


class SearchFile(SearchPart):
    """A file of searches that are compared.

    Its own fields are common to all searches. A mapping of a search is laid over that of the file, unless
    it has another `name`; this and anything else takes its place.
    """

    searches: Mapping[str, SearchPart] = {}
    """Label -> the fields that differ in this search."""
    variants: Mapping[str, SearchPart] = {}
    """Label -> the fields that differ in this variant; every search is run in every variant, as `search variant`."""
    store: str = ""
    """The journal's file; beside the configuration and named like it unless given."""
    curve: CurveConfig = CurveConfig()
    """How progress is drawn."""
    compare: MaybeCompare = None
    """What the searches are compared with, run by run."""


@dataclass(frozen=True)
class Experiment:
    """Searches that are compared.

    Attributes:
        searches: at least one, each with its own label.
        store: path of the journal.
        curve: how progress is drawn.
        compare: what they are compared with; None: they are not.
    """

    searches: tuple[SearchConfig, ...]
    store: str
    curve: CurveConfig = CurveConfig()
    compare: CompareConfig | None = None


def load_experiment(path: str | Path, data: str | Path | None = None) -> Experiment:
    """Read an experiment from YAML.

    Args:
        path: the file, with the fields of :class:`SearchFile`.
        data: data directory, in which tables and images are looked for that are not beside the configuration.

    Raises:
        DataError: no such file, no YAML (tags are refused), or no mapping.
        ConfigurationError: an unknown, missing or impossible field; the message names all of them.
    """
    document = read(path)
    path = document.path
    file = document.check(SearchFile, data=data)
    searches = []
    for label, values, places in _composed(document.values, path.stem):
        whole = {**values, "label": label}
        for name in {"scores", "evaluator"} & whole.keys():
            whole[name] = located(whole[name], path.parent, data)
        search = document.check(SearchConfig, whole, data=data, label=label, places=places)
        if problems := list(_missing(search)):
            raise ConfigurationError(f"{path}: {label}", problems)
        searches.append(search)
    if problems := [*_mistaken(file.curve, searches), *_not_compared(file.compare, searches)]:
        raise ConfigurationError(str(path), problems)
    store = str(path.parent / (file.store or f"{path.stem}.db"))
    return Experiment(tuple(searches), store, file.curve, file.compare)


def select_searches(experiment: Experiment, patterns: Sequence[str]) -> Experiment:
    """Return the experiment of some of its searches, by label or by patterns such as ``RS *``.

    Raises:
        ValueError: a pattern that matches no search.
    """
    labels = [search.label for search in experiment.searches]
    for pattern in patterns:
        if not fnmatch.filter(labels, pattern):
            raise ValueError(f"no search is called {pattern!r}; there are {', '.join(labels)}")
    kept = [s for s in experiment.searches if any(fnmatch.fnmatchcase(s.label, pattern) for pattern in patterns)]
    there = [search.label for search in kept]
    panels = {title: [p for p in each if fnmatch.filter(there, p)] for title, each in experiment.curve.panels.items()}
    curve = experiment.curve.model_copy(update={"panels": {title: each for title, each in panels.items() if each}})
    return replace(experiment, searches=tuple(kept), curve=curve)


def _composed(given: Mapping[str, Any], name: str) -> Iterator[tuple[str, dict[str, Any], list[Location]]]:
    """Yield the label of each search in each variant, its values, and where in the file they stand."""
    common = {field: value for field, value in given.items() if field in SearchPart.model_fields}
    searches = given.get("searches") or {given.get("strategy", {}).get("name", name): {}}
    for label, search in searches.items():
        for variant, changes in (given.get("variants") or {"": {}}).items():
            values = _laid_over(_laid_over(common, search), changes)
            yield f"{label} {variant}".strip(), values, [("variants", variant), ("searches", label), ()]


def _laid_over(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Return values with others laid over them; options are those of a name, and go with it."""
    found = dict(below)
    for field, value in above.items():
        under = found.get(field)
        if isinstance(under, Mapping) and isinstance(value, Mapping) and value.get("name") in (None, under.get("name")):
            found[field] = {**under, **value}
        else:
            found[field] = value
    return found


def _missing(search: SearchConfig) -> Iterator[Problem]:
    """Yield the fields that a whole search must have and that are missing."""
    for name, part in (("space", search.space), ("strategy", search.strategy), ("evaluator", search.evaluator)):
        if not part:
            yield Problem(0, name, "is missing")
        elif isinstance(part, Mapping) and "name" not in part:
            yield Problem(0, f"{name}.name", "is missing")
    if search.strategy.get("name") == FRONT:
        yield from (
            Problem(0, name, "is missing: a front is one of a proxy's score and of a measure")
            for name, there in (("strategy.proxy", "proxy" in search.strategy), ("measure", search.measure))
            if not there
        )
    if search.budget.evaluations is None and search.budget.seconds is None:
        yield Problem(0, "budget", "is missing: give evaluations, seconds, or both")
    for title in search.published:
        if title not in search.report and title != SECONDS:
            yield Problem(0, "published", f"{title!r} is in no report; there are {', '.join(search.report) or 'none'}")


def _mistaken(curve: CurveConfig, searches: Sequence[SearchConfig]) -> Iterator[Problem]:
    """Yield titles and labels that a curve names and no search has."""
    titles = sorted({title for each in searches for title in each.report})
    if curve.of and curve.of not in titles:
        yield Problem(0, "curve.of", f"{curve.of!r} is in no report; there are {', '.join(titles) or 'none'}")
        return
    labels = [each.label for each in searches if not curve.of or curve.of in each.report]
    for pattern in (each for patterns in curve.panels.values() for each in patterns):
        if not fnmatch.filter(labels, pattern):
            yield Problem(0, "curve.panels", f"no search is called {pattern!r}; there are {', '.join(labels)}")


def _not_compared(compare: CompareConfig | None, searches: Sequence[SearchConfig]) -> Iterator[Problem]:
    """Yield a title and a label that a comparison names and no search has."""
    if compare is None:
        return
    titles = sorted({title for each in searches for title in each.report})
    if compare.of not in titles:
        yield Problem(0, "compare.of", f"{compare.of!r} is in no report; there are {', '.join(titles) or 'none'}")
    labels = [each.label for each in searches]
    if not any(label == compare.against or label.startswith(f"{compare.against} ") for label in labels):
        yield Problem(0, "compare.against", f"no search is called {compare.against!r}; there are {', '.join(labels)}")
