"""Every proxy on every network: alone and in company, with its options, over repeats."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from . import face, networks

SEEDS = (0, 1)
PROXIES = """
    activation_distance epe_nas epsilon fisher flops generalized_naswot grad_norm gradalign1 gradalign2
    gradsign grasp head_confidence head_importance head_softmax_confidence hidden_covariance
    hidden_synaptic_saliency jacob_cosine jacov l2_norm large_noise_jacobian linear_regions
    more_noised_jacobian naswot ntk params plain snip synaptic_diversity synaptic_saliency synflow zen
""".split()
"""Those of the commit that brought the lock; whoever brings a new one may lock it elsewhere."""

OPTIONS: dict[str, list[dict[str, Any]]] = {
    "activation_distance": [{"average": True}],
    "epsilon": [
        {"weights": (1e-4, 10.0)}, {"zeros": "keep"}, {"biases": "weight", "states": "weight", "weights": (1e-5, 1e-3)},
        {"features": "first"}, {"embedding": "uniform_centered_1"}, {"embedding": "random_0.1"},
    ],
    "flops": [{"elementwise": True}],
    "generalized_naswot": [
        {"kinds": ("relu",)}, {"kinds": ("sigmoid", "tanh")}, {"kinds": ("softmax",), "rows": "mean", "logarithm": "2"},
        {"sigmoid": "raw", "tanh": "raw"}, {"sigmoid": "sign", "tanh": "sign"}, {"sigmoid": 16, "tanh": 2},
    ],
    "gradalign1": [{"gram": "cosine"}, {"gram": "raw", "by_class": False}, {"by_class": False}],
    "gradalign2": [{"gram": "cosine"}, {"gram": "raw", "by_class": False}, {"by_class": False}],
    "head_confidence": [{"average": True}, {"layers": ("*up", "*down")}],
    "head_importance": [{"of": "loss"}, {"rounding": True, "average": True}],
    "head_softmax_confidence": [{"average": True}],
    "hidden_covariance": [{"layer": 2}, {"layer": -1, "rows": "samples"}],
    "large_noise_jacobian": [{"score": "covariance"}, {"amplitude": 0.1}],
    "more_noised_jacobian": [{"score": "covariance", "amplitudes": (0.1, 1.0)}],
    "ntk": [{"dead": "worst"}, {"dead": "best"}],
    "synaptic_diversity": [{"of": "loss"}, {"layers": ("*",), "rounding": True}],
    "synaptic_saliency": [{"of": "loss"}, {"rounding": True, "average": True}, {"layers": ("*head*", "*up")}],
    "synflow": [{"keep_norm": "*"}, {"keep_norm": "*reduction*"}],
}  # fmt: skip

REPEATED = (
    "naswot",
    "jacov",
    "grad_norm",
    "zen",
    "epsilon",
    "ntk",
    "gradsign",
    "linear_regions",
    "large_noise_jacobian",
)


def written(found: tuple[str, Any, Any]) -> str:
    """A score as text: the status, and the bits of its value and spread."""
    status, *numbers = found
    return " ".join([status, *(float(number).hex() for number in numbers if number is not None)])


def requests() -> dict[str, Any]:
    """Label → proxy with options."""
    return {
        (label := f"{name} {sorted(options.items())}"): face.proxy(name, label, **options)
        for name, several in OPTIONS.items()
        for options in several
    }


def scores(name: str, seed: int) -> Iterator[tuple[str, str]]:
    """What a network's scores are: label → text."""
    case, names, options = networks.make(name), PROXIES, requests()

    def scored(asked: Any, **more: Any) -> dict[str, tuple[str, Any, Any]]:
        return face.score(case.net, case.batch, asked, seed, **case.more, **more)

    for label, found in scored([*names, *options.values()]).items():
        yield f"company/{label}", written(found)
    for label, request in [*zip(names, names), *options.items()]:
        (found,) = scored([request]).values()
        yield f"alone/{label}", written(found)
    for label, found in scored(list(REPEATED), repeats=2).items():
        yield f"repeats/{label}", written(found)
