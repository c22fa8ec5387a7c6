"""Agreement of samples' codes: on how many units each pair of samples has the same code."""

from __future__ import annotations

import sys

import numpy as np
import torch
from torch import Tensor

PIECE = 8192
"""Units whose codes are compared at a time (what is written stays in the cache)."""


def agreement(codes: Tensor, states: int = 2) -> Tensor:
    """Units on whose state each pair of samples agrees, uint8 (N, units) → (N, N) float64, exact.

    On the CPU the bits of the codes are packed, units side by side, and compared 64 at a time (an eighth of the time of
    a matrix product); elsewhere each state's indicator C gives C·Cᵀ.

    Args:
        codes: of each sample, 0 to ``states`` − 1.
        states: how many there are.
    """
    if codes.device.type == "cpu" and hasattr(np, "bitwise_count") and sys.byteorder == "little":
        return torch.from_numpy(_by_bits(codes.numpy(), max(1, (states - 1).bit_length())))
    return _by_products(codes, states)


def _by_products(codes: Tensor, states: int) -> Tensor:
    """Sums of float32 are exact below 2²⁴, far beyond a piece."""
    total = torch.zeros(len(codes), len(codes), dtype=torch.float64, device=codes.device)
    for piece in codes.split(PIECE, dim=1):
        for state in range(states):
            indicator = (piece == state).float()
            total += indicator @ indicator.T
    return total


def _by_bits(codes: np.ndarray, bits: int) -> np.ndarray:
    """Units on which some bit differs, counted in words of 64 units, and what remains."""
    samples, units = codes.shape
    differing = np.zeros((samples, samples))
    for start in range(0, units, PIECE):
        piece = codes[:, start : start + PIECE]
        planes = [_words(piece if bits == 1 else (piece >> bit) & 1) for bit in range(bits)]
        for one in range(samples - 1):
            apart = planes[0][one + 1 :] ^ planes[0][one]
            for plane in planes[1:]:
                apart |= plane[one + 1 :] ^ plane[one]
            differing[one, one + 1 :] += np.bitwise_count(apart).sum(1, dtype=np.uint32)
    same: np.ndarray = units - differing - differing.T
    return same


def _words(bits: np.ndarray) -> np.ndarray:
    """(N, units) of 0 and 1 → (N, words) of 64 bits; what is left over is zero in all samples."""
    packed = np.packbits(bits, axis=1)
    whole = np.zeros((len(packed), -(-packed.shape[1] // 8) * 8), np.uint8)
    whole[:, : packed.shape[1]] = packed
    return whole.view(np.uint64)
