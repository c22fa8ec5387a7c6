"""The batch of a data loader: the same for every architecture, every predictor, and every copy of the loader."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

from naslib_zc_plugin.hosts._data import first
from naslib_zc_plugin.passes.seeding import kept_random_states, seed_everything


def drawn(loader: Any, seed: int) -> Any:
    """A batch as it is, or the first of a loader, its order and augmentation drawn under a seed.

    NASLib takes whatever comes first each time, so that each proxy and each architecture sees other images. Afterwards
    global random states, and those of generators of the loader's own, are what they were.

    Args:
        loader: a pair of inputs and labels, or a DataLoader of such.
        seed: of the draw.
    """
    with kept_random_states(), _kept_generators(loader):
        seed_everything(seed, "loader")
        return first(loader)


@contextmanager
def _kept_generators(loader: Any) -> Iterator[None]:
    parts = [loader, getattr(loader, "sampler", None)]
    held = [part.generator for part in parts if isinstance(getattr(part, "generator", None), torch.Generator)]
    states = [generator.get_state() for generator in held]
    try:
        yield
    finally:
        for generator, state in zip(held, states):
            generator.set_state(state)
