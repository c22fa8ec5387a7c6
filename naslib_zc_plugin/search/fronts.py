"""Pareto fronts of a score and a measure, searched by NSGA-II among networks that are not trained.

``pareto_front(space, score, measure)`` looks at thousands of candidates, ``front.along(10)`` names those to train. It
needs Optuna, for its NSGA-II (Deb et al., 2002).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any, Callable, ClassVar, Optional

import numpy as np

from naslib_zc_plugin.files import replacing
from naslib_zc_plugin.registry import closest
from naslib_zc_plugin.search.feasible import FeasibleSpace, Infeasible
from naslib_zc_plugin.spaces import Product, list_spaces, space
from naslib_zc_plugin.strategies import Exhausted, SearchSpace, Strategy, at_least

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Number = Callable[[str], Optional[float]]
"""A number of a key; None: undefined."""
_DRAWS = 20  # for each candidate, those beyond limits and without a number among them


@dataclass(frozen=True)
class Point:
    """An architecture between two aims: a high value, such as a score or an accuracy, and a low measure.

    Attributes:
        key: the architecture.
        value: higher is better.
        measure: lower is better.
    """

    key: str
    value: float
    measure: float


@dataclass(frozen=True, eq=False)
class Front:
    """What NSGA-II found.

    Attributes:
        points: those that no other one beats in one aim without losing in the other, by rising measure.
        seen: all candidates, each once, in the order in which they were looked at.
    """

    points: Sequence[Point]
    seen: Sequence[Point]

    def along(self, number: int) -> list[str]:
        """Return keys along the front, both ends among them, by rising measure; all where there are no more.

        They are evenly spaced in rank: where candidates are dense, so are those that are taken.
        """
        if number < 1:
            raise ValueError(f"at least one along the front, not {number}")
        last = len(self.points) - 1
        places = np.linspace(0, last, min(number, last + 1)).round().astype(int) if number > 1 else [last]
        return [self.points[place].key for place in places]

    def plot(self, value: str, measure: str, chosen: Iterable[str] = (), path: str | Path | None = None) -> Figure:
        """Draw the candidates, the front, and those that are chosen.

        Args:
            value: name of the vertical axis.
            measure: name of the horizontal axis.
            chosen: keys of points to mark.
            path: of a file to write, .png, .svg or .pdf.

        Returns:
            The figure.

        Raises:
            ImportError: matplotlib is not installed.
        """
        try:
            from matplotlib.figure import Figure
        except ImportError as error:
            raise ImportError("figures need matplotlib: pip install 'naslib-zc-plugin[plots]'") from error
        figure, marked = Figure(figsize=(6.0, 4.2), layout="constrained"), set(chosen)
        axes = figure.subplots()
        axes.scatter([p.measure for p in self.seen], [p.value for p in self.seen], s=4, color="0.7", label="candidates")
        x, y = [p.measure for p in self.points], [p.value for p in self.points]
        axes.step(x, y, where="post", color="C0", linewidth=1.2, label="front")
        taken = [p for p in self.points if p.key in marked]
        if taken:
            axes.scatter(
                [p.measure for p in taken], [p.value for p in taken], s=22, color="C3", zorder=3, label="chosen"
            )
        axes.set_xlabel(measure, parse_math=False)
        axes.set_ylabel(value, parse_math=False)
        axes.grid(alpha=0.25, linewidth=0.5)
        axes.legend(fontsize="small", loc="lower right")
        if path is not None:
            with replacing(Path(path)) as draft:
                figure.savefig(draft, format=Path(path).suffix[1:] or "png", dpi=150)
        return figure


def non_dominated(points: Iterable[Point]) -> list[Point]:
    """Return the points that no other one beats, by rising measure; of equal ones the first.

    >>> found = non_dominated([Point("a", 1.0, 2.0), Point("b", 3.0, 2.0), Point("c", 2.0, 1.0), Point("d", 2.5, 3.0)])
    >>> [point.key for point in found]
    ['c', 'b']
    """
    front: list[Point] = []
    for point in sorted(points, key=lambda each: (each.measure, -each.value)):
        if not front or point.value > front[-1].value:
            front.append(point)
    return front


def hypervolume(points: Iterable[Point], value: float, measure: float) -> float:
    """Return the area that points dominate, up to a point that all that counts is better than.

    Args:
        points: the points; what is not better in both aims adds nothing.
        value: the least value.
        measure: the largest measure.

    >>> hypervolume([Point("a", 3.0, 2.0), Point("b", 2.0, 1.0)], value=0.0, measure=4.0)
    8.0
    """
    area, before = 0.0, value
    for point in non_dominated(each for each in points if each.value > value and each.measure < measure):
        area += (measure - point.measure) * (point.value - before)
        before = point.value
    return area


def pareto_front(
    searched: Product | FeasibleSpace | SearchSpace | str,
    score: Number,
    measure: Number,
    *,
    candidates: int = 2000,
    population: int = 50,
    seed: int = 0,
) -> Front:
    """Search the front of a score and a measure by Optuna's NSGA-II; nothing is trained.

    A candidate beyond the limits of a :class:`~.feasible.FeasibleSpace` is not scored; neither it nor one without a
    number is a member of the population.

    Args:
        searched: a space of independent choices, or the part of one that is within limits; or its name.
        score: returns a score of a key, higher better, such as a proxy's.
        measure: returns a measure of a key, lower better, such as the number of parameters; not asked for a key
            without a score.
        candidates: number that are looked at, repeated ones among them.
        population: of NSGA-II.
        seed: of its draws.

    Returns:
        The front, and all that was looked at.

    Raises:
        ValueError: a number out of range, a space of other kinds, or nothing in it has both numbers.
        ImportError: Optuna is not installed.

    >>> front = pareto_front("nats_sss", lambda key: float(len(key)), lambda key: key.count("6"), candidates=200)
    >>> len(front.points) >= 1 and set(front.points) <= set(front.seen)
    True
    """
    if candidates < population or population < 2:
        raise ValueError(f"candidates must be at least the population, and that 2, not {candidates} and {population}")
    whole, part = _product(searched)
    seen: dict[str, Point | None] = {}
    with _quiet() as optuna:
        sampler = optuna.samplers.NSGAIISampler(population_size=population, seed=seed)
        study = optuna.create_study(directions=["maximize", "minimize"], sampler=sampler)
        counted = 0
        for _ in range(_DRAWS * candidates):
            if counted == candidates:
                break
            trial = study.ask()
            places = [trial.suggest_categorical(str(n), range(len(each))) for n, each in enumerate(whole.choices)]
            key = whole.encode([values[place] for values, place in zip(whole.choices, places)])
            if key not in seen:
                seen[key] = None if part and part.beyond(key) else _point(key, score, measure)
            point = seen[key]
            if point is None:
                study.tell(trial, state=optuna.trial.TrialState.FAIL)
                continue
            study.tell(trial, [point.value, point.measure])
            counted += 1
    found = [point for point in seen.values() if point]
    if not found:
        raise Infeasible(f"none of {len(seen):,} candidates has a score and a measure, and is within the limits")
    return Front(non_dominated(found), found)


@dataclass(eq=False)
class FrontSearch(Strategy):
    """Asks for what lies along a front of a score and a measure, in random order, each once; nothing is learnt.

    The front is searched by :func:`pareto_front` when the first is asked for.

    Args:
        space: as ``searched`` of :func:`pareto_front`.
        score, seed, start, if_all_fail: as for every strategy.
        measure: returns a measure of a key, lower better.
        candidates, population: of the search for the front.
        along: number of architectures along it, both ends among them; there may be fewer.

    Raises:
        ValueError: no score, no measure, a number out of range, or a space that NSGA-II cannot search.
    """

    measure: Number | None = None
    candidates: int = 2000
    population: int = 50
    along: int = 40
    follows_score: ClassVar[bool] = True

    def __post_init__(self) -> None:
        super().__post_init__()
        self._check_score()
        at_least("along", self.along)
        if self.measure is None:
            raise ValueError("a front needs measure=, a function of the key that should be low")
        if self.trust != "always":
            raise ValueError("trust must be 'always': a front is searched before anything is evaluated")
        if self.candidates < at_least("population", self.population, 2):
            raise ValueError(f"candidates={self.candidates} must be at least the population, {self.population}")
        _product(self.space)
        self._keys: list[str] | None = None
        self._asked = 0

    def ask(self) -> str:
        """Return the next along the front, which the first call searches."""
        if self._keys is None:
            self._keys = self._found()
        if self._asked == len(self._keys):
            raise Exhausted(f"all {self._asked} along the front were evaluated")
        self._asked += 1
        return self._keys[self._asked - 1]

    def _found(self) -> list[str]:
        def score(key: str) -> float | None:
            value = self._scored(key)
            return value if math.isfinite(value) else None

        assert self.measure is not None
        drawn = Random(f"{self.seed} front")
        front = pareto_front(
            self.space, score, self.measure, candidates=self.candidates, population=self.population,
            seed=drawn.getrandbits(31),
        )  # fmt: skip
        keys = front.along(self.along)
        drawn.shuffle(keys)
        return keys

    def _state(self) -> dict[str, Any]:
        return {"keys": self._keys, "asked": self._asked}

    def _load(self, state: Mapping[str, Any]) -> None:
        keys = None if state["keys"] is None else list(map(str, state["keys"]))
        asked = at_least("asked", state["asked"], 0)
        if asked > len(keys or ()):
            raise ValueError(f"{asked} asked of {len(keys or ())} along the front")
        self._keys, self._asked = keys, asked


def _point(key: str, score: Number, measure: Number) -> Point | None:
    value = score(key)
    if value is None or not math.isfinite(value):
        return None
    size = measure(key)
    return None if size is None or not math.isfinite(size) else Point(key, value, size)


def _product(searched: Product | FeasibleSpace | SearchSpace | str) -> tuple[Product, FeasibleSpace | None]:
    """Return the space, whose choices NSGA-II makes, and the part of it that is within limits.

    Raises:
        ValueError: its choices are not independent.
    """
    part = searched if isinstance(searched, FeasibleSpace) else None
    whole: Any = part.whole if part else space(searched) if isinstance(searched, str) else searched
    if not isinstance(whole, Product):
        name = getattr(whole, "name", type(whole).__name__)
        known = [each for each in list_spaces() if isinstance(space(each), Product)]
        raise ValueError(f"NSGA-II needs a space of independent choices, which {name} is not; {closest(name, known)}")
    return whole, part


@contextmanager
def _quiet() -> Iterator[Any]:
    """Give Optuna, without its lines on every study and its warnings of what is experimental.

    Raises:
        ImportError: it is not installed.
    """
    try:
        import optuna
    except ImportError as error:
        raise ImportError("fronts need Optuna: pip install 'naslib-zc-plugin[optuna]'") from error
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        yield optuna
    finally:
        optuna.logging.set_verbosity(before)
