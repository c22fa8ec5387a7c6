"""Seeds by name: what a pass draws depends on the seed and on what is drawn, never on what else is asked."""

from __future__ import annotations

import hashlib
import random

import numpy as np
import torch


def derived_seed(seed: int, *names: object) -> int:
    """A 63-bit seed from ``seed`` and the representations of ``names``; the same on every machine."""
    digest = hashlib.sha256(repr((seed, *names)).encode()).digest()
    return int.from_bytes(digest[:8], "little") >> 1


def seed_everything(seed: int, *names: object) -> None:
    """Set torch's (all devices), numpy's and Python's generators to the derived seed."""
    value = derived_seed(seed, *names)
    torch.manual_seed(value)
    np.random.seed(value % 2**32)
    random.seed(value)
