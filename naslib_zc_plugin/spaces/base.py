"""What every search space can do."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

if TYPE_CHECKING:
    from torch import nn


@runtime_checkable
class Space(Protocol):
    """A set of architectures, each named by a text key of one line.

    Every method raises ``ValueError`` for a key that is not of this space. Randomness comes from the caller's
    ``rng`` alone, so that equal generators give equal keys.
    """

    @property
    def name(self) -> str:
        """Name of the space, that of its folder."""

    @property
    def size(self) -> int | None:
        """Number of keys; None where they are not counted, and so have no position."""

    def key(self, index: int) -> str:
        """The key at a position of the space's order, 0 to ``size`` − 1; inverse of :meth:`index`.

        Raises ``ValueError`` where keys are not counted.
        """

    def index(self, key: str) -> int:
        """Position of ``key`` in the space's order. Raises ``ValueError`` where keys are not counted."""

    def sample(self, rng: Random) -> str:
        """A key drawn uniformly, or as the space's benchmark drew its own where that is said."""

    def neighbours(self, key: str) -> list[str]:
        """The keys one elementary change away from ``key``, in a fixed order and without ``key``."""

    def mutate(self, key: str, rng: Random, rule: str = ...) -> str:
        """A random neighbour of ``key``; ``rule`` names the published distribution to draw it from."""

    def canonical(self, key: str) -> str:
        """The representative of all keys that build the same network, which may share a score."""

    def build(self, key: str, *args: Any, **options: Any) -> nn.Module:
        """The freshly initialised network of ``key``, whose forward pass returns logits (needs torch)."""
