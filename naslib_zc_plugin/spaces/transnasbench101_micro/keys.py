"""Names of TransNAS-Bench-101's cells, such as ``64-41414-1_02_333``.

64 is the number of channels and 41414 the kinds of the network's modules, the same for all cells; then come the digits
of the operations on the edges (0→1), (0→2) (1→2), (0→3) (1→3) (2→3).
"""

from __future__ import annotations

import re
from collections.abc import Sequence

OPERATIONS = ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3")
"""By digit, called as in NAS-Bench-201."""
EDGES = ((0, 1), (0, 2), (1, 2), (0, 3), (1, 3), (2, 3))
_KEY = re.compile(r"64-41414-([0-3])_([0-3])([0-3])_([0-3])([0-3])([0-3])")


def parse(key: str) -> tuple[int, ...]:
    """The digits of a name, in the order of :data:`EDGES`.

    Raises:
        ValueError: it is none of this space.
    """
    found = _KEY.fullmatch(key)
    if found is None:
        raise ValueError(f"no cell of TransNAS-Bench-101, such as 64-41414-1_02_333: {key!r}")
    return tuple(map(int, found.groups()))


def format(digits: Sequence[int]) -> str:
    """The name of six digits; inverse of :func:`parse`."""
    return "64-41414-{}_{}{}_{}{}{}".format(*digits)


def canonical(digits: tuple[int, ...]) -> tuple[int, ...]:
    """The digits, or those of the cell with nodes 1 and 2 in each other's place, where they come first.

    Where no operation leads from node 1 to node 2 both cells add the same tensors; what is said of NAS-Bench-201's
    cells in its ``isomorphism`` holds here, too.
    """
    a, b, between, d, e, f = digits
    return min(digits, (b, a, between, d, f, e)) if between == 0 else digits
