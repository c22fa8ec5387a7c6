"""Sums of signs and Gram matrices of the samples' gradients, folded chunk by chunk."""

from __future__ import annotations

import torch
from torch import Tensor

from naslib_zc_plugin.passes import NEXT, Pass, PerSample, Steps, Undefined, observation
from naslib_zc_plugin.passes.per_sample import Chunk


@observation(labels=True, order=1, setting=PerSample())
def sign_sums(p: Pass) -> Steps[list[Tensor]]:
    """Sum the signs of the samples' gradients, per layer: list of (weights,).

    >>> sign_sums().setting
    PerSample()
    """
    totals: list[Tensor] = []
    while (chunk := (yield NEXT)) is not None:
        _add_signs(totals, chunk)
    return totals


def _add_signs(totals: list[Tensor], chunk: Chunk) -> None:
    signs = [gradient.sign().float().sum(0) for gradient in chunk.gradients]
    if not totals:
        totals += signs
        return
    for total, sign in zip(totals, signs):
        total.add_(sign)


@observation(labels=True, order=1, setting=PerSample())
def sample_grams(p: Pass, kind: str = "sign", by_class: bool = True) -> Steps[list[Tensor]]:
    """Make Gram matrices of the samples' gradients over all layers: list of (n, n), float64, one per class in order.

    >>> sample_grams() == sample_grams("sign", by_class=True)
    True

    Args:
        p: the pass.
        kind: ``"sign"``: of the signs; ``"raw"``: of the gradients; ``"cosine"``: of the gradients at unit length.
        by_class: one per class, or a single one over all samples.

    Raises:
        Undefined: one per class, and labels are not one class index per sample.
    """
    if by_class:
        grams: list[Tensor] = []
        while (chunk := (yield NEXT)) is not None:
            grams += _class_grams(chunk, kind)
        return grams
    kept: list[list[Tensor]] = []
    while (chunk := (yield NEXT)) is not None:
        kept.append(_rows(chunk, kind, bytes_=True))
    return [_gram([torch.cat(rows).float() for rows in zip(*kept)], kind)]


def _rows(chunk: Chunk, kind: str, bytes_: bool = False) -> list[Tensor]:
    """Return the chunk's gradients or their signs (as bytes where they are to be kept)."""
    if kind != "sign":
        return list(chunk.gradients)
    signs = [gradient.sign().float() for gradient in chunk.gradients]
    return [sign.to(torch.int8) for sign in signs] if bytes_ else signs


def _class_grams(chunk: Chunk, kind: str) -> list[Tensor]:
    rows = _rows(chunk, kind)
    if chunk.classes is None:
        raise Undefined("samples are grouped by class: labels must be one class index per sample")
    labels = chunk.classes.unique(sorted=True)
    return [_gram([row[chunk.classes == label] for row in rows], kind) for label in labels]


def _gram(rows: list[Tensor], kind: str) -> Tensor:
    # Sums of signs are exact in float32 (but not in half precision) below 2**24; longer rows are cut there.
    parts = [part for row in rows for part in row.split(1 << 24, dim=1)]
    gram = torch.stack([(part @ part.T).double() for part in parts]).sum(0)
    if kind == "cosine":
        length = gram.diagonal().sqrt()
        gram = gram / (length[:, None] * length[None, :])
    return gram
