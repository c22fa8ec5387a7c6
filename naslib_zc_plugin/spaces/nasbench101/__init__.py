"""NAS-Bench-101 (Ying et al., ICML 2019): 423,624 cells of at most seven vertices and nine edges.

A vertex between input and output is a convolution of 3 × 3 or 1 × 1 or a max pooling. Keys are texts (see
:mod:`.keys`). Isomorphic cells count as one in the benchmark; every method gives the first of them, the one that was
trained. They may differ by a channel here and there, since the output splits its channels among the vertices that lead
to it, in their order.

>>> SPACE.canonical("conv3x3(0)|maxpool3x3(0,1)|output(1,2)")
'conv3x3(0)|maxpool3x3(0,1)|output(1,2)'
>>> SPACE.neighbours("output(0)")
['conv3x3(0)|output(0,1)', 'conv1x1(0)|output(0,1)', 'maxpool3x3(0)|output(0,1)']
"""

from __future__ import annotations

from functools import lru_cache
from itertools import product
from random import Random
from typing import TYPE_CHECKING, NamedTuple

from naslib_zc_plugin.spaces._space import check_known, keyed
from naslib_zc_plugin.spaces.nasbench101 import enumeration, keys
from naslib_zc_plugin.spaces.nasbench101.keys import EDGES, OPERATIONS, VERTICES, Cell, place, sources_of

if TYPE_CHECKING:
    from torch import nn

__all__ = ["EDGES", "OPERATIONS", "SPACE", "VERTICES", "NASBench101"]

_RULES = ("change", "edge", "nasbench", "naslib")


@keyed
class NASBench101:
    """The search space; stateless, all randomness is the caller's ``rng``."""

    name = "nasbench101"
    size = 423_624

    def sample(self, rng: Random) -> str:
        """Draw a key uniformly from the benchmark's 423,624 cells."""
        return self.key(rng.randrange(self.size))

    def neighbours(self, key: str) -> list[str]:
        """Return the cells one elementary change away, in the benchmark's order.

        A change is another operation at a vertex, an edge more or less, or a new vertex with one edge in and one out.
        Vertices that an edge less cuts off from the paths between input and output are removed with it.
        """
        cell = enumeration.first(keys.parse(key))
        found = {_changed(cell, change) for change in _changes(cell.vertices, cell.bits)}
        return [keys.format(each) for each in sorted(each for each in found if each is not None)]

    def mutate(self, key: str, rng: Random, rule: str = "change") -> str:
        """Draw a random change.

        Args:
            key: the parent.
            rng: the source of randomness.
            rule: ``"change"``: one of all elementary changes (see :meth:`neighbours`), each equally likely. ``"edge"``:
                an entry of the adjacency matrix, each that gives a cell of the benchmark equally likely (NASWOT's
                AREA; operations and the number of vertices never grow; the one cell without a vertex takes
                ``"change"``). ``"nasbench"``: each of the 21 entries of a matrix of 7 × 7 with probability 1/7, each
                of the five operations with 1/5, until it is a cell of the benchmark (google-research/nasbench).
                ``"naslib"``: the same, operations with 1/3 (NASLib). Those two may give ``key`` itself; the codes
                carry dead ends from parent to child, which keys do not have.

        Raises:
            ValueError: a malformed key or another rule.
        """
        check_known("mutation rule", rule, _RULES)
        cell = enumeration.first(keys.parse(key))
        if rule in ("nasbench", "naslib"):
            return keys.format(_resampled(cell, rng, 1 / (VERTICES - 2) if rule == "nasbench" else 1 / len(OPERATIONS)))
        listed = _flips if rule == "edge" and cell.vertices > 2 else _changes
        changes = listed(cell.vertices, cell.bits)
        while True:
            found = _changed(cell, rng.choice(changes))
            if found is not None:
                return keys.format(found)

    def canonical(self, key: str) -> str:
        """Return the first of the isomorphic cells, without dead ends: the one that was trained."""
        return keys.format(enumeration.first(keys.parse(key)))

    def index(self, key: str) -> int:
        """Return the position of the cell in the benchmark's order (see :mod:`.enumeration`), 0 to 423,623."""
        return enumeration.index(keys.parse(key))

    def key(self, index: int) -> str:
        """Return the key at a position of the benchmark's order; inverse of :meth:`index`."""
        return keys.format(enumeration.cell_at(index))

    def naslib_key(self, key: str) -> str:
        """Return the name of ``key`` in NASLib's files: the text of the numbers of :func:`.keys.to_naslib`.

        Raises:
            ValueError: ``key`` is not of this space.
        """
        return str(keys.to_naslib(keys.parse(key)))

    def build(
        self, key: str, C: int | None = None, N: int = 3, num_classes: int = 10, variant: str = "zerocost"
    ) -> nn.Module:
        """Build the freshly initialised network of ``key`` (see :func:`.network.build`; needs torch)."""
        from naslib_zc_plugin.spaces.nasbench101 import network

        return network.build(key, C=C, N=N, num_classes=num_classes, variant=variant)


