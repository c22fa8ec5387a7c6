"""NAS-Bench-101 (Ying et al., ICML 2019): 423,624 cells of at most seven vertices and nine edges.

A vertex between input and output is a convolution of 3 × 3 or 1 × 1 or a max pooling. Keys are texts such as
``conv3x3(0)|maxpool3x3(0,1)|output(1,2)`` (see :mod:`.keys`). Isomorphic cells count as one in the benchmark; every
method gives the first of them, the one that was trained. They may differ by a channel here and there, since the output
splits its channels among the vertices that lead to it, in their order.
"""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

from naslib_zc_plugin.spaces.nasbench101 import changes, enumeration, keys, naslib
from naslib_zc_plugin.spaces.nasbench101.cells import EDGES, OPERATIONS, VERTICES

if TYPE_CHECKING:
    from torch import nn

__all__ = ["EDGES", "OPERATIONS", "SPACE", "VERTICES", "NASBench101"]


class NASBench101:
    """The search space; stateless, all randomness is the caller's ``rng``."""

    name = "nasbench101"
    size = 423_624

    def sample(self, rng: Random) -> str:
        """A key drawn uniformly from the benchmark's 423,624 cells."""
        return self.key(rng.randrange(self.size))

    def neighbours(self, key: str) -> list[str]:
        """The cells one elementary change away, in the benchmark's order.

        A change is another operation at a vertex, an edge more or less, or a vertex more with one edge in and one out.
        What an edge less takes off the paths from input to output is gone with it.
        """
        return [keys.format(cell) for cell in changes.neighbours(enumeration.first(keys.parse(key)))]

    def mutate(self, key: str, rng: Random, rule: str = "change") -> str:
        """A random change.

        Args:
            rule: ``"change"``: one of all elementary changes (see :meth:`neighbours`), each equally likely. ``"edge"``:
                an entry of the adjacency matrix, each that gives a cell of the benchmark equally likely (NASWOT's
                AREA; operations and the number of vertices never grow; the one cell without a vertex takes
                ``"change"``). ``"nasbench"``: each of the 21 entries of a matrix of 7 × 7 with probability 1/7, each
                of the five operations with 1/5, until it is a cell of the benchmark (google-research/nasbench).
                ``"naslib"``: the same, operations with 1/3 (NASLib). Those two may give ``key`` itself; the codes
                carry dead ends from parent to child, which keys do not have.

        Raises:
            ValueError: for a malformed key or another rule.
        """
        return keys.format(changes.mutate(enumeration.first(keys.parse(key)), rng, rule))

    def canonical(self, key: str) -> str:
        """The first of the isomorphic cells in the benchmark's order, without dead ends: the one that was trained."""
        return keys.format(enumeration.first(keys.parse(key)))

    def index(self, key: str) -> int:
        """Position of the cell in the benchmark's order (see :mod:`.enumeration`), 0 to 423,623."""
        return enumeration.index(keys.parse(key))

    def key(self, index: int) -> str:
        """The key at a position of the benchmark's order; inverse of :meth:`index`."""
        return keys.format(enumeration.cell_at(index))

    def naslib_key(self, key: str) -> str:
        """The name of ``key`` in NASLib's files: the text of the numbers of :mod:`.naslib`.

        Raises:
            ValueError: the key is not of this space.
        """
        return str(naslib.to_numbers(keys.parse(key)))

    def build(
        self, key: str, C: int | None = None, N: int = 3, num_classes: int = 10, flavour: str = "zerocost"
    ) -> nn.Module:
        """The freshly initialised network of ``key`` (see :func:`.network.build`; needs torch)."""
        from naslib_zc_plugin.spaces.nasbench101 import network

        return network.build(key, C=C, N=N, num_classes=num_classes, flavour=flavour)


SPACE = NASBench101()
