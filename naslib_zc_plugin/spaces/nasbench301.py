"""NAS-Bench-301 (Siems et al., 2020; Zela et al., ICLR 2022): the cells of DARTS (Liu et al., ICLR 2019) on CIFAR-10.

Two cells of four nodes, all of which are concatenated; a node has two edges, from different places, of seven
operations. Keys are NASLib's specs as text, such as ``(((0, 3), (1, 3), ...), ((0, 0), (1, 0), ...))``: two cells, one
normal and one that halves the image, each of eight pairs (place of the input, number of the operation), two for each
node. Places 0 and 1 are the outputs of the two cells before, 2 the first node of this one. Exchanging the two pairs of
a node gives another spec of the same network.

>>> key = SPACE.key(0)
>>> key[:34], SPACE.index(key), len(SPACE.neighbours(key))
('(((0, 0), (1, 0), (0, 0), (1, 0), ', 0, 120)
>>> from_genotype(to_genotype(parse(key))) == parse(key)
True
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from itertools import permutations
from random import Random
from typing import TYPE_CHECKING, Any

from naslib_zc_plugin.spaces._space import Product, check_known, keyed
from naslib_zc_plugin.spaces.nds.keys import BUILDER, CELLS, Edges, Genotype, read_genotype, write_genotype

if TYPE_CHECKING:
    from torch import nn

__all__ = ["OPERATIONS", "SPACE", "NASBench301"]

OPERATIONS = (
    "max_pool_3x3", "avg_pool_3x3", "skip_connect", "sep_conv_3x3", "sep_conv_5x5", "dil_conv_3x3", "dil_conv_5x5",
)  # fmt: skip
"""In NASLib's order."""
_NODES = 4
_EDGES = 2 * _NODES
_CONCATENATED = (2, 3, 4, 5)

Spec = tuple[tuple[tuple[int, int], ...], ...]


@keyed
class NASBench301(Product):
    """The search space; stateless, all randomness is the caller's ``rng``.

    There are (∏ p (p − 1) · 7², p = 2, ..., 5)² keys, 2.8 · 10²⁰, of 1.1 · 10¹⁸ networks.
    """

    name = "nasbench301"
    choices: Sequence[Sequence[Any]] = [
        values
        for _ in CELLS
        for node in range(2, 2 + _NODES)
        for values in (tuple(permutations(range(node), 2)), *(range(len(OPERATIONS)),) * 2)
    ]
    """For each node its two places, then the operation of either."""
    builder = BUILDER

    def neighbours(self, key: str) -> list[str]:
        """Return the keys with another operation or another place in one pair, by cell, pair and number."""
        return [str(spec) for spec in neighbours(parse(key))]

    def mutate(self, key: str, rng: Random, rule: str = "one") -> str:
        """Draw a neighbour uniformly, by the one rule ``"one"``. NASLib's own mutation changes two numbers or more.

        Raises:
            ValueError: ``key`` is not of this space, or another rule.
        """
        check_known("mutation rule", rule, ["one"])
        return rng.choice(self.neighbours(key))

    def canonical(self, key: str) -> str:
        """Return the key with the two edges of each node in order, whose sum is the same to the last bit."""
        cells = parse(key)
        nodes = range(0, _EDGES, 2)
        return str(tuple(tuple(pair for node in nodes for pair in sorted(cell[node : node + 2])) for cell in cells))

    def build(self, key: str, C: int = 32, N: int = 8, num_classes: int = 10) -> nn.Module:
        """Build the freshly initialised network of ``key``, without auxiliary head (needs torch).

        Args:
            key: of the architecture.
            C: channels of the first stage, 32 in the benchmark and 16 in NASLib.
            N: cells, eight in both.
            num_classes: number of logits.
        """
        from naslib_zc_plugin.spaces.nds import network

        return network.build(Genotype(**named_edges(parse(key)), width=C, depth=N), False, num_classes)

    def decode(self, key: str) -> list[Any]:
        """Return the value of each choice in ``key``."""
        spec = parse(key)
        nodes = [(cell[first], cell[first + 1]) for cell in spec for first in range(0, _EDGES, 2)]
        return [value for (a, one), (b, two) in nodes for value in ((a, b), one, two)]

    def encode(self, values: Sequence[Any]) -> str:
        """Return the key of the places and operations of each node."""
        nodes = zip(values[::3], values[1::3], values[2::3])
        pairs = [pair for (a, b), one, two in nodes for pair in ((a, one), (b, two))]
        return str((tuple(pairs[:_EDGES]), tuple(pairs[_EDGES:])))


