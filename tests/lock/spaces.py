"""Keys that every search space samples, changes and orders, and what the networks of those keys are and score."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from random import Random
from typing import Any

import torch

from . import face
from .networks import of_words
from .scores import written

NUMBER = 20
SMALL: Mapping[str, Mapping[str, int]] = {
    "nasbench201": {"C": 4, "N": 1, "num_classes": 4},
    "nasbench101": {"C": 8, "N": 1, "num_classes": 4},
    "nats_sss": {"num_classes": 4},
    "transnasbench101_micro": {"C": 4, "num_classes": 4},
    "nasbench_nlp": {"num_classes": 13, "embedding": 8, "hidden": 8, "layers": 2},
    "flexibert": {"num_classes": 13, "positions": 6},
    "nasbench301": {"C": 4, "N": 3, "num_classes": 4},
}
NDS = {"width": 4, "depth": 3, "num_classes": 4}
VARIANTS: Mapping[str, tuple[str, ...]] = {
    "nasbench201": ("nats", "zerocost"),
    "nasbench101": ("zerocost", "naslib"),
    "nasbench_nlp": ("logits", "outputs", "published", "training"),
    "flexibert": ("nominal", "published"),
}
RULES: Mapping[str, tuple[str, ...]] = {
    "nasbench201": ("edge", "node"),
    "nasbench101": ("change", "edge", "nasbench", "naslib"),
    "nasbench_nlp": ("edge", "node"),
    "flexibert": ("attribute",),
}
PROXIES = ("naswot", "generalized_naswot", "synflow", "grad_norm", "jacov", "params", "flops")


def digest(text: str) -> str:
    """A hash that fits on a line."""
    return hashlib.sha256(text.encode()).hexdigest()[:20]


def sampled(name: str, number: int = NUMBER) -> list[str]:
    """The keys that are recorded."""
    space, rng = face.space(name), Random(f"lock {name}")
    return [space.sample(rng) for _ in range(number)]


def keys(name: str) -> Iterator[tuple[str, str]]:
    """Everything that a space says of its keys."""
    space = face.space(name)
    yield "size", str(space.size)
    for number, key in enumerate(sampled(name)):
        yield f"key {number:02}", key
        yield f"canonical {number:02}", space.canonical(key)
        if space.size is not None:
            yield f"index {number:02}", str(space.index(key))
            yield f"at {number:02}", str(space.key(space.size * number // NUMBER))
        for rule in ("", *RULES.get(name, ("edge",))):
            yield f"mutated {number:02} {rule}", " ".join(_changed(space, key, Random(number), rule))
    for number, key in enumerate(sampled(name, 5)):
        found = space.neighbours(key)
        yield f"neighbours {number:02}", f"{len(found)} {found[0]} {digest(' '.join(found))}"
    yield "sampled 300", digest(" ".join(sampled(name, 300)))


def _changed(space: Any, key: str, rng: Random, rule: str) -> Iterator[str]:
    for _ in range(3):
        try:
            key = space.mutate(key, rng, rule) if rule else space.mutate(key, rng)
        except ValueError:
            yield "ValueError"
            return
        yield key


def built(name: str) -> Iterator[tuple[str, str]]:
    """Parameters and scores of the networks of the first 20 keys, and of three in each variant."""
    for variant in ("", *VARIANTS.get(name, ("nds", "used") if name.startswith("nds_") else ())):
        for key in sampled(name, 3 if variant else NUMBER):
            torch.manual_seed(3)
            net = face.build(name, key, variant, **SMALL.get(name, NDS))
            place = " ".join(filter(None, [variant, key]))
            shapes = sorted((label, tuple(weight.shape)) for label, weight in net.named_parameters())
            yield f"{place}/parameters", f"{len(shapes)} {digest(repr(shapes))}"
            values = b"".join(weight.detach().numpy().tobytes() for _, weight in sorted(net.state_dict().items()))
            yield f"{place}/weights", hashlib.sha256(values).hexdigest()[:20]
            batch, more = _batch(name, net)
            for proxy, found in face.score(net, batch, PROXIES, 0, **more).items():
                yield f"{place}/{proxy}", written(found)


def _batch(name: str, net: torch.nn.Module) -> tuple[Any, dict[str, Any]]:
    torch.manual_seed(4)
    if name == "nasbench_nlp":
        return (torch.randint(0, 13, (4, 6)), torch.randint(0, 13, (4, 6))), {"loss": _of_any_words}
    if name == "flexibert":
        return (torch.randint(1, 13, (4, 6)), torch.arange(4)), {"logits": _first}
    size = 64 if name == "transnasbench101_micro" else 16  # whose last maps are 32 times smaller
    return (torch.randn(4, 3, size, size), torch.arange(4)), {}


def _of_any_words(output: torch.Tensor, words: torch.Tensor) -> torch.Tensor:
    """Cross-entropy, or where the network ends in its states (embedding 8 wide) their squares."""
    return of_words(output, words) if output.shape[-1] == 13 else output.square().mean()


def _first(states: torch.Tensor) -> torch.Tensor:
    return states[:, 0]
