"""Sums of signs and Gram matrices of the samples' gradients, folded chunk by chunk."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor

from naslib_zc_plugin.passes import AGAIN, NEXT, NotApplicable, Pass, PerSample, Steps, observation
from naslib_zc_plugin.passes.per_sample import Chunk

COLUMNS = 1 << 16
"""Weights of a layer that are multiplied at once: a bound of temporary memory, and of what is kept at once."""


@observation(labels=True, order=1, setting=PerSample())
def sign_sums(p: Pass) -> Steps[list[Tensor]]:
    """Sum the signs of the samples' gradients, per layer: list of (weights,).

    >>> sign_sums().setting == PerSample()
    True
    """
    totals: list[Tensor] = []
    while (chunk := (yield NEXT)) is not None:
        _add_signs(totals, chunk)
    return totals


def _add_signs(totals: list[Tensor], chunk: Chunk) -> None:
    totals += [
        gradient.new_zeros(gradient.shape[1], dtype=torch.float32) for gradient in chunk.gradients[len(totals) :]
    ]
    for gradient, total in zip(chunk.gradients, totals):
        for begin in range(0, len(total), COLUMNS):
            part = slice(begin, begin + COLUMNS)
            total[part] += gradient[:, part].sign().float().sum(0)


@observation(labels=True, order=1, setting=PerSample())
def sample_grams(p: Pass, kind: str = "sign", by_class: bool = True) -> Steps[list[Tensor]]:
    """Make Gram matrices of the samples' gradients over all layers: list of (n, n), float64, one per class in order.

    Rows of a class that does not fit into one chunk are kept, signs as bytes. Where half of the setting's memory does
    not hold them, all samples are shown again, for other weights each time.

    >>> sample_grams() == sample_grams("sign", by_class=True)
    True

    Args:
        p: the pass.
        kind: ``"sign"``: of the signs; ``"raw"``: of the gradients; ``"cosine"``: of the gradients at unit length.
        by_class: one per class, or a single one over all samples.

    Raises:
        Undefined: one per class, and labels are not one class index per sample.
    """
    sizes = [p.batch.size]
    if by_class:
        if p.batch.classes is None:
            raise NotApplicable("samples are grouped by class: labels must be one class index per sample")
        sizes = p.batch.classes.unique(sorted=True, return_counts=True)[1].tolist()
    grams = _Grams(sizes, kind, p.setting.memory // 2, single=kind == "sign" or not by_class)
    while True:
        while (chunk := (yield NEXT)) is not None:
            grams.add(chunk.gradients)
        if grams.is_complete():
            return grams.made()
        yield AGAIN


class _Grams:
    """Gram matrices of groups of samples, whose gradients come in the order of the groups, perhaps in several rounds.

    Args:
        sizes: number of samples of each group.
        kind: see :func:`sample_grams`.
        memory: bytes that may be kept from one call to the next.
        single: whether to multiply in single precision, whatever the gradients' is.
    """

    def __init__(self, sizes: Sequence[int], kind: str, memory: int, single: bool) -> None:
        self._sizes, self._kind, self._memory, self._single = sizes, kind, memory, single
        self._products: list[list[Tensor]] = [[] for _ in sizes]
        self._kept: list[Tensor] = []  # of the group under way: the rows by each block of weights whose turn it is
        self._group, self._rows = 0, 0
        self._turns: list[list[tuple[int, int]]] = []  # blocks of weights: layer and first column; a list per round
        self._round = 0

    def add(self, gradients: Sequence[Tensor]) -> None:
        """Add the next samples' gradients, per layer (n, weights)."""
        begin, end = 0, len(gradients[0])
        self._turns = self._turns or self._planned(gradients)
        while begin < end:
            size = self._sizes[self._group]
            stop = min(end, begin + size - self._rows)
            if stop - begin == size:
                if self._round == 0:
                    self._multiply(self._part(gradients, block, begin, stop) for turn in self._turns for block in turn)
            else:
                self._keep(gradients, begin, stop)
            self._rows += stop - begin
            if self._rows == size:
                self._multiply(self._kept)
                self._kept, self._rows = [], 0
                self._group = (self._group + 1) % len(self._sizes)
            begin = stop

    def is_complete(self) -> bool:
        """Return whether all weights were seen; if not, begin another round."""
        self._round += 1
        return self._round >= len(self._turns)

    def made(self) -> list[Tensor]:
        """Return the matrices."""
        grams = [torch.stack(products).sum(0) for products in self._products]
        if self._kind != "cosine":
            return grams
        lengths = [gram.diagonal().sqrt() for gram in grams]
        return [gram / (length[:, None] * length[None, :]) for gram, length in zip(grams, lengths)]

    def _planned(self, gradients: Sequence[Tensor]) -> list[list[tuple[int, int]]]:
        """Return the blocks of weights by rounds, such that rows of the largest group may be kept in each."""
        width = 1 if self._kind == "sign" else gradients[0].element_size()
        most, used = self._memory // (max(self._sizes) * width), 0
        turns: list[list[tuple[int, int]]] = [[]]
        for layer, gradient in enumerate(gradients):
            for start in range(0, gradient.shape[1], COLUMNS):
                columns = min(COLUMNS, gradient.shape[1] - start)
                if turns[-1] and used + columns > most:
                    turns.append([])
                    used = 0
                turns[-1].append((layer, start))
                used += columns
        return turns

    def _keep(self, gradients: Sequence[Tensor], begin: int, stop: int) -> None:
        """Keep some rows by the blocks of weights whose turn it is."""
        for place, block in enumerate(self._turns[self._round]):
            part = self._part(gradients, block, begin, stop)
            if place == len(self._kept):
                dtype = torch.int8 if self._kind == "sign" else part.dtype
                self._kept.append(part.new_empty(self._sizes[self._group], part.shape[1], dtype=dtype))
            self._kept[place][self._rows : self._rows + len(part)] = part

    def _part(self, gradients: Sequence[Tensor], block: tuple[int, int], begin: int, stop: int) -> Tensor:
        """Return a copy of some samples' gradients by a block of weights, or their signs."""
        layer, start = block
        part = gradients[layer][begin:stop, start : start + COLUMNS]
        return part.sign() if self._kind == "sign" else part.clone()

    def _multiply(self, parts: Iterable[Tensor]) -> None:
        """Add the product of each block of weights to the group under way."""
        products = self._products[self._group]
        for part in parts:
            rows = part.float() if self._single else part  # sums of signs are exact below 2**24
            products.append((rows @ rows.T).double())
            if self._kind == "sign" and len(products) > 1:  # in any order
                products[0] += products.pop()
