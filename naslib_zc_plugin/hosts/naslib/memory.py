"""Scores that were found already: of which graph, with which weights, on which batch. No graph is kept alive."""

from __future__ import annotations

import hashlib
import weakref
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from naslib_zc_plugin.passes.inputs import tensors
from naslib_zc_plugin.scoring import Score

LIMIT = 20_000
"""Architectures whose scores are remembered; those that were asked about longest ago are forgotten first."""


def digest(tree: Any) -> bytes:
    """Of all tensors in a tree of mappings, lists and tuples: equal where these are equal."""
    return _hash(tensors(tree)).digest()


def state_of(net: nn.Module) -> bytes:
    """A digest of what a network is: the kinds of its modules, and every value of its parameters and buffers.

    Values are read, not the tensors' versions, for writing to ``.data`` changes no version.
    """
    found = _hash([*net.parameters(), *net.buffers()])
    found.update(repr([type(module).__qualname__ for module in net.modules()]).encode())
    return found.digest()


def _hash(values: Iterable[Tensor]) -> hashlib.blake2b:
    found = hashlib.blake2b(digest_size=16)
    for value in values:
        found.update(repr((value.dtype, *value.shape)).encode())
        found.update(value.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().data)
    return found


@dataclass
class _Entry:
    owner: weakref.ref[Any]
    state: bytes
    scores: dict[str, Score] = field(default_factory=dict)


class Memory:
    """What is known of graphs, each known by itself and not by its ``==``, which in NASLib compares names."""

    def __init__(self, limit: int = LIMIT) -> None:
        self._limit = limit
        self._entries: OrderedDict[tuple[int, str], _Entry] = OrderedDict()

    def of(self, owner: Any, token: str, state: bytes) -> dict[str, Score]:
        """The scores by label that are known, to be added to; those of another state are forgotten.

        Args:
            owner: a graph, or the search space of an architecture that is known by its key; held weakly.
            token: that key.
            state: of weights and batch.
        """
        place = (id(owner), token)
        entry = self._entries.get(place)
        if entry is None or entry.owner() is not owner or entry.state != state:
            entry = self._entries[place] = _Entry(weakref.ref(owner), state)
        self._entries.move_to_end(place)
        if len(self._entries) > self._limit:
            self._entries.popitem(last=False)
        return entry.scores
