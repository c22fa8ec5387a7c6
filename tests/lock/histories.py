"""What every search strategy asks for, step by step, where a key is worth what its hash says."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from random import Random
from typing import Any, Callable

from . import face
from .spaces import digest

STEPS = 60
PUBLISHED = {
    "real2018": ("aging_evolution",),
    "nats_bench": ("random_search", "aging_evolution"),
    "lightweight_nas": ("random_search", "aging_evolution"),
    "naswot": ("random_search",),
    "area": ("random_search", "aging_evolution", "area"),
    "zerocost": ("aging_evolution", "move", "warm_up"),
    "epsilon": ("aging_evolution", "move", "warm_up"),
}
SMALL = {"population": 8, "sample": 3}
OPTIONS: dict[str, list[dict[str, Any]]] = {
    "random_search": [{}, {"distinct": True}, {"distinct": True, "start": 0.9}],
    "aging_evolution": [
        SMALL,
        {**SMALL, "replacement": False, "ties": "last"},
        {**SMALL, "ties": "newest", "distinct": True},
    ],
    "area": [{}, {"pool": 50, **SMALL, "order": "worst_first"}, {"pool": 20, "distinct": True, **SMALL}],
    "warm_up": [
        {"pool": 40, "evaluate": 12},
        {"pool": 40, "evaluate": 12, "around": {"name": "aging_evolution", **SMALL}, "order": "worst_first"},
        {"pool": 100, "around": "random_search", "distinct": True},
    ],
    "move": [{"kind": kind, **SMALL} for kind in ("neighbour", "parent", "children")]
    + [{"kind": "children", "children": 3, "replacement": True, "ties": "first", **SMALL}],
}
SPACES = ("nasbench201", "nasbench101", "nats_sss", "nds_darts", "nasbench_nlp", "flexibert")


def worth(key: str, salt: str = "") -> float | None:
    """A number of (0, 1) in steps of 1/50, so that there are ties; a tenth of the keys have none."""
    number = int(hashlib.sha256((salt + key).encode()).hexdigest()[:8], 16) % 56
    return number / 50 if number < 50 else None


def score(key: str) -> float | None:
    """Fitness without evaluation, another one."""
    return worth(key, "score ")


def strategies() -> dict[str, Callable[[str], Any]]:
    """Label → function that makes the strategy in a space. New strategies are added here by whoever brings them."""
    made: dict[str, tuple[str, dict[str, Any]]] = {}
    for name, several in OPTIONS.items():
        for options in several:
            made[f"{name} {sorted(options.items(), key=str)}"] = name, options
    for preset, names in PUBLISHED.items():
        for name in names:
            made[f"{name} as {preset}"] = name, {"preset": preset}

    def maker(name: str, options: dict[str, Any]) -> Callable[[str], Any]:
        return lambda space: face.strategy(name, face.space(space), score=score, seed=7, **options)

    return {label: maker(*given) for label, given in made.items()}


def history(search: Any, steps: int = STEPS) -> list[str]:
    """The keys asked for, each told before the next."""
    asked = []
    for _ in range(steps):
        asked.append(search.ask())
        search.tell(asked[-1], worth(asked[-1]))
    return asked


def several_at_once(search: Any) -> list[str]:
    """The keys asked for where seven are under way, told in any order, one of them never."""
    rng, asked = Random(5), []
    for _ in range(9):
        keys = [search.ask() for _ in range(7)]
        asked += keys
        rng.shuffle(keys)
        for key in keys[:6]:
            search.tell(key, worth(key))
    return asked


def histories(space: str) -> Iterator[tuple[str, str]]:
    """The histories of all strategies in a space; a strategy that cannot search there says so by its error's type."""
    for label, make in strategies().items():
        for way, drive in (("", history), (" at once", several_at_once)):
            try:
                search = make(space)
                asked = drive(search)
            except ValueError:
                yield label + way, "ValueError"
                continue
            yield label + way, f"{digest(' '.join(asked))} {asked[0]} {asked[-1]} best {search.best}"
