"""NNI's model spaces as search spaces of strategies: to sample, to mutate and to list neighbours, by key."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from itertools import product
from random import Random
from typing import Any, Callable, Protocol

from nni.mutable import Categorical, CategoricalMultiple, Mutable, MutableDict, Numerical
from nni.mutable.mutable import MutableSymbol
from numpy.random import RandomState

from naslib_zc_plugin.hosts.nni.samples import (
    OPERATIONS_201,
    RECURRENT_CELL,
    json_text,
    key_of,
    prefix201,
    sample201,
    space_of,
)
from naslib_zc_plugin.spaces.nasbench201 import SPACE as NASBENCH201
from naslib_zc_plugin.spaces.nasbench_nlp import SPACE as RECURRENT_CELLS
from naslib_zc_plugin.strategies import Exhausted, SearchSpace

_PATIENCE = 10_000  # draws without a valid sample
_REDRAWS = 64  # of one choice; 64 draws of one of two find the other, but once in 10^19
_SUBSETS = 12  # choices of any number among at most so many are listed
_STEPS = 1_000  # at most so many steps of a number are listed
_LOOKED_AT = 5_000  # samples, to count those that meet constraints
_DRAWN = 8  # neighbours by a choice whose values cannot be listed


class HostDomain(SearchSpace, Protocol):
    """A search space that gives the samples of its keys."""

    def to_sample(self, key: str) -> dict[str, Any]:
        """Return NNI's sample of a key; raise ``ValueError`` for one that is not of this space."""


def domain(space: Mutable) -> HostDomain:
    """Return the search space that strategies see of a model space of NNI.

    ``NasBench201`` becomes our own search space: strategies draw and mutate as everywhere, with the rules ``"edge"``
    and ``"node"``. So does our ``NasBenchNlp``. Any other becomes a :class:`SampleDomain`.

    Args:
        space: a ``ModelSpace`` of the hub or of one's own, or what an experiment makes of it.

    Raises:
        ValueError: a choice has values without JSON.

    >>> from nni.nas.hub.pytorch import NasBench201  # doctest: +SKIP
    >>> domain(NasBench201()).size  # doctest: +SKIP
    15625
    """
    mutables = space.simplify()
    prefix, operations = prefix201(mutables), set(OPERATIONS_201.values())
    edges = (isinstance(each, Categorical) and set(each.values) == operations for each in mutables.values())
    if prefix is not None and all(edges):
        return SpaceDomain(NASBENCH201, lambda key: sample201(key, prefix))
    if space_of(mutables) == "nasbench_nlp":
        canonical = RECURRENT_CELLS.canonical
        return SpaceDomain(RECURRENT_CELLS, lambda key: {RECURRENT_CELL: canonical(key)}, canonical)
    return SampleDomain(mutables)


class SpaceDomain:
    """A search space of ours, whose keys have samples in NNI.

    Args:
        space: search space.
        to_sample: NNI's sample of a key.
        canonical: applied to keys that are drawn.
    """

    def __init__(
        self, space: Any, to_sample: Callable[[str], dict[str, Any]], canonical: Callable[[str], str] = str
    ) -> None:
        self._space, self._canonical = space, canonical
        self.to_sample = to_sample
        self.size = space.size

    def sample(self, rng: Random) -> str:
        """Return a key, drawn as the space does it."""
        return self._canonical(self._space.sample(rng))

    def mutate(self, key: str, rng: Random, *rule: str) -> str:
        """Return a random neighbour; ``rule`` as in the space."""
        return str(self._space.mutate(key, rng, *rule))

    def neighbours(self, key: str) -> list[str]:
        """List the keys one change away."""
        return list(self._space.neighbours(key))


