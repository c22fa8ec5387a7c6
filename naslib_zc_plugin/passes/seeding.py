"""Random numbers by name: the draws of a pass depend on the seed and on their names, never on other observations.

Random states, and some of torch's switches, belong to the whole process: threads take turns (:class:`Turn`).

Seeds are hashes of texts. A setting, its weights and its inputs are hashed under their ``seed_name``, a text that
stays the same when a class or a field is renamed, so that no score of an old campaign moves.
"""

from __future__ import annotations

import hashlib
import os
import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import numpy as np
import torch

_locks: dict[str, Any] = {}


class Turn:
    """A thread's turn at something that the whole process has once; while it lasts, other threads wait for theirs.

    The thread may take it again meanwhile.

    >>> with Turn("states"):
    ...     seed_everything(0)

    Args:
        what: ``"states"``: random states and torch's switches; ``"passes"``: the passes over an isolated module, which
            lie within the other. A forked process has locks of its own: no thread of it would give the parent's back.
    """

    def __init__(self, what: str) -> None:
        self._lock = _locks.setdefault(what, threading.RLock())
        self._has_before, self._took, self._over = self._lock._is_owned(), False, False

    def take(self, seconds: float = -1) -> bool:
        """Wait, at most so long, and return whether it has come."""
        self._took = self._lock.acquire(timeout=seconds)
        return self._took

    def end(self) -> None:
        """Let others have theirs, also where an exception came between taking it and knowing that it was taken."""
        ends = not self._over and self._lock._is_owned() and (self._took or not self._has_before)
        self._over = True
        if ends:
            self._lock.release()

    def __enter__(self) -> None:
        """Take it."""
        try:
            self.take()
        except BaseException:
            self.end()
            raise

    def __exit__(self, *raised: object) -> None:
        """End it."""
        self.end()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_locks.clear)


class _Text(str):
    """A text that is its own ``repr``, without quotes."""

    __slots__ = ()

    def __repr__(self) -> str:
        """Return the text itself."""
        return str(self)


def derived_seed(seed: int, *names: object) -> int:
    """Return a 63-bit seed made of ``seed`` and names; it is the same on every machine and in every release.

    >>> derived_seed(0, "a")
    225321766190137866

    Args:
        seed: any integer.
        names: of the draw; hashed are their ``repr``, or their ``seed_name`` where they have one.
    """
    hashed = [_Text(name.seed_name) if hasattr(name, "seed_name") else name for name in names]
    digest = hashlib.sha256(repr((seed, *hashed)).encode()).digest()
    return int.from_bytes(digest[:8], "little") >> 1


@cache
def _has_accelerator() -> bool:
    """Return whether this machine has devices with random states besides the CPU's."""
    names = ("cuda", "xpu", "mtia", torch._C._get_privateuse1_backend_name())
    others = (torch.backends.mps, *(getattr(torch, name, None) for name in names))
    return any(other is not None and other.is_available() for other in others)


def seed_everything(seed: int, *names: object) -> None:
    """Set torch's (all devices), numpy's and Python's generators to the derived seed."""
    value = derived_seed(seed, *names)
    if _has_accelerator():
        torch.manual_seed(value)
    else:  # which torch would have it wait for, with a record of this call that takes longer than a small layer
        torch.default_generator.manual_seed(value)
    np.random.seed(value % 2**32)
    random.seed(value)


@contextmanager
def kept_random_states(device: torch.device | None = None) -> Iterator[None]:
    """Restore the random states of torch (CPU and, if it is a GPU, ``device``), numpy and Python at the end.

    >>> with kept_random_states():
    ...     drawn = torch.rand(3)
    """
    python, numpy = random.getstate(), np.random.get_state()
    with torch.random.fork_rng(devices=[device] if device is not None and device.type == "cuda" else []):
        try:
            yield
        finally:
            random.setstate(python)
            np.random.set_state(numpy)


@contextmanager
def own_states(device: torch.device, threads: int) -> Iterator[None]:
    """Have the random states and the number of CPU threads to oneself, and put both back at the end.

    >>> before = torch.get_num_threads()
    >>> with own_states(torch.device("cpu"), threads=1):
    ...     seed_everything(0, "weights")
    >>> torch.get_num_threads() == before
    True

    Args:
        device: whose random states are kept, besides the CPU's.
        threads: that torch may use on the CPU.
    """
    with Turn("states"), kept_random_states(device):
        before = torch.get_num_threads()
        torch.set_num_threads(threads)
        try:
            yield
        finally:
            torch.set_num_threads(before)
