"""NNI's model spaces as domains of strategies: to sample, to mutate, to list neighbours, by key."""

from __future__ import annotations

from random import Random
from typing import Any, Protocol

from nni.mutable import Categorical, Mutable

from naslib_zc_plugin.hosts.nni import nasbench201, nasbench_nlp
from naslib_zc_plugin.hosts.nni.choices import SampleDomain
from naslib_zc_plugin.spaces.nasbench201 import SPACE
from naslib_zc_plugin.strategies import SearchSpace


class HostDomain(SearchSpace, Protocol):
    """A domain that gives the samples of its keys."""

    def to_sample(self, key: str) -> dict[str, Any]:
        """NNI's sample of a key. Raises ``ValueError`` for one that is not of this space."""


def domain(space: Mutable) -> HostDomain:
    """A model space of NNI as strategies want it.

    ``NasBench201`` becomes our own search space: strategies draw and mutate as everywhere, with the rules ``"edge"``
    and ``"node"``. So does our ``NasBenchNlp``. Any other becomes a :class:`SampleDomain`.

    Args:
        space: a ``ModelSpace`` of the hub or of one's own, or what an experiment makes of it.

    Raises:
        ValueError: choices that cannot be written as JSON.
    """
    mutables = space.simplify()
    if nasbench201.recognises(mutables) and all(_is_edge(mutable) for mutable in mutables.values()):
        return NasBench201Domain(nasbench201.prefix_of(mutables))
    if nasbench_nlp.recognises(mutables):
        return nasbench_nlp.NasBenchNlpDomain()
    return SampleDomain(mutables)


class NasBench201Domain:
    """Our search space of NAS-Bench-201, whose keys have samples in NNI."""

    def __init__(self, prefix: str = nasbench201.PREFIX) -> None:
        self._prefix = prefix
        self.size = SPACE.size

    def sample(self, rng: Random) -> str:
        """A key drawn uniformly."""
        return SPACE.sample(rng)

    def mutate(self, key: str, rng: Random, rule: str = "edge") -> str:
        """A key with another operation on one edge; ``rule`` as in our space."""
        return SPACE.mutate(key, rng, rule)

    def neighbours(self, key: str) -> list[str]:
        """The 24 keys that differ in one edge."""
        return SPACE.neighbours(key)

    def to_sample(self, key: str) -> dict[str, Any]:
        """NNI's sample of a key."""
        return nasbench201.to_sample(key, self._prefix)


def _is_edge(mutable: Any) -> bool:
    return isinstance(mutable, Categorical) and set(mutable.values) == set(nasbench201.NAMES.values())
