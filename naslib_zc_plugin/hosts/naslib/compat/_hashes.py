"""Hashes of architectures as text."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any, Callable

import numpy as np

from naslib_zc_plugin.hosts.naslib.compat._imports import around_import
from naslib_zc_plugin.hosts.naslib.compat._record import Repair

_SPACES = "nasbench101 nasbench201 nasbench301 nasbenchasr nasbenchnlp natsbenchsize transbench101".split()


def plain(value: Any) -> Any:
    """The value with NumPy's scalars as Python's, also inside tuples and lists."""
    if isinstance(value, (tuple, list)):
        return type(value)(map(plain, value))
    return value.item() if isinstance(value, np.generic) else value


def _plain_result(method: Callable[[Any], Any]) -> Callable[[Any], Any]:
    @functools.wraps(method)
    def get_hash(self: Any) -> Any:
        return plain(method(self))

    return get_hash


@contextmanager
def _plain_hashes(module: ModuleType) -> Iterator[None]:
    yield
    for found in vars(module).values():
        if isinstance(found, type) and found.__module__ == module.__name__ and "get_hash" in vars(found):
            found.get_hash = _plain_result(found.get_hash)  # type: ignore[attr-defined]


def _apply() -> None:
    for space in _SPACES:
        around_import(f"naslib.search_spaces.{space}.graph", _plain_hashes)


HASHES = Repair(
    name="numpy-hashes",
    breaks="NumPy 2 writes np.int64(4) for 4: the text of the hash of a sampled or mutated graph is no key of zc_api, "
    "and the lookup misses without a word",
    remedy="get_hash() of NASLib's graphs gives Python's own numbers",
    detect=lambda: repr(np.int64(4)) != "4",
    apply=_apply,
)
