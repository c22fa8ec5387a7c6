"""Search strategies that own no loop and know no host: ask for an architecture, tell its fitness.

``strategy("area", space("nasbench201"), score=proxy_of_a_key, seed=0)`` makes one; ``key = it.ask()`` and
``it.tell(key, fitness)`` drive it, ``state_dict`` and ``load_state_dict`` carry it over an interruption. One file of
``strategies/`` is one strategy; others register theirs in the entry-point group ``naslib_zc_plugin.strategies``. Keys
are text; nothing here needs torch.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from naslib_zc_plugin.registry import Registry, check_options, closest
from naslib_zc_plugin.strategies._strategy import Exhausted, KeyScore, SearchSpace, Seed, Strategy

__all__ = [
    "PUBLISHED",
    "STRATEGIES",
    "Exhausted",
    "KeyScore",
    "SearchSpace",
    "Seed",
    "Strategy",
    "list_strategies",
    "published_settings",
    "strategy",
]

STRATEGIES: Registry[type[Strategy]] = Registry(
    "strategy",
    "naslib_zc_plugin.strategies",
    "naslib_zc_plugin.strategies",
    attribute="STRATEGY",
    is_entry=lambda name, found: isinstance(found, type) and issubclass(found, Strategy),
    requirement="it must be a subclass of naslib_zc_plugin.strategies.Strategy",
)


def list_strategies(pattern: str = "*") -> list[str]:
    """Return the sorted names of the strategies that match a shell-style pattern; none of them is imported.

    >>> list_strategies("a*")
    ['aging_evolution', 'area']
    """
    return STRATEGIES.names(pattern)


def strategy(
    name: str, space: SearchSpace, *, score: KeyScore | None = None, seed: Seed = 0, preset: str = "", **options: Any
) -> Strategy:
    """Make a strategy by its name.

    Args:
        name: one of :func:`list_strategies`.
        space: the search space.
        score: fitness without evaluation, for the strategies that use one.
        seed: of all that is drawn.
        preset: published settings (:func:`published_settings`), which ``options`` overrule.
        options: the strategy's own, see its class.

    Returns:
        The strategy at its beginning.

    Raises:
        ValueError: no such strategy or preset, a preset of other strategies, an unknown option, or one out of range.

    >>> from naslib_zc_plugin.spaces import space
    >>> search = strategy("aging_evolution", space("nasbench201"), preset="nats_bench", sample=5)
    >>> search.population, search.sample
    (10, 5)
    """
    made_by = STRATEGIES.load(name)
    published = published_settings(preset) if preset else {name: {}}
    if name not in published:
        raise ValueError(f"the settings {preset!r} are of {', '.join(published)}, not of {name}")
    settings = {**published[name], **options}
    check_options(f"strategy {name}", made_by, settings, first=1)
    return made_by(space, score=score, seed=seed, **settings)


# Published settings, as the codes run them; the texts sometimes differ --------------------

_NATS = {"population": 10, "sample": 3, "replacement": True, "ties": "first", "mutation": "node"}
_ZEROCOST = {"population": 64, "sample": 10, "replacement": False, "ties": "last", "mutation": "edge"}
_EPSILON = {**_ZEROCOST, "mutation": "node"}

PUBLISHED: Mapping[str, Mapping[str, Mapping[str, Any]]] = {
    # Real et al., AAAI 2019, Algorithm 1 with the NASNet space's numbers.
    "real2018": {"aging_evolution": {"population": 100, "sample": 25, "replacement": True}},
    # D-X-Y/AutoDL-Projects, the documented command line; older runs of NAS-Bench-201 had samples of 10.
    "nats_bench": {"random_search": {"distinct": False}, "aging_evolution": _NATS},
    # The code: a first population and tournaments without replacement (its Algorithm 2: tournaments with), mutation
    # uniform over the six edges; a best that starts at −1 and which a lower score never beats.
    "lightweight_nas": {
        "random_search": {"distinct": True, "start": -1.0},
        "aging_evolution": {
            "population": 20, "sample": 10, "replacement": False, "ties": "newest", "mutation": "edge",
            "distinct": True, "start": -1.0,
        },
    },
    # BayesWatch/nas-without-training: indices drawn with replacement.
    "naswot": {"random_search": {"distinct": False}},
    # Mellor et al., ICML 2021; ageing evolution as in NATS-Bench, the pool's size is ours.
    "area": {"random_search": {"distinct": False}, "aging_evolution": _NATS, "area": _NATS},
    # SamsungLabs/zero-cost-nas, the notebook: warm-up and best-scored neighbour.
    "zerocost": {
        "aging_evolution": _ZEROCOST,
        "move": {**_ZEROCOST, "kind": "neighbour", "random": 0.25},
        "warm_up": {"pool": 3000},
    },
    # egracheva/epsinas, the integration notebook: "move" is the best-scored parent.
    "epsilon": {
        "aging_evolution": _EPSILON,
        "move": {**_EPSILON, "kind": "parent"},
        "warm_up": {"pool": 3000},
    },
}  # fmt: skip


def published_settings(preset: str) -> Mapping[str, Mapping[str, Any]]:
    """Return the settings of a paper: strategy → options.

    Raises:
        ValueError: there are none of that name; the message names the closest.

    >>> published_settings("naswot")
    {'random_search': {'distinct': False}}
    """
    if preset not in PUBLISHED:
        raise ValueError(f"no settings are called {preset!r}; {closest(preset, PUBLISHED)}")
    return PUBLISHED[preset]