class SampleDomain:
    """Any model space, by its choices.

    A random key has every choice drawn as NNI draws it, all anew until the space's constraints hold. A mutation draws
    exactly one choice anew, another value than before; NNI's own mutation gives each choice a chance to be drawn anew,
    and perhaps the same value. Of a choice among numbers without steps, eight values are neighbours, drawn by the key.

    Args:
        mutables: label → choice, as ``simplify()`` gives them.

    Attributes:
        size: number of keys, where every choice is one of a list; None where there is no end, for large spaces with
            constraints, and for NAS-Bench-101.

    Raises:
        ValueError: a choice has values without JSON.
    """

    def __init__(self, mutables: Mapping[str, Mutable]) -> None:
        self._whole = MutableDict(mutables)
        self._choices = {label: each for label, each in mutables.items() if isinstance(each, MutableSymbol)}
        self._values = {
            label: {json_text(value): value for value in each.values}
            for label, each in self._choices.items()
            if isinstance(each, (Categorical, CategoricalMultiple))
        }
        self._is_101 = space_of(mutables) == "nasbench101"
        self.size = self._count()

    def sample(self, rng: Random) -> str:
        """Return a random key.

        Raises:
            Exhausted: no draw of many met the constraints.
        """
        for _ in range(_PATIENCE):
            found = self._draw(list(self._choices), rng)
            if self._is_valid(found):
                return key_of(found)
        raise Exhausted(f"{_PATIENCE:,} draws gave no sample that the model space accepts")

    def mutate(self, key: str, rng: Random, rule: str = "one") -> str:
        """Return a key with one choice drawn anew.

        Raises:
            ValueError: the key is not of this space, or the rule is not ``"one"``.
            Exhausted: no choice can be changed.
        """
        if rule != "one":
            raise ValueError(f"unknown mutation rule {rule!r}; this model space has 'one' choice drawn anew")
        before = self._parse(key)
        spare = [label for label in self._choices if label not in before]
        for _ in range(_PATIENCE):
            # A choice that meant nothing may mean something afterwards: it is random as well.
            after = {**self._draw(spare, rng), **before}
            if self._redraw(after, rng.choice(list(before)), rng) and self._is_valid(after):
                return key_of(after)
        raise Exhausted(f"no choice of {key} can be changed")

    def neighbours(self, key: str) -> list[str]:
        """List the keys that differ in one choice, by label and then by value; of as many nodes, in NAS-Bench-101.

        Raises:
            ValueError: the key is not of this space.
        """
        before = self._parse(key)
        found = [self._fill({**before, label: value}) for label in before for value in self._others(label, before)]
        keys = dict.fromkeys(key_of(sample) for sample in found if self._is_valid(sample))
        return [each for each in keys if each != key]

    def to_sample(self, key: str) -> dict[str, Any]:
        """Return NNI's sample of a key, with some value for choices that mean nothing in it.

        Raises:
            ValueError: the key is not of this space.
        """
        found = self._fill(self._parse(key))
        if key_of(found) != key or not self._is_valid(found):
            raise ValueError(f"not a key of this model space: {key}")
        return found

    def _parse(self, key: str) -> dict[str, Any]:
        try:
            read = json.loads(key)
            return {label: self._value(label, read[label]) for label in self._choices if label in read}
        except (TypeError, LookupError, ValueError) as error:
            raise ValueError(f"not a key of this model space: {key}") from error

    def _value(self, label: str, read: Any) -> Any:
        """Return the choice's own value: a tuple, for one, comes back from JSON as a list."""
        values = self._values.get(label)
        if values is not None and isinstance(self._choices[label], CategoricalMultiple):
            return [values[json_text(each)] for each in read]
        return read if values is None else values[json_text(read)]

    def _fill(self, sample: dict[str, Any]) -> dict[str, Any]:
        """Give choices that are missing their defaults."""
        for label, choice in self._choices.items():
            if label not in sample:
                choice.default(sample)
        return sample

    def _draw(self, labels: list[str], rng: Random) -> dict[str, Any]:
        found: dict[str, Any] = {}
        state = RandomState(rng.getrandbits(32))
        for label in labels:
            self._choices[label].random(found, state)
        return found

    def _redraw(self, sample: dict[str, Any], label: str, rng: Random) -> bool:
        """Give a choice another value; return False if it has none."""
        before, state = json_text(sample[label]), RandomState(rng.getrandbits(32))
        for _ in range(_REDRAWS):
            found: dict[str, Any] = {}
            self._choices[label].random(found, state)
            if json_text(found[label]) != before:
                sample[label] = found[label]
                return True
        return False

    def _others(self, label: str, before: dict[str, Any]) -> list[Any]:
        """List the values of a choice, or draw some."""
        if self._is_101 and label.endswith("num_nodes"):
            return []
        values = _values_of(self._choices[label])
        if values is not None:
            return values
        rng, found = Random(f"{label} of {key_of(before)}"), []
        for _ in range(_DRAWN):
            after = dict(before)
            found += [after[label]] if self._redraw(after, label, rng) else []
        return found

    def _count(self) -> int | None:
        counts = [_count_of(choice) for choice in self._choices.values()]
        size = math.prod(counts)
        if self._is_101 or not size:
            return None
        if len(self._choices) == len(self._whole):
            return size
        if size > _LOOKED_AT:
            return None
        listed = [_values_of(choice) or [] for choice in self._choices.values()]
        return sum(self._is_valid(dict(zip(self._choices, values))) for values in product(*listed))

    def _is_valid(self, sample: dict[str, Any]) -> bool:
        # Constraints may write into the sample that they check.
        return self._whole.check_contains(dict(sample)) is None


def _values_of(choice: Mutable) -> list[Any] | None:
    """List the values of a choice; None where they are endless, or too many."""
    if isinstance(choice, Categorical):
        return list(choice.grid())
    if isinstance(choice, CategoricalMultiple):
        return list(choice.grid()) if choice.n_chosen is not None or len(choice.values) <= _SUBSETS else None
    if isinstance(choice, Numerical) and choice.quantize and math.isfinite(choice.high - choice.low):
        first, last = math.floor(choice.low / choice.quantize), math.ceil(choice.high / choice.quantize)
        if last - first <= _STEPS:
            values = dict.fromkeys(choice.qclip(step * choice.quantize) for step in range(first, last + 1))
            return [value for value in values if choice.check_contains({choice.label: value}) is None]
    return None


def _count_of(choice: Mutable) -> int:
    """Return the number of values of a choice; 0 where they are endless, or too many to list."""
    if isinstance(choice, Categorical):
        return len(choice.values)
    if isinstance(choice, CategoricalMultiple):
        number = len(choice.values)
        return 2**number if choice.n_chosen is None else math.comb(number, choice.n_chosen)
    return len(_values_of(choice) or ())
