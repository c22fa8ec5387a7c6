"""NASLib's search spaces as strategies see them: to sample, to mutate and to list neighbours, by key."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from random import Random
from typing import Any

from naslib_zc_plugin.hosts.naslib.graphs import key_from, key_of, space_of, spec_from
from naslib_zc_plugin.hosts.naslib.specs import RULES
from naslib_zc_plugin.passes.seeding import kept_random_states, seed_everything
from naslib_zc_plugin.spaces import space
from naslib_zc_plugin.spaces.nasbench101 import keys
from naslib_zc_plugin.spaces.nasbench101.keys import from_naslib
from naslib_zc_plugin.strategies import Exhausted, SearchSpace

_PATIENCE = 1_000  # mutations that changed nothing
RULE = "naslib"
"""The mutation of NASLib's own search space."""


def domain(search_space: Any, dataset_api: Any = None) -> SearchSpace:
    """Return the search space that strategies see of one of NASLib.

    ``nasbench201`` becomes our own search space, so that histories are the same inside and outside of NASLib:
    strategies draw from all 15,625 cells, with the rules ``"edge"`` and ``"node"``. NASLib's own sampler refuses cells
    whose input or output is cut off. Any other space becomes a :class:`GraphDomain`.

    Args:
        search_space: a graph without architecture; it stays as it is.
        dataset_api: for the spaces that need one to draw; NAS-Bench-101 gets along without.

    Raises:
        ValueError: NASLib has no way to draw from this space or to set its architectures.

    >>> from naslib_zc_plugin.hosts.naslib import domain  # doctest: +SKIP
    >>> domain(NasBench301SearchSpace()).sample(Random(0))  # doctest: +SKIP
    """
    if space_of(search_space) == "nasbench201":
        return space("nasbench201")
    return GraphDomain(search_space, dataset_api)


class GraphDomain:
    """Any search space of NASLib, drawn and mutated by its own code.

    That code draws from global generators: they are seeded from the caller's for each draw, and put back. No network
    is built, and one graph serves all draws. A mutation is NASLib's, repeated while it gives the same key: in
    NAS-Bench-101 it changes each edge and operation with a chance, in NAS-Bench-301 two numbers or more.

    Args:
        search_space: a graph without architecture; it stays as it is.
        dataset_api: what NASLib's code needs to draw.

    Raises:
        ValueError: NASLib has no way to draw from this space or to set its architectures.
    """

    def __init__(self, search_space: Any, dataset_api: Any = None) -> None:
        self.name = space_of(search_space)
        missing = [each for each in ("get_hash", "set_spec", "mutate") if not hasattr(search_space, each)]
        if missing:
            raise ValueError(f"{self.name} cannot be searched by key: NASLib gives it no {missing[0]}()")
        self._rules = RULES.get(self.name)
        self._graph = search_space.clone()
        self._graph.instantiate_model = False
        if dataset_api is None and self.name == "nasbench101":
            from naslib_zc_plugin.hosts.naslib.tables import rules101

            dataset_api = rules101()
        self._api = dataset_api

    def sample(self, rng: Random) -> str:
        """Return a key as NASLib draws it."""
        with _drawing(rng):
            self._graph.sample_random_architecture(dataset_api=self._api)
        return key_of(self._graph)

    def mutate(self, key: str, rng: Random, rule: str = RULE) -> str:
        """Return another key, mutated as NASLib does it.

        Raises:
            ValueError: a key that is not of this space, or a rule other than ``"naslib"``.
            Exhausted: no mutation gave another key.
        """
        if rule != RULE:
            raise ValueError(f"unknown mutation rule {rule!r}; {self.name} has {RULE!r}")
        spec = spec_from(key, self.name)
        for _ in range(_PATIENCE):
            found = self._mutated(spec, rng)
            if found != key:
                return found
        raise Exhausted(f"{_PATIENCE:,} mutations of {key} changed nothing")

    def neighbours(self, key: str) -> list[str]:
        """List the keys that differ in one thing, in a fixed order.

        Raises:
            ValueError: a key that is not of this space, or a space whose neighbours cannot be listed.
        """
        spec = spec_from(key, self.name)
        if self._rules is None:
            raise ValueError(f"the neighbours of {self.name} cannot be listed: use mutate()")
        return [key_from(each, self.name) for each in self._rules.neighbours(spec) if self._is_there(each)]

    def _is_there(self, spec: Any) -> bool:
        """Return whether NASLib's code could draw a spec: in NAS-Bench-101 a table may have some of the cells only."""
        if self.name != "nasbench101":
            return True
        matrix, operations = keys.unpack(from_naslib(spec))
        cell = self._api["api"].ModelSpec(matrix=[list(row) for row in matrix], ops=list(operations))
        return bool(self._api["nb101_data"].is_valid(cell))

    def _mutated(self, spec: Any, rng: Random) -> str:
        if self._rules is not None and self._rules.mutate is not None:
            return key_from(self._rules.mutate(spec, rng), self.name)
        self._graph.set_spec(spec)
        with _drawing(rng):
            self._graph.mutate(self._graph, dataset_api=self._api)
        return key_of(self._graph)


@contextmanager
def _drawing(rng: Random) -> Iterator[None]:
    """Seed global generators from ``rng`` inside the block; afterwards they are as before."""
    with kept_random_states():
        seed_everything(rng.getrandbits(63))
        yield