SPACE = NASBench101()

# Mutation. Dead ends are no part of a key. A vertex can therefore not be joined edge by edge, as in codes that carry
# the vertices that lie on no path from input to output; it is joined with one edge in and one edge out.


class _Change(NamedTuple):
    """An edge from ``source`` to ``target`` more or less; a vertex between them; or another operation at ``source``."""

    kind: str
    source: int
    target: int
    label: int


@lru_cache(maxsize=1 << 12)  # all graphs
def _changes(count: int, bits: int) -> list[_Change]:
    """List all changes; an edge less may cut the output off."""
    before = _ancestors(count, bits)
    edges = bin(bits).count("1")
    found = [_Change("operation", vertex, 0, shift) for vertex in range(1, count - 1) for shift in (1, 2)]
    for source, target in product(range(count - 1), range(1, count)):
        if source == target or target in before[source]:
            continue
        if source in sources_of(bits, target):
            found.append(_Change("less", source, target, 0))
        elif edges < EDGES:
            found.append(_Change("more", source, target, 0))
        if count < VERTICES and edges + 2 <= EDGES:
            found += [_Change("vertex", source, target, label) for label in range(len(OPERATIONS))]
    return found


@lru_cache(maxsize=1 << 12)
def _flips(count: int, bits: int) -> list[_Change]:
    """List the changes of one entry of the adjacency matrix above its diagonal."""
    return [each for each in _changes(count, bits) if each.kind in ("less", "more") and each.source < each.target]


def _ancestors(count: int, bits: int) -> list[set[int]]:
    """Return, for each vertex, those from which a path leads to it."""
    found: list[set[int]] = []
    for target in range(count):
        sources = sources_of(bits, target)
        found.append({*sources, *(each for source in sources for each in found[source])})
    return found


def _changed(cell: Cell, change: _Change) -> Cell | None:
    """Return the cell after a change, as the first of isomorphic ones; None where that cuts off the output."""
    labels = list(cell.labels)
    if change.kind == "operation":
        labels[change.source - 1] = (labels[change.source - 1] + change.label) % len(OPERATIONS)
        return enumeration.first(cell._replace(labels=tuple(labels)))
    labels += [change.label] if change.kind == "vertex" else []
    found = _graph_after(cell.vertices, cell.bits, *change[:3])
    if found is None:
        return None
    return enumeration.first(found._replace(labels=tuple(labels[each] for each in found.labels)))


@lru_cache(maxsize=1 << 16)
def _graph_after(count: int, bits: int, kind: str, source: int, target: int) -> Cell | None:
    """Return the pruned graph after a change; its labels are the places of its vertices' operations before it.

    A new vertex has the number that the output had, which moves behind it.
    """
    into = [set(sources_of(bits, vertex)) for vertex in range(count)]
    if kind == "vertex":
        into[-1:] = [{source}, into[-1] | ({count - 1} if target == count - 1 else set())]
        if target < count - 1:
            into[target].add(count - 1)
    elif kind == "more":
        into[target].add(source)
    else:
        into[target].remove(source)
    try:
        return keys.pruned(_sorted(into))
    except ValueError:
        return None


def _sorted(into: list[set[int]]) -> Cell:
    """Return the graph of vertices in any order, the input first and the output last, as in :func:`_graph_after`."""
    last = len(into) - 1
    order, left = [0], list(range(1, last))
    while left:
        ready = next(vertex for vertex in left if into[vertex] <= set(order))
        order.append(ready)
        left.remove(ready)
    places = {vertex: number for number, vertex in enumerate([*order, last])}
    bits = sum(1 << place(places[source], places[target]) for target, sources in enumerate(into) for source in sources)
    return Cell(last + 1, bits, tuple(vertex - 1 for vertex in order[1:]))


def _resampled(cell: Cell, rng: Random, chance: float) -> Cell:
    """Flip each entry of a matrix of 7 × 7 with probability 1/7, and change each operation with a ``chance``.

    Both are drawn anew until it is a cell of the benchmark. The vertices that are missing stand before the output,
    without edges, as convolutions of 3 × 3.
    """
    start = cell.bits & (1 << place(0, cell.vertices - 1)) - 1  # without the output's, which is the last vertex
    start |= sum(1 << place(source, VERTICES - 1) for source in sources_of(cell.bits, cell.vertices - 1))
    padded = cell.labels + (0,) * (VERTICES - cell.vertices)
    while True:
        bits = start
        for entry in range(place(0, VERTICES)):
            if rng.random() < 1 / VERTICES:
                bits ^= 1 << entry
        labels = tuple(
            (label + rng.choice((1, 2))) % len(OPERATIONS) if rng.random() < chance else label for label in padded
        )
        try:
            return enumeration.first(Cell(VERTICES, bits, labels))
        except ValueError:  # no cell of the benchmark
            continue
