"""Which architecture strings of NAS-Bench-201 build the same network.

Relabelling the inner nodes 1 and 2 of a cell gives a valid cell only if no operation runs from one to the
other, that is if edge (1→2) is ``none``: it then adds a zero tensor to node 2 before and to node 1 after. The
relabelled cell has the same operations between the same tensors, hence the same parameters, ReLUs and
gradients under the renaming (0→1)↔(0→2), (1→3)↔(2→3) of its edges; node names are arbitrary, so
initialisation has the same distribution. Of the 3,125 such strings 125 are their own image, which leaves
15,625 - (3,125 - 125) / 2 = 14,125 classes.

*Exactness.* In real arithmetic the two networks are equal. In floating point, adding a (signed) zero is
exact, and the one thing that changes is the order of node 3's sum: (e03 + e13) + e23 becomes (e03 + e23) +
e13. Where one of the three is ``none`` at most two summands are not zero, and addition commutes: the networks
are bitwise equal (740 of the 1,500 pairs). Elsewhere they differ by the rounding of one addition per cell: up
to 2e-6 of the largest logit in float32 over the other 760 pairs, and a ReLU code may flip where a pre-
activation is that close to zero. Scoring the canonical key gives a class one score by construction.

*What is not merged.* Zero times a finite tensor is zero, so more strings compute equal functions: whatever
leaves a node that nothing reaches, branches that nothing reads, parallel branches of equal kind. Their
networks differ in modules, ReLUs or parameters, and with them the scores. The benchmark's ``unique_str``
merges these: 578 of its 6,466 classes join networks of different parameter counts.
"""

from __future__ import annotations

from naslib_zc_plugin.spaces.nasbench201.keys import OPERATIONS, format, parse


def canonical(key: str) -> str:
    """The key, or its image under swapping nodes 1 and 2 where that is valid and comes first.

    First is the smaller one by the operations' positions in :data:`~.keys.OPERATIONS`, edge by edge.
    """
    operations = parse(key)
    return format(min(operations, _swapped(operations), key=lambda cell: list(map(OPERATIONS.index, cell))))


def _swapped(operations: tuple[str, ...]) -> tuple[str, ...]:
    e01, e02, e12, e03, e13, e23 = operations
    return (e02, e01, e12, e03, e23, e13) if e12 == "none" else operations
