"""A search space of hyperparameters as a domain."""

from __future__ import annotations

import json
from collections.abc import Mapping
from random import Random
from typing import Any


class ChoiceDomain:
    """A search space of ``choice`` parameters, by keys that are the parameters as JSON.

    Args:
        space: as NNI writes it, ``{name: {"_type": "choice", "_value": [...]}}``.

    Raises:
        ValueError: a parameter of another type, or without values.
    """

    def __init__(self, space: Mapping[str, Any]) -> None:
        self._values: dict[str, list[Any]] = {}
        self.size = 1
        for name, each in space.items():
            values = each.get("_value") if isinstance(each, Mapping) and each.get("_type") == "choice" else None
            if not isinstance(values, list) or not values or any(_is_nested(value) for value in values):
                raise ValueError(f"parameter {name!r} must be a choice of values, not {each!r}")
            self._values[name] = list(values)
            self.size *= len(values)

    def sample(self, rng: Random) -> str:
        """Every parameter drawn uniformly."""
        return json.dumps({name: rng.choice(values) for name, values in self._values.items()})

    def mutate(self, key: str, rng: Random, rule: str = "one") -> str:
        """One parameter, of those with a choice, drawn uniformly from its other values."""
        if rule != "one":
            raise ValueError(f"unknown mutation rule {rule!r}; here is 'one'")
        before = json.loads(key)
        open_ones = [name for name, values in self._values.items() if self._others(values, before[name])]
        if not open_ones:
            return key
        name = rng.choice(open_ones)
        return json.dumps({**before, name: rng.choice(self._others(self._values[name], before[name]))})

    def neighbours(self, key: str) -> list[str]:
        """All that differ in one parameter."""
        before = json.loads(key)
        return [
            json.dumps({**before, name: value})
            for name, values in self._values.items()
            for value in self._others(values, before[name])
        ]

    @staticmethod
    def _others(values: list[Any], value: Any) -> list[Any]:
        return [each for each in values if each != value]


def _is_nested(value: Any) -> bool:
    return isinstance(value, Mapping) and "_name" in value
