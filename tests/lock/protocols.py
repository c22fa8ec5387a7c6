"""The batches and options that published protocols give, and the images that probes make."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

import numpy as np

from . import face
from .scores import PROXIES
from .spaces import digest

IMAGES = ("zerocost", "naslib", "naswot", "lightweight", "epsilon", "gradalign")
TOKENS = ("nasbench_nlp", "flexibert")
SPACES = ("nasbench201", "nasbench101", "nds_darts", "nasbench_nlp", "flexibert")


def protocols() -> Iterator[tuple[str, str]]:
    """By protocol and space: the options of proxies, and the batch of a seed and a key."""
    rng = np.random.default_rng(0)
    sizes = {"cifar10": 32, "imagenet16_120": 16}
    shown: dict[str, Any] = {
        name: face.images(name, rng.integers(0, 256, (600, size, size, 3)).astype(np.uint8), np.arange(600) % 10, 10)
        for name, size in sizes.items()
    }
    words = rng.integers(0, 50, (600, 71))
    shown["text"] = face.tokens("text", words[:, :-1], 50, words[:, 1:])
    for name in (*IMAGES, *TOKENS):
        protocol = face.protocol(name)
        for space in SPACES:
            asked = protocol.requests(PROXIES, space)
            options = [(each.name, sorted(each.options.items())) for each in asked if each.options]
            yield f"{name} {space} options", repr(options)
        for source in ("text",) if name in TOKENS else sizes:
            for space in ("nasbench_nlp", "flexibert") if name in TOKENS else ("nasbench201", "nasbench101"):
                for seed, key in ((0, "a"), (1, "b")):
                    try:
                        found = protocol.batch(shown[source], space, seed, key)
                    except ValueError:
                        yield f"{name} {space} {source} {seed}", "ValueError"
                        continue
                    yield f"{name} {space} {source} {seed}", _bits(*found)


def probes() -> Iterator[tuple[str, str]]:
    """Images that are made."""
    for kind in ("grey", "normal", "uniform", "uniform01"):
        made = face.probe(f"synthetic:{kind}", n=24, size=8, classes=5, seed=3)
        yield kind, _bits(*made.batch(24))
        yield f"{kind} balanced", _bits(*made.balanced(10, seed=2).batch(10))


def _bits(*tensors: Any) -> str:
    parts = [None if each is None else (tuple(each.shape), str(each.dtype), _hash(each)) for each in tensors]
    return digest(repr(parts))


def _hash(tensor: Any) -> str:
    return hashlib.sha256(tensor.contiguous().numpy().tobytes()).hexdigest()
