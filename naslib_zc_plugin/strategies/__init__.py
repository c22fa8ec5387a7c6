"""Search strategies that own no loop and know no host: ask for an architecture, tell its fitness.

``strategy("area", space("nasbench201"), score=proxy_of_a_key, seed=0)`` makes one; ``key = it.ask()`` and
``it.tell(key, fitness)`` drive it, ``state_dict`` and ``load_state_dict`` carry it over an interruption. One file of
``strategies/`` is one strategy; others register theirs in the entry-point group ``naslib_zc_plugin.strategies``. Keys
are text; nothing here needs torch.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping
from random import Random
from typing import Any

from naslib_zc_plugin.registry import Registry, check_options, closest
from naslib_zc_plugin.strategies._agreement import ProxyAgreement, Trust, is_control, proxy_agreement
from naslib_zc_plugin.strategies._strategy import (
    HOPELESS,
    AllFailed,
    Exhausted,
    KeyScore,
    NoScore,
    SearchSpace,
    Seed,
    Strategy,
    at_least,
    one_of,
)

__all__ = [
    "HOPELESS",
    "OPTIONS_ELSEWHERE",
    "PUBLISHED",
    "STRATEGIES",
    "AllFailed",
    "Exhausted",
    "KeyScore",
    "NoScore",
    "ProxyAgreement",
    "SearchSpace",
    "Seed",
    "Strategy",
    "Trust",
    "at_least",
    "check_settings",
    "is_control",
    "list_strategies",
    "one_of",
    "option_names",
    "options_by_our_names",
    "proxy_agreement",
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
        options: the strategy's own, see its class; also under the names that NNI and NASLib have for them
            (:data:`OPTIONS_ELSEWHERE`). Those of a strategy that is put ``around`` by its name may stand among them.

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
    settings = _placed(made_by, {**published[name], **options_by_our_names(options)})
    check_options(f"strategy {name}", made_by, settings, first=1)
    return made_by(space, score=score, seed=seed, **settings)


OPTIONS_ELSEWHERE: Mapping[str, str] = {"population_size": "population", "sample_size": "sample"}
"""Options that NNI and NASLib call otherwise: their name → ours."""


def options_by_our_names(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return options by our names.

    Raises:
        ValueError: one is there under two names.

    >>> options_by_our_names({"population_size": 20, "ties": "last"})
    {'population': 20, 'ties': 'last'}
    """
    twice = [theirs for theirs, ours in OPTIONS_ELSEWHERE.items() if theirs in options and ours in options]
    if twice:
        raise ValueError(f"{twice[0]} and {OPTIONS_ELSEWHERE[twice[0]]} are the same: leave one out")
    return {OPTIONS_ELSEWHERE.get(name, name): value for name, value in options.items()}


def option_names(made_by: type[Strategy]) -> list[str]:
    """Return the names of the options of a strategy."""
    return [name for name in inspect.signature(made_by).parameters if name not in ("space", "score", "seed")]


def _placed(made_by: type[Strategy], options: dict[str, Any]) -> dict[str, Any]:
    """Return options with those that belong to the strategy ``around`` this one in their place."""
    own, around = option_names(made_by), options.get("around")
    if "around" not in own or not isinstance(around, (str, Mapping)):
        return options
    inside = {"name": around} if isinstance(around, str) else dict(around)
    theirs = option_names(STRATEGIES.load(inside.get("name", "")))
    moved = {name: value for name, value in options.items() if name not in own and name in theirs}
    return {**{name: value for name, value in options.items() if name not in moved}, "around": {**inside, **moved}}


def check_settings(name: str, more: Iterable[str] = (), *, preset: str = "", **options: Any) -> None:
    """Check the options of a strategy before there is a search space.

    Args:
        name: of the strategy.
        more: names that are no options of it and are taken as well, for the message where one is misspelt.
        preset: published settings.
        options: the options.

    Raises:
        ValueError: as :func:`strategy`.

    >>> check_settings("aging_evolution", populaton=20)
    Traceback (most recent call last):
    ValueError: strategy aging_evolution has no option 'populaton'; did you mean population?
    """
    made_by = STRATEGIES.load(name)
    known = [*option_names(made_by), *more]
    if isinstance(around := options.get("around"), (str, Mapping)):
        inside = around if isinstance(around, str) else around.get("name", "")
        known += option_names(STRATEGIES.load(inside))
    for each in options:
        if each not in known and each not in OPTIONS_ELSEWHERE:
            raise ValueError(f"strategy {name} has no option {each!r}; {closest(each, known)}")
    strategy(name, _AnySpace(), score=lambda key: 0.0, preset=preset, **options)


class _AnySpace:
    """A search space of one key, for options to be checked in."""

    def sample(self, rng: Random) -> str:
        """Return the key."""
        return ""

    def mutate(self, key: str, rng: Random, rule: str = "") -> str:
        """Return the key; each space has rules of its own."""
        return key

    def neighbours(self, key: str) -> list[str]:
        """Return nothing."""
        return []


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
