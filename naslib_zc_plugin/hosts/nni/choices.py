"""Any model space of NNI as a domain, by its choices."""

from __future__ import annotations

import json
from collections.abc import Mapping
from random import Random
from typing import Any

from nni.mutable import Categorical, CategoricalMultiple, Mutable, MutableDict
from nni.mutable.mutable import MutableSymbol
from numpy.random import RandomState

from naslib_zc_plugin.hosts.nni import nasbench101
from naslib_zc_plugin.hosts.nni.samples import key_of, text_of
from naslib_zc_plugin.strategies import Exhausted

_PATIENCE = 10_000  # draws without a valid sample
_REDRAWS = 64  # of one choice; 64 draws of one of two find the other, but once in 10^19
_SUBSETS = 12  # choices of any number among at most so many are listed


class SampleDomain:
    """Any model space, by its choices.

    A random key has every choice drawn as NNI draws it, all anew until the space's constraints hold. A mutation draws
    exactly one choice anew, another value than before; NNI's own mutation gives each choice a chance to be drawn anew,
    and perhaps the same value.

    Args:
        mutables: label → choice, as ``simplify()`` gives them.

    Raises:
        ValueError: choices that cannot be written as JSON.
    """

    def __init__(self, mutables: Mapping[str, Mutable]) -> None:
        self._whole = MutableDict(mutables)
        self._choices = {label: each for label, each in mutables.items() if isinstance(each, MutableSymbol)}
        self._values = {
            label: {text_of(value): value for value in each.values}
            for label, each in self._choices.items()
            if isinstance(each, (Categorical, CategoricalMultiple))
        }
        self._is_101 = nasbench101.recognises(mutables)

    def sample(self, rng: Random) -> str:
        """A random key.

        Raises:
            Exhausted: many draws met no constraint.
        """
        for _ in range(_PATIENCE):
            found = self._drawn(list(self._choices), rng)
            if self._valid(found):
                return key_of(found)
        raise Exhausted(f"{_PATIENCE:,} draws gave no sample that the model space accepts")

    def mutate(self, key: str, rng: Random, rule: str = "one") -> str:
        """A key with one choice drawn anew.

        Raises:
            ValueError: a key that is not of this space, or a rule other than ``"one"``.
            Exhausted: no choice can be changed.
        """
        if rule != "one":
            raise ValueError(f"unknown mutation rule {rule!r}; this model space has 'one' choice drawn anew")
        before = self._given(key)
        spare = [label for label in self._choices if label not in before]
        for _ in range(_PATIENCE):
            # A choice that meant nothing may mean something afterwards: it is random as well.
            after = {**self._drawn(spare, rng), **before}
            if self._redraw(after, rng.choice(list(before)), rng) and self._valid(after):
                return key_of(after)
        raise Exhausted(f"no choice of {key} can be changed")

    def neighbours(self, key: str) -> list[str]:
        """The keys that differ in one choice, by label and then by value; of as many nodes, in NAS-Bench-101.

        Raises:
            ValueError: a key that is not of this space, or a choice whose values cannot be listed.
        """
        before = self._given(key)
        found = [self._filled({**before, label: value}) for label in before for value in self._listed(label)]
        keys = dict.fromkeys(key_of(sample) for sample in found if self._valid(sample))
        return [each for each in keys if each != key]

    def to_sample(self, key: str) -> dict[str, Any]:
        """NNI's sample of a key, with some value for choices that mean nothing in it.

        Raises:
            ValueError: the key is not of this space.
        """
        found = self._filled(self._given(key))
        if key_of(found) != key or not self._valid(found):
            raise ValueError(f"not a key of this model space: {key}")
        return found

    def _given(self, key: str) -> dict[str, Any]:
        try:
            read = json.loads(key)
            return {label: self._value(label, read[label]) for label in self._choices if label in read}
        except (TypeError, LookupError, ValueError) as error:
            raise ValueError(f"not a key of this model space: {key}") from error

    def _value(self, label: str, read: Any) -> Any:
        # A tuple, for one, comes back from JSON as a list.
        if label not in self._values:
            return read
        values = self._values[label]
        if isinstance(self._choices[label], CategoricalMultiple):
            return [values[text_of(each)] for each in read]
        return values[text_of(read)]

    def _filled(self, sample: dict[str, Any]) -> dict[str, Any]:
        for label, choice in self._choices.items():
            if label not in sample:
                choice.default(sample)
        return sample

    def _drawn(self, labels: list[str], rng: Random) -> dict[str, Any]:
        found: dict[str, Any] = {}
        state = RandomState(rng.getrandbits(32))
        for label in labels:
            self._choices[label].random(found, state)
        return found

    def _redraw(self, sample: dict[str, Any], label: str, rng: Random) -> bool:
        """Give a choice another value; False if it has none."""
        before, state = text_of(sample[label]), RandomState(rng.getrandbits(32))
        for _ in range(_REDRAWS):
            found: dict[str, Any] = {}
            self._choices[label].random(found, state)
            if text_of(found[label]) != before:
                sample[label] = found[label]
                return True
        return False

    def _listed(self, label: str) -> list[Any]:
        if self._is_101 and label.endswith("num_nodes"):
            return []
        choice = self._choices[label]
        endless = isinstance(choice, CategoricalMultiple) and choice.n_chosen is None and len(choice.values) > _SUBSETS
        if label not in self._values or endless:
            raise ValueError(f"the values of {label} cannot be listed")
        return list(choice.grid())

    def _valid(self, sample: dict[str, Any]) -> bool:
        # Constraints may write into the sample that they check.
        return self._whole.check_contains(dict(sample)) is None
