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
from typing import Any, Optional

import numpy as np
import torch
from torch import Tensor, nn

import naslib_zc_plugin as zc
from naslib_zc_plugin.extend import NormalPair, Reinitialized, Undefined
from naslib_zc_plugin.observations.layers import ATTENTION, PROJECTIONS
from naslib_zc_plugin.passes.inputs import Batch, Noise
from naslib_zc_plugin.passes.seeding import derived_seed, seed_everything
from naslib_zc_plugin.testing import Case
from tests.passes.wrapped import CALLS, Sequential, wrapped
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


def with_drawn_weights(case: Case, scheme: str, draw: int = 0) -> Case:
    """The network with the weights of a scheme, drawn in the order of its modules."""
    net = oracles.plain_copy(case)
    seed_everything(0, Reinitialized(scheme, draw))
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


def of_flow(oracle: Callable[[Case, bool], float]) -> Callable[[Case], float]:
    """In double precision, and in that of the network where the network casts."""

    def value(case: Case) -> float:
        try:
            return oracle(case, True)
        except RuntimeError:
            return oracle(case, False)

    return value


def logsynflow(case: Case, double: bool) -> float:
    return oracles.logsynflow(case, double=double)


def dss(case: Case, double: bool) -> float:
    """Attention's layers are known by their names here, and it has no projection of its result."""
    names = {id(module.weight): name for name, module in case.net.named_modules() if isinstance(module, nn.Linear)}
    attention = [str(names.get(id(weight))).startswith("attention.") for weight in oracles.weights(case.net)]
    if not any(attention):
        raise Undefined("no attention")
    terms = [(w.double().numpy(), g.double().numpy()) for w, g in oracles.flow_terms(case, double)]
    return sum(
        float(np.linalg.norm(w, "nuc") * np.linalg.norm(g, "nuc") if nuclear else np.abs(w * g).sum())
        for (w, g), nuclear in zip(terms, attention)
    )


def swap(case: Case) -> float:
    counts = [oracles.swap(with_drawn_weights(case, "normal", draw)) for draw in range(4)]
    if not any(counts):
        raise Undefined("no ReLU on maps")
    return float(np.mean(counts))


def vkdnw(case: Case) -> float:
    """Columns of the Jacobian: the derivative, by the cotangents, of what they give backwards for one element."""
    net, noise = with_drawn_weights(case, "kaiming_fan_in").net.eval(), Noise(64)
    seed_everything(0, noise)
    logits = net(noise.shown(Batch(case.batch[0]))[0])
    cotangents = torch.zeros_like(logits, requires_grad=True)
    found = oracles.gradients(logits, list(net.parameters()), grad_outputs=cotangents, create_graph=True)
    columns = [oracles.gradients(each.flatten()[0], [cotangents], retain_graph=True)[0] for each in found]
    values, outputs = (each.detach().double().numpy() for each in (torch.stack(columns, -1), logits))
    return oracles.decile_entropy(oracles.fisher_information(values, outputs))


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


# Stages: in these networks they lie around what mixes positions --------------------


def features(case: Case) -> list[Tensor]:
    """Features at the stages of noise under drawn weights, in a graph."""
    net, found = with_drawn_weights(case, "kaiming_fan_in").net, list[Tensor]()

    def kept(function: Callable[..., Tensor], before: bool = False) -> Callable[..., Tensor]:
        def call(*args: Any) -> Tensor:
            found.extend([args[-1]] if before else [])
            output = function(*args)
            found.extend([] if before else [output])
            return output

        return call

    if isinstance(net, Sequential):  # the recurrent layer's states, and the output
        net.attention.forward = kept(net.attention.forward, before=True)  # type: ignore[method-assign]
        net.blocks = kept(net.blocks)  # type: ignore[method-assign]
    else:  # the stem, and each run of the block
        net.blocks = kept(net.blocks, before=True)  # type: ignore[method-assign]
        net.block = kept(net.block)
    seed_everything(0, Noise())
    net(torch.randn(case.batch[0].shape, dtype=case.batch[0].dtype))
    return found


def as_rows(values: Tensor) -> np.ndarray[Any, Any]:
    last = values.movedim(1, -1) if values.ndim == 4 else values
    return last.detach().double().reshape(-1, last.shape[-1]).numpy()


def entropies(case: Case) -> list[float]:
    found = []
    for each in features(case):
        rows = as_rows(each)
        squares = np.linalg.svd(rows - rows.mean(0), compute_uv=False) ** 2
        shares = squares / squares.sum()
        found.append(-float((shares * np.log(shares + 1e-8)).sum()))
    return found


def az_expressivity(case: Case) -> float:
    return sum(entropies(case))


def az_progressivity(case: Case) -> float:
    return float(np.diff(entropies(case)).min())