SPACE = NASBench301()


def check(spec: Any) -> None:
    """Validate a spec.

    Raises:
        ValueError: not two cells of eight pairs, an input that does not come before its node or comes twice, or an
            unknown operation.
    """
    if not _is_tuple(spec, 2) or not all(_is_tuple(cell, _EDGES) for cell in spec):
        raise ValueError(f"a spec of NAS-Bench-301 is two cells of {_EDGES} pairs (input, operation)")
    for name, cell in zip(CELLS, spec):
        for number, pair in enumerate(cell):
            node = 2 + number // 2
            if not _is_tuple(pair, 2) or pair[0] not in range(node) or pair[1] not in range(len(OPERATIONS)):
                raise ValueError(
                    f"{name}: pair {number} is {pair!r}, expected an input below {node} and an operation below "
                    f"{len(OPERATIONS)}"
                )
            if number % 2 and pair[0] == cell[number - 1][0]:
                raise ValueError(f"{name}: both inputs of node {node} are {pair[0]}")


def neighbours(spec: Spec) -> list[Spec]:
    """Return the specs with another operation or another input in one pair, by cell, pair and number."""
    found = []
    for c, cell in enumerate(spec):
        for number, (source, operation) in enumerate(cell):
            taken = {source, cell[number ^ 1][0]}
            pairs = [(source, other) for other in range(len(OPERATIONS)) if other != operation]
            pairs += [(other, operation) for other in range(2 + number // 2) if other not in taken]
            for pair in pairs:
                changed = (*cell[:number], pair, *cell[number + 1 :])
                found.append((*spec[:c], changed, *spec[c + 1 :]))
    return found


def parse(key: str) -> Spec:
    """Return the spec of a key.

    Raises:
        ValueError: ``key`` is no text of a spec, or not written as Python writes one.
    """
    try:
        found = ast.literal_eval(key)
        check(found)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError) as error:
        raise ValueError(f"not a key of nasbench301: {key[:200]!r} ({error})") from error
    # True and 1.0 are equal to numbers, but are not written in keys.
    spec: Spec = tuple(tuple((int(place), int(number)) for place, number in cell) for cell in found)
    if str(spec) != key:
        raise ValueError(f"not a key of nasbench301, as it is written: {key[:200]!r}; it would be {str(spec)!r}")
    return spec


def named_edges(spec: Spec) -> dict[str, Edges]:
    """Return the edges of each cell, (operation, place of the input)."""
    return {name: tuple((OPERATIONS[number], place) for place, number in cell) for name, cell in zip(CELLS, spec)}


def to_genotype(spec: Spec) -> str:
    """Return the text of a genotype, as DARTS writes it."""
    return write_genotype(named_edges(spec), dict.fromkeys(CELLS, _CONCATENATED))


def from_genotype(text: str) -> Spec:
    """Return the spec of a genotype's text, as DARTS' code or log has it; inverse of :func:`to_genotype`.

    Raises:
        ValueError: no genotype, or one that is not of this space.
    """
    cells, ends = read_genotype(text)
    if set(ends.values()) != {_CONCATENATED}:
        raise ValueError(f"a cell of NAS-Bench-301 concatenates {_CONCATENATED}, found {ends}")
    spec = tuple(tuple((place, _number(name)) for name, place in cells[cell]) for cell in CELLS)
    check(spec)
    return spec


def _number(operation: str) -> int:
    if operation not in OPERATIONS:
        raise ValueError(f"unknown operation {operation!r}; known: {', '.join(OPERATIONS)}")
    return OPERATIONS.index(operation)


def _is_tuple(value: Any, length: int) -> bool:
    """Return whether a value is a sequence, other than text, of this length."""
    return isinstance(value, Sequence) and not isinstance(value, str) and len(value) == length
