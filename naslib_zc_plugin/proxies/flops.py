"""Multiply-accumulate operations."""

from __future__ import annotations

from naslib_zc_plugin.extend import operation_count, proxy


@proxy(
    needs=lambda elementwise: [operation_count(elementwise)],
    version=1,
    paper="baseline",
    higher_is_better=True,
    aliases=["macs"],
)
def flops(operations: float, *, elementwise: bool = False) -> float:
    """Compute the multiply-accumulate operations (MACs) of one sample's forward run.

    Higher is better. This is half of the floating-point operations: the field says FLOPs and counts MACs (not in
    millions here). Counted: convolutions, linear layers, attention, recurrent layers and their cells, and products of
    matrices however they are written: ``einsum`` with a sum or an outer product, too.

    Args:
        operations: their number.
        elementwise: count as tensorwatch does, whose numbers NAS-Bench-Suite-Zero publishes: besides, biases of
            convolutions, batch norm (2 per value, 1 without scale), ReLU (1), and the windows of pooling.

    Returns:
        The number.

    Raises:
        Undefined: the network is quantised.

    >>> flops(27648.0)
    27648.0
    """
    return operations
