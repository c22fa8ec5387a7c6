"""What every proxy is to give for a wrapped network: by plain PyTorch on the plain networks that compute the same.

Which proxies read what: parameters as they are stored (``params``); the layers' weights, as plain leaves, through all
that a layer's own forward run makes of them (gradients, ``l2_norm``, and the proxies that substitute weights); or what
the layers compute (all others).
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from fnmatch import fnmatchcase
from typing import Optional

import numpy as np
import torch
from torch import Tensor, nn

import naslib_zc_plugin as zc
from naslib_zc_plugin.extend import NormalPair, Reinitialized, Undefined
from naslib_zc_plugin.observations.layers import ATTENTION, PROJECTIONS
from naslib_zc_plugin.passes.seeding import seed_everything
from naslib_zc_plugin.testing import Case
from tests.passes.wrapped import PRODUCTS, wrapped
from tests.proxies import oracles

Value = Optional[float]
"""A value; None where it does not exist."""

# Gradients of the sum of the outputs, by named linear layers --------------------


def named_terms(case: Case, patterns: Sequence[str]) -> list[tuple[Tensor, Tensor]]:
    """(weight, gradient of the sum of all logits) of each linear layer whose name fits."""
    net = oracles.plain_copy(case)
    named = [(name, module) for name, module in net.named_modules() if isinstance(module, nn.Linear)]
    chosen = {id(m.weight): m.weight for name, m in named if any(fnmatchcase(name, p) for p in patterns)}
    if not chosen:
        raise Undefined("no layer is named so")
    total = oracles.logits(case, net, case.batch[0]).sum()
    found = oracles.gradients(total, [*chosen.values()])
    return [(weight.detach().double(), gradient.double()) for weight, gradient in zip(chosen.values(), found)]


def synaptic_saliency(case: Case) -> float:
    return sum(float((w * g).abs().sum()) for w, g in named_terms(case, ("*",)))


def head_importance(case: Case) -> float:
    return sum(float((w * g).abs().sum()) for w, g in named_terms(case, PROJECTIONS))


def synaptic_diversity(case: Case) -> float:
    terms = named_terms(case, ATTENTION)
    return sum(float(np.linalg.norm(w.numpy(), "nuc") * np.linalg.norm(g.numpy(), "nuc")) for w, g in terms)


# Substituted weights --------------------


def with_drawn_weights(case: Case, scheme: str) -> Case:
    """The network with the weights of a scheme, drawn in the order of its modules."""
    net = oracles.plain_copy(case)
    seed_everything(0, Reinitialized(scheme))
    with torch.no_grad():
        for module in net.modules():
            if isinstance(module, oracles.LAYERS):
                made = torch.randn(module.weight.shape, dtype=module.weight.dtype)
                if scheme != "normal":
                    nn.init.kaiming_normal_(made, mode=scheme[len("kaiming_") :], nonlinearity="relu")
                module.weight.copy_(made)
                if module.bias is not None:
                    module.bias.zero_()
            elif isinstance(module, nn.BatchNorm2d):
                module.reset_running_stats()
                module.weight.fill_(1)
                module.bias.zero_()
    return Case(net, case.batch)


def synflow(case: Case) -> float:
    """In double precision, and in that of the network where the network casts."""
    try:
        return oracles.synflow(case)
    except RuntimeError:
        net = oracles.plain_copy(case).eval()
        with torch.no_grad():
            for held in net.state_dict().values():
                held.abs_()
        for module in net.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.forward = lambda x: x  # type: ignore[method-assign]
        by = oracles.weights(net)
        total = net(torch.ones_like(case.batch[0][:1])).sum()
        return sum(float((w * g).double().abs().sum()) for w, g in zip(by, oracles.gradients(total, by)))


def ntk(case: Case) -> float:
    return oracles.tangent_condition(with_drawn_weights(case, "kaiming_fan_out"))


def linear_regions(case: Case) -> float:
    return oracles.linear_regions(with_drawn_weights(case, "kaiming_fan_in"))


def zen(case: Case) -> float:
    net = with_drawn_weights(case, "normal").net
    pools = [module for module in net.modules() if isinstance(module, nn.AdaptiveAvgPool2d)]
    if not pools:
        raise Undefined("no map is pooled")
    maps: list[Tensor] = []
    pools[0].register_forward_hook(lambda module, inputs, output: maps.append(inputs[0].detach()))
    shape, dtype = (16, *case.batch[0].shape[1:]), case.batch[0].dtype
    seed_everything(0, NormalPair(0.01))
    first, second = (torch.randn(shape, dtype=dtype) for _ in range(2))
    net(first)
    net(first + 0.01 * second)
    difference = (maps[0] - maps[1]).abs().flatten(1).sum(1).mean().double()
    norms = (module.running_var for module in net.modules() if isinstance(module, nn.BatchNorm2d))
    return float(difference.log()) + sum(float(v.double().mean().sqrt().log()) for v in norms if v is not None)


# The table --------------------

# Of the layers' weights.
WEIGHTS: dict[str, Callable[[Case], float]] = {
    "l2_norm": oracles.l2_norm, "grad_norm": oracles.grad_norm, "snip": oracles.snip, "plain": oracles.plain,
    "grasp": oracles.grasp, "gradsign": oracles.gradsign, "gradalign1": oracles.gradalign1,
    "gradalign2": oracles.gradalign2, "synaptic_saliency": synaptic_saliency, "head_importance": head_importance,
    "synaptic_diversity": synaptic_diversity, "synflow": synflow, "ntk": ntk, "linear_regions": linear_regions,
    "zen": zen, "epsilon": oracles.epsilon,
}  # fmt: skip
# Of what the layers compute; None: what the plain network scores.
COMPUTED: dict[str, Callable[[Case], float] | None] = {
    "fisher": oracles.fisher, "flops": oracles.flops, "jacov": oracles.jacov, "epe_nas": oracles.epe_nas,
    "naswot": oracles.naswot, "generalized_naswot": None, "activation_distance": None, "jacob_cosine": None,
    "large_noise_jacobian": None, "more_noised_jacobian": None, "head_confidence": None,
    "head_softmax_confidence": None, "hidden_covariance": None, "hidden_synaptic_saliency": None,
}  # fmt: skip


@functools.cache
def unwrapped(names: tuple[str, ...], network: str, form: str) -> Case:
    """A network to compute with, which oracles copy."""
    return wrapped(names, network, form)


@functools.cache
def of_plain(names: tuple[str, ...], network: str) -> dict[str, zc.Score]:
    """The scores of the plain network by proxies that have no oracle here."""
    return unwrapped(names, network, "plain").score([name for name, oracle in COMPUTED.items() if oracle is None])


def expected(proxy: str, names: tuple[str, ...], network: str) -> Value:
    """The value of a proxy; None where the definition gives none."""
    if proxy == "params":
        return float(sum(p.numel() for p in wrapped(names, network).net.parameters()))
    case = unwrapped(names, network, "own" if proxy in WEIGHTS else "plain")
    oracle = WEIGHTS.get(proxy) or COMPUTED[proxy]
    if oracle is None:
        return of_plain(names, network)[proxy].value
    try:
        with np.errstate(all="ignore"):
            value = oracle(case)
    except (Undefined, ValueError):  # ValueError: a definition with nothing to join
        return None
    return value if math.isfinite(value) else None


def tolerance(proxy: str, names: tuple[str, ...], network: str) -> dict[str, float]:
    """How far a value may be off: by rounding, which is relative to the size of what is added up."""
    case, single = unwrapped(names, network, "own"), "cast to single" in names
    precision = 2e-3 if single else 1e-5 if "cast" in names else 1e-7
    if proxy in ("params", "flops", "linear_regions"):
        return {"rel": 0, "abs": 0}
    if proxy == "plain":
        return {"rel": 0, "abs": precision * oracles.snip(case)}
    if proxy == "grasp":
        return {"rel": 0, "abs": 10 * precision * sum(float(t.abs().sum()) for t in oracles.curvature_terms(case))}
    if proxy == "epsilon" and (single or set(names) & {*PRODUCTS, "functional transposed"}):
        return {"rel": 0.2}  # equal outputs are left out of the means where they are equal to the last bit
    if proxy in ("gradsign", "gradalign1", "gradalign2", "ntk") and single:
        return {"rel": 2e-2, "abs": 2.0 if proxy == "gradsign" else 0}
    if proxy in ("ntk", "jacov"):
        return {"rel": 1e3 * precision}
    return {"rel": precision, "abs": precision * 1e-3}