def az_trainability(case: Case) -> float:
    generator, terms = torch.Generator().manual_seed(derived_seed(0, "signs")), []
    found = features(case)
    for before, after in list(zip(found, found[1:]))[::-1]:
        signs = torch.randint(0, 2, after.shape, generator=generator, dtype=torch.int8) * 2 - 1
        (gradient,) = torch.autograd.grad(after, before, signs.to(after.dtype), retain_graph=True)
        one, other = as_rows(gradient), as_rows(signs)
        gain = np.linalg.svd(one.T @ other / len(other), compute_uv=False)[0]
        terms.append(2 - gain - 1 / (gain + 1e-6))
    return float(np.mean(terms))


# Outputs of modules --------------------


def meco(names: tuple[str, ...], network: str) -> float:
    """The sum over the calls of modules: without those that the wrapped network replaces by functions."""
    case = wrapped(names, network, "plain")
    net, found, inside = case.net.train(), list[float](), list[bool]()
    block = net.block
    replaced = net.every() if set(names) & set(CALLS) else []

    def see(name: str, module: nn.Module, inputs: Any, output: Tensor) -> None:
        if name in replaced or ("scripted relu" in names and inside and isinstance(module, nn.ReLU)):
            return
        rows = output[0].detach().double().reshape(len(output[0]), -1).numpy()
        constant = rows.std(1) <= torch.finfo(output.dtype).eps * np.abs(rows).max(1)
        found.append(0.0 if constant.any() else float(np.linalg.eigvalsh(np.corrcoef(rows))[0]))

    def called(*args: Any) -> Tensor:
        inside.append(True)
        output: Tensor = block(*args)
        inside.pop()
        return output

    net.block = called  # type: ignore[method-assign]
    for name, module in net.named_modules():
        module.register_forward_hook(functools.partial(see, name))
    noise = Noise(1, 64)
    seed_everything(0, noise)
    net(*noise.shown(Batch(case.batch[0])))
    return sum(max(0.0, each) for each in found)


# The table --------------------

# Of the layers' weights.
WEIGHTS: dict[str, Callable[[Case], float]] = {
    "l2_norm": oracles.l2_norm, "grad_norm": oracles.grad_norm, "snip": oracles.snip, "plain": oracles.plain,
    "grasp": oracles.grasp, "gradsign": oracles.gradsign, "gradalign1": oracles.gradalign1,
    "gradalign2": oracles.gradalign2, "synaptic_saliency": synaptic_saliency, "head_importance": head_importance,
    "synaptic_diversity": synaptic_diversity, "synflow": of_flow(oracles.synflow), "ntk": ntk,
    "linear_regions": linear_regions, "zen": zen, "epsilon": oracles.epsilon, "az_expressivity": az_expressivity,
    "az_progressivity": az_progressivity, "az_trainability": az_trainability, "logsynflow": of_flow(logsynflow),
    "dss": of_flow(dss), "swap": swap, "vkdnw": vkdnw, "zico": oracles.zico, "ntk_trace": oracles.ntk_trace,
}  # fmt: skip
# Of what the layers compute; None: what the plain network scores.
COMPUTED: dict[str, Callable[[Case], float] | None] = {
    "fisher": oracles.fisher, "flops": oracles.flops, "jacov": oracles.jacov, "epe_nas": oracles.epe_nas,
    "naswot": oracles.naswot, "generalized_naswot": None, "activation_distance": None, "jacob_cosine": None,
    "large_noise_jacobian": None, "more_noised_jacobian": None, "head_confidence": None,
    "head_softmax_confidence": None, "hidden_covariance": None, "hidden_synaptic_saliency": None,
    "layers": None, "depth": None, "width_depth": None, "total_width": None, "activations": None, "near": None,
    "wpca": None, "wrcor": None,
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
    if proxy == "meco":
        return meco(names, network)
    case = unwrapped(names, network, "own" if proxy in WEIGHTS else "plain")
    oracle = WEIGHTS.get(proxy) or COMPUTED[proxy]
    if oracle is None:
        value = of_plain(names, network)[proxy].value
        if proxy == "wpca" and value is not None:  # a multiple of the parameters, as they are stored
            value *= expected("params", names, network) / sum(p.numel() for p in case.net.parameters())
        return value
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
    if proxy in ("params", "flops", "linear_regions", "layers", "depth", "width_depth"):
        return {"rel": 0, "abs": 0}
    if proxy == "plain":
        return {"rel": 0, "abs": precision * oracles.snip(case)}
    if proxy == "grasp":
        return {"rel": 0, "abs": 10 * precision * sum(float(t.abs().sum()) for t in oracles.curvature_terms(case))}
    if proxy in ("gradsign", "gradalign1", "gradalign2", "ntk") and single:
        return {"rel": 2e-2, "abs": 2.0 if proxy == "gradsign" else 0}
    if proxy in ("ntk", "jacov"):
        return {"rel": 1e3 * precision}
    return {"rel": precision, "abs": precision * 1e-3}
