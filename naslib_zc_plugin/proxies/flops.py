"""Multiply-accumulate operations."""

from __future__ import annotations

from collections.abc import Sequence

from naslib_zc_plugin.extend import Operations, proxy


def counted(elementwise: bool) -> Sequence[Operations]:
    """The operations, with or without elementwise ones."""
    return [Operations(elementwise)]


@proxy(needs=counted, version=1, paper="baseline", higher_is_better=True)
def flops(operations: float, *, elementwise: bool = False) -> float:
    """Multiply-accumulate operations (MACs) of one sample's forward run.

    Higher is better. Half of the floating-point operations: the field says FLOPs and counts MACs (not in millions
    here). Counted: convolutions, linear layers, matrix products, attention and recurrent layers; not einsum.

    ``elementwise=True`` counts as tensorwatch does, whose numbers NAS-Bench-Suite-Zero publishes: besides, biases of
    convolutions, batch norm (2 per value, 1 without scale), ReLU (1), and the windows of pooling.
    """
    return operations
