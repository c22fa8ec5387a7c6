"""The members of every search space, the base of those whose choices are independent, and a check of options."""

from __future__ import annotations

import functools
from collections.abc import Collection, Sequence
from math import prod
from random import Random
from typing import TYPE_CHECKING, Any, Callable, Protocol, TypeVar, runtime_checkable

if TYPE_CHECKING:
    from torch import nn


@runtime_checkable
class Space(Protocol):
    """A set of architectures, each named by a text of one line, its key.

    Every method raises ``ValueError`` for a key that is not of this space. Randomness comes from the caller's ``rng``
    alone, so that equal generators give equal keys.

    A space may also have an attribute ``builder``, an integer: the version of the code that draws the initial weights.
    It enters the provenance of campaigns, and rises with every change after which a seed gives other weights. A space
    without the attribute has never changed the weights of a seed. Likewise an attribute ``software``, a tuple of names
    of distributions that build its networks: their versions enter the provenance.

    CONTRIBUTING has a complete space in one file.

    >>> from naslib_zc_plugin.spaces import space
    >>> isinstance(space("nats_sss"), Space)
    True
    """

    @property
    def name(self) -> str:
        """Name of the space, by which it is registered."""

    @property
    def size(self) -> int | None:
        """Number of keys; None where keys are not counted and have no positions."""

    def key(self, index: int) -> str:
        """Return the key at a position of the space's order, 0 to ``size`` − 1; inverse of :meth:`index`.

        Raises ``ValueError`` where keys are not counted.
        """

    def index(self, key: str) -> int:
        """Return the position of ``key`` in the space's order. Raises ``ValueError`` where keys are not counted."""

    def sample(self, rng: Random) -> str:
        """Draw a key: uniformly, unless the space's docstring names the distribution of its benchmark."""

    def neighbours(self, key: str) -> list[str]:
        """Return the keys one elementary change away from ``key``, in a fixed order and without ``key``."""

    def mutate(self, key: str, rng: Random, rule: str = ...) -> str:
        """Draw a neighbour of ``key``; ``rule`` names the published distribution to draw it from."""

    def canonical(self, key: str) -> str:
        """Return the representative of all keys that build the same network, which may share a score."""

    def build(self, key: str, *args: Any, **options: Any) -> nn.Module:
        """Build the freshly initialised network of ``key``, whose forward pass returns logits (needs torch)."""


def check_known(what: str, value: str, known: Collection[str]) -> None:
    """Raise ``ValueError``, which names the ``known`` values, unless a mutation rule or a variant is one of them."""
    if value not in known:
        raise ValueError(f"unknown {what} {value!r}; use {' or '.join(map(repr, known))}")


Class = TypeVar("Class", bound=type)


def keyed(space: Class) -> Class:
    """Let the methods of a class of search spaces refuse a key that is no text, such as an index or a list.

    >>> from naslib_zc_plugin.spaces import space
    >>> space("nasbench201").build(5)
    Traceback (most recent call last):
    ValueError: nasbench201 knows architectures by keys, which are texts, not 5: key(5) is the key at a position
    """
    for name in ("build", "canonical", "decode", "index", "mutate", "neighbours", "naslib_key"):
        if method := getattr(space, name, None):
            setattr(space, name, _for_texts(method))
    return space


def _for_texts(method: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(method)
    def checked(self: Any, key: Any, *more: Any, **options: Any) -> Any:
        if isinstance(key, str):
            return method(self, key, *more, **options)
        about = f"{self.name} knows architectures by keys, which are texts, not {key!r}"
        if isinstance(key, int) and self.size is not None:
            raise ValueError(f"{about}: key({key}) is the key at a position")
        if isinstance(key, (list, tuple)) and isinstance(self, Product):
            example = [values[0] for values in self.choices][:3]
            raise ValueError(f"{about}: encode([...]) is the key of a list of choices, which begins like {example}")
        raise ValueError(f"{about}, such as {self.sample(Random(0))!r}")

    return checked


class Product:
    """Base of spaces whose choices are independent.

    A subclass names the choices and how a key is written (:meth:`encode`, :meth:`decode`), and adds ``mutate``,
    ``canonical`` and ``build``. The first choice varies slowest in the space's order.

    >>> class Widths(Product):
    ...     name, choices = "widths", [(8, 16), (8, 16, 32)]
    ...
    ...     def decode(self, key):
    ...         return [int(width) for width in key.split("-")]
    ...
    ...     def encode(self, values):
    ...         return "-".join(map(str, values))
    >>> Widths().size, Widths().key(4), Widths().neighbours("16-16")
    (6, '16-16', ['8-16', '16-8', '16-32'])
    """

    name: str
    choices: Sequence[Sequence[Any]]
    """The values of each choice."""

    def decode(self, key: str) -> list[Any]:
        """Return the value of each choice in ``key``.

        Raises:
            ValueError: ``key`` is not of this space.
        """
        raise NotImplementedError

    def encode(self, values: Sequence[Any]) -> str:
        """Return the key of a value for each choice; inverse of :meth:`decode`."""
        raise NotImplementedError

    @property
    def size(self) -> int:
        """Number of keys."""
        return prod(map(len, self.choices))

    def key(self, index: int) -> str:
        """Return the key at a position of the space's order.

        Raises:
            ValueError: ``index`` is not from 0 to ``size`` − 1.
        """
        if not 0 <= index < self.size:
            raise ValueError(f"{self.name} has the indices 0 to {self.size - 1}, found {index}")
        found = []
        for values in reversed(self.choices):
            index, digit = divmod(index, len(values))
            found.append(values[digit])
        return self.encode(found[::-1])

    def index(self, key: str) -> int:
        """Return the position of ``key``; inverse of :meth:`key`.

        Raises:
            ValueError: ``key`` is not of this space.
        """
        found = 0
        for value, values in zip(self.decode(key), self.choices):
            if value not in values:
                raise ValueError(f"{key!r} has no place in {self.name}: {value!r} is none of {tuple(values)}")
            found = found * len(values) + values.index(value)
        return found

    def sample(self, rng: Random) -> str:
        """Draw a key uniformly."""
        return self.encode([rng.choice(values) for values in self.choices])

    def neighbours(self, key: str) -> list[str]:
        """Return the keys with another value of one choice, in the order of :meth:`key`."""
        before = self.decode(key)
        return [
            self.encode([*before[:place], value, *before[place + 1 :]])
            for place, values in enumerate(self.choices)
            for value in values
            if value != before[place]
        ]

    def resample_one(self, key: str, places: Sequence[int], rng: Random) -> str:
        """Draw one of the choices at ``places`` uniformly, then another value of it, also uniformly."""
        before = self.decode(key)
        place = rng.choice([place for place in places if set(self.choices[place]) - {before[place]}])
        value = rng.choice([value for value in self.choices[place] if value != before[place]])
        return self.encode([*before[:place], value, *before[place + 1 :]])
