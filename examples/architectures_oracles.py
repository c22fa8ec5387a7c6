"""Slow values of proxies, from their definitions in the obvious way, to hold scores of real networks against.

Each is computed on a copy of the network by ordinary forward and backward runs and module hooks, none by the package's
passes. What is shared with the package is the seed of draws, which is a name and no computation.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import Any, Callable

import torch
from architectures_activations import (
    activation_distance,
    activations,
    generalized_naswot,
    head_softmax_confidence,
    naswot,
)
from architectures_outputs import COUNTS, meco, near, wpca
from architectures_reference import (
    RECURRENT,
    Absent,
    Reference,
    drawn,
    gradients,
    layers,
    noised,
    quiet,
    tree,
    weights,
)
from architectures_samples import gradalign1, gradalign2, gradsign, ntk_trace
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.modules.batchnorm import _BatchNorm
from torch.utils.flop_counter import FlopCounterMode

from naslib_zc_plugin.extend import NormalPair
from naslib_zc_plugin.observations.layers import ATTENTION, PROJECTIONS
from naslib_zc_plugin.passes.seeding import seed_everything


def after_loss(ref: Reference) -> list[tuple[Tensor, Tensor]]:
    """Return each layer's weight and the loss gradient: one ordinary backward run."""
    net = ref.net()
    ref.loss(ref.logits(net, ref.inputs), ref.labels).backward()
    return [(w.detach(), torch.zeros_like(w) if w.grad is None else w.grad) for w in weights(net)]


Oracle = Callable[[Reference], float]


# Gradients of the loss --------------------


def grad_norm(ref: Reference) -> float:
    """Sum the norms."""
    return sum(g.norm().item() for _, g in ref.once("loss", lambda: after_loss(ref)))


def snip(ref: Reference) -> float:
    """Sum the sizes of weight times gradient."""
    return sum((w * g).abs().sum().item() for w, g in ref.once("loss", lambda: after_loss(ref)))


def plain(ref: Reference) -> float:
    """Sum weight times gradient."""
    return sum((w * g).sum().item() for w, g in ref.once("loss", lambda: after_loss(ref)))


def grasp(ref: Reference) -> float:
    """Differentiate twice."""
    net = ref.net()
    by = weights(net)
    first = [g.detach() for g in gradients(ref.loss(ref.logits(net, ref.inputs), ref.labels), by)]
    second = gradients(ref.loss(ref.logits(net, ref.inputs), ref.labels), by, record=True)
    product = sum((a * b).sum() for a, b in zip(first, second))
    if not product.requires_grad:
        return 0.0
    return -sum((w * h).sum().item() for w, h in zip(by, gradients(product, by)))


def zico(ref: Reference) -> float:
    """Compare the gradients of two halves of the batch."""
    halves = []
    for part in torch.arange(ref.samples).tensor_split(2):
        net = ref.net()
        logits = ref.logits(net, tree(lambda x, part=part: x[part], ref.inputs))
        halves.append(gradients(ref.loss(logits, ref.labels[part]), weights(net)))
    total = 0.0
    for one, other in zip(*halves):
        a, b = (half[one != other].double() for half in (one, other))
        total += ((a.abs() + b.abs()) / (a - b).abs()).sum().log().item() if len(a) else 0.0
    return total


def fisher(ref: Reference) -> float:
    """Multiply the outputs of layers, as module hooks see them, with their gradients."""
    net, seen = ref.net(), []

    def hook(module: nn.Module, args: Any, output: Tensor) -> Tensor:
        seen.append((module, output))
        return output.clone()

    for module in layers(net).values():
        module.register_forward_hook(hook)
    loss = ref.loss(ref.logits(net, ref.inputs), ref.labels)
    used = [(module, output) for module, output in seen if output.requires_grad]
    called = {id(module) for module, _ in seen}
    missed = [module.weight for module in layers(net).values() if id(module) not in called]
    if missed and any(g.any() for g in gradients(loss, missed)):
        raise Absent("a layer's weight is multiplied by another module")
    total = 0.0
    for (module, output), g in zip(used, gradients(loss, [output for _, output in used])):
        if len(output) != ref.samples:
            raise Absent("a layer's output does not have the batch first")
        channel = output.ndim - 1 if isinstance(module, nn.Linear) else 1
        product = (output * g).movedim(channel, -1).reshape(len(output), -1, output.shape[channel]).sum(1)
        fan_in = module.weight.numel() // output.shape[channel]
        total += fan_in * product.square().sum().item() / (2 * len(output))
    return total


# Gradients of the outputs --------------------


def check_sum(logits: Tensor) -> None:
    """Refuse outputs whose sum is constant."""
    if (logits.sum(-1).abs() <= 1e-5 * logits.abs().sum(-1)).all():
        raise Absent("the outputs add up to a constant")


def input_gradient(ref: Reference, noise: float = 0.0) -> Tensor:
    """Return the gradient of the sum of logits by each sample, or by the output of the embedding of its tokens."""
    found: Tensor = ref.once(("inputs", noise), lambda: _input_gradient(ref, noise))
    return found


def _input_gradient(ref: Reference, noise: float) -> Tensor:
    net, at = ref.net(), []
    if isinstance(ref.inputs, dict) and "input_ids" in ref.inputs:
        if not hasattr(net, "get_input_embeddings") or len(ref.inputs) > 1:
            raise Absent("several inputs")
        if noise and type(net.get_input_embeddings()).forward is not nn.Embedding.forward:
            raise Absent("an embedding of another kind")

        def hook(module: nn.Module, args: Any, output: Tensor) -> Tensor:
            at.append(noised(output, noise))
            return at[-1]

        net.get_input_embeddings().register_forward_hook(hook)
        logits = ref.logits(net, ref.inputs)
    else:
        inputs = tree(lambda x: noised(x, noise).clone().requires_grad_(), ref.inputs)
        at = [inputs] if isinstance(inputs, Tensor) else list(inputs.values())
        logits = ref.logits(net, tree(lambda x: x * 1, inputs))
    check_sum(logits)
    if not at or len(at[0]) != ref.samples:
        raise Absent("no embedding with the batch first")
    return gradients(logits.sum(), at[:1])[0].double().flatten(1)


def jacov(ref: Reference) -> float:
    """Take the eigenvalues of correlations."""
    values = torch.linalg.eigvalsh(torch.corrcoef(input_gradient(ref))) + 1e-5
    return -(values.log() + 1 / values).sum().item()


def jacob_cosine(ref: Reference) -> float:
    """Take cosines of all pairs."""
    return cosines_of(input_gradient(ref))


def large_noise_jacobian(ref: Reference) -> float:
    """Compare the cosines with those under noise."""
    return 1 - abs(cosines_of(input_gradient(ref)) - cosines_of(input_gradient(ref, 10.0)))


def more_noised_jacobian(ref: Reference) -> float:
    """Multiply the cosines of several noises."""
    return math.prod(cosines_of(input_gradient(ref, noise)) for noise in (0.0, 0.1, 10.0, 100.0))


def cosines_of(rows: Tensor) -> float:
    """Average roots of the cosines of all pairs."""
    pairs = [(i, j) for i in range(len(rows)) for j in range(i)]
    cosines = [F.cosine_similarity(rows[i], rows[j], dim=0, eps=0).abs().item() for i, j in pairs]
    return 1 - sum(cosine ** (1 / 20) for cosine in cosines) / (len(rows) ** 2 - len(rows))


def epe_nas(ref: Reference) -> float:
    """Take correlations within classes."""
    if ref.labels.ndim != 1:
        raise Absent("no classes")
    rows, total = input_gradient(ref), 0.0
    for label in ref.labels.unique():
        matrix = torch.corrcoef(rows[ref.labels == label]).reshape(-1)
        total += abs((matrix.abs() + 1e-5).log().sum().item())
    return total


def named(net: nn.Module, patterns: tuple[str, ...]) -> list[nn.Module]:
    """Return the linear layers that are named like one of the patterns."""
    linear = {name: module for name, module in layers(net).items() if isinstance(module, nn.Linear)}
    found = [module for name, module in linear.items() if any(fnmatchcase(name, each) for each in patterns)]
    if not found:
        raise Absent("no linear layer of such a name")
    return found


def of_outputs(ref: Reference, patterns: tuple[str, ...]) -> list[tuple[Tensor, Tensor]]:
    """Return weights of linear layers, and the gradients of the sum of outputs by them."""
    net = ref.net()
    by = [module.weight for module in named(net, patterns)]
    logits = ref.logits(net, ref.inputs)
    check_sum(logits)
    return [(w.detach(), g) for w, g in zip(by, gradients(logits.sum(), by))]


def synaptic_saliency(ref: Reference) -> float:
    """Sum the sizes of weight times gradient of linear layers."""
    return sum((w * g).abs().sum().item() for w, g in of_outputs(ref, ("*",)))


def head_importance(ref: Reference) -> float:
    """Sum the sizes of weight times gradient of projections."""
    return sum((w * g).abs().sum().item() for w, g in of_outputs(ref, PROJECTIONS + ("*operation*.convolved",)))


def synaptic_diversity(ref: Reference) -> float:
    """Multiply the sums of singular values of weights and gradients."""
    pairs = of_outputs(ref, ATTENTION)
    return sum(
        (torch.linalg.svdvals(w.double()).sum() * torch.linalg.svdvals(g.double()).sum()).item() for w, g in pairs
    )


class Copy(nn.Module):
    """Pass the input on, as a tensor of its own: what follows may write to it."""

    def forward(self, x: Tensor) -> Tensor:
        """Return a copy."""
        return x.clone()


def flow(ref: Reference) -> list[tuple[Tensor, Tensor]]:
    """Make everything absolute, take out batch norm, and run on ones in double precision: weights and gradients."""
    net = ref.net().double().eval()
    with torch.no_grad():
        for tensor in (*net.parameters(), *net.buffers()):
            if tensor.is_floating_point():
                tensor.abs_()
    for parent in list(net.modules()):
        for name, module in list(parent.named_children()):
            if isinstance(module, _BatchNorm):
                setattr(parent, name, nn.Sequential(Copy(), *module.children()))  # activations of its own stay
    inputs = tree(lambda x: torch.ones_like(x[:1]).double() if x.is_floating_point() else x[:1], ref.inputs)
    by = weights(net)
    logits = ref.logits(net, inputs)
    check_sum(logits)
    return list(zip([w.detach() for w in by], gradients(logits.sum(), by)))


def synflow(ref: Reference) -> float:
    """Sum the sizes of weight times gradient."""
    return sum((w * g).abs().sum().item() for w, g in ref.once("flow", lambda: flow(ref)))


def logsynflow(ref: Reference) -> float:
    """Likewise, with logarithms of the gradients' sizes and 1."""
    return sum((w * g.abs().log1p()).sum().item() for w, g in ref.once("flow", lambda: flow(ref)))


def head_confidence(ref: Reference) -> float:
    """Take the largest outputs of projections among positions."""
    net, means = ref.net(), []

    def hook(module: nn.Module, args: Any, output: Tensor) -> None:
        if output.ndim < 3 or len(output) != ref.samples:
            raise Absent("no positions")
        means.append(output.amax(1).mean().item())

    for module in named(net, PROJECTIONS):
        module.register_forward_hook(hook)
    with torch.no_grad():
        ref.logits(net, ref.inputs)
    if not means:
        raise Absent("no projection was called")
    return sum(means)


# New weights --------------------


def linear_regions(ref: Reference) -> float:
    """Count distinct rows of codes of maps."""
    maps = [x > 0 for x in activations(ref, drawn(ref, "kaiming_fan_in")).of("relu") if x.ndim == 4]
    if not maps or any(len(code) != ref.samples for code in maps):
        raise Absent("no ReLU on maps")
    return float(len(torch.cat([code.flatten(1) for code in maps], 1).unique(dim=0)))


def swap(ref: Reference) -> float:
    """Count distinct columns of codes of maps, for four draws of weights."""
    counts = []
    for draw in range(4):
        maps = [x > 0 for x in activations(ref, drawn(ref, "normal", draw)).of("relu") if x.ndim == 4]
        if not maps or any(len(code) != ref.samples for code in maps):
            raise Absent("no ReLU on maps")
        counts.append(len(torch.cat([code.flatten(1) for code in maps], 1).unique(dim=1)[0]))
    return sum(counts) / len(counts)


def ntk(ref: Reference) -> float:
    """Stack every sample's gradient, and take the condition number of their products."""
    net = drawn(ref, "kaiming_fan_out")
    by = [parameter for name, parameter in net.named_parameters() if "weight" in name]
    logits = ref.logits(net, ref.inputs)
    check_sum(logits)
    sums = logits.flatten(1).sum(1)
    rows = torch.stack([torch.cat([g.flatten() for g in gradients(each, by)]).double() for each in sums])
    values = torch.linalg.eigvalsh(rows @ rows.T)
    if not values[0] > values[-1] * 1e-8:
        raise Absent("a singular kernel")
    return (values[-1] / values[0]).item()


def zen(ref: Reference) -> float:
    """Take the last map that a module pools to one value per channel, for two inputs."""
    net, maps = drawn(ref, "normal"), []
    if not any(isinstance(module, nn.BatchNorm2d) for module in net.modules()):
        raise Absent("no batch norm of maps")

    def hook(module: nn.Module, args: Any, output: Any) -> None:
        if isinstance(output, Tensor) and args[0].ndim == 4 and output.shape[2:] in ((), (1, 1)):
            maps.append(args[0].detach().clone())

    def go_on(module: nn.Module, args: Any, output: Tensor) -> None:
        if args[0].ndim == 4 and args[0].shape[2:].numel() > 1:
            maps.clear()  # what was pooled is a part of a layer's, as in squeeze and excitation

    for module in net.modules():
        if "Pool" in type(module).__name__:
            module.register_forward_hook(hook)
        elif isinstance(module, nn.Conv2d):
            module.register_forward_hook(go_on)
    seed_everything(0, NormalPair(0.01))
    shape = (16, *_tensors(ref.case.inputs)[0].shape[1:])
    x = torch.randn(shape)
    features = []
    for shown in (x, x + 0.01 * torch.randn(shape)):
        maps.clear()
        with torch.no_grad():
            ref.logits(net, tree(lambda _, shown=shown: shown.to(ref.dtype), ref.case.inputs))
        if not maps or maps[-1].shape[-1] == 1:
            raise Absent("no module pools a map")
        features.append(maps[-1])
    held = [m.running_var for m in net.modules() if isinstance(m, nn.BatchNorm2d) and m.running_var is not None]
    scale = sum(variance.double().mean().sqrt().log().item() for variance in held)
    return (features[0] - features[1]).abs().flatten(1).sum(1).mean().double().log().item() + scale


def _tensors(inputs: Any) -> list[Tensor]:
    return list(inputs.values()) if isinstance(inputs, dict) else [inputs]


def epsilon(ref: Reference) -> float:
    """Set every weight to one of two constants and every bias to 0, and compare the outputs."""
    rows = []
    for value in (1e-7, 1.0):
        net = ref.net().eval()
        if any(isinstance(module, (nn.Embedding, nn.EmbeddingBag)) for module in net.modules()):
            raise Absent("embeddings are drawn")
        with torch.no_grad():
            for name, parameter in net.named_parameters():
                last = name.rpartition(".")[2]
                if "weight" in last or "bias" in last:
                    parameter.fill_(value if "weight" in last else 0.0)
        for module in net.modules():
            if isinstance(module, _BatchNorm):
                module.train()
        with torch.no_grad():
            outputs = ref.logits(net, ref.inputs).flatten()
        scaled = (outputs - outputs.min()) / (outputs.max() - outputs.min())
        if (scaled == 0).sum() != (scaled < 1e-6).sum():
            raise Absent("rounding decides which outputs are exactly 0")
        rows.append(torch.where(scaled == 0, torch.nan, scaled))
    value = ((rows[0] - rows[1]).abs().nanmean() / torch.stack(rows).nanmean()).item()
    if not math.isfinite(value):
        raise Absent("equal outputs")
    return value


# Counts --------------------


def params(ref: Reference) -> float:
    """Add up all distinct parameters."""
    return float(sum(parameter.numel() for parameter in ref.case.net.parameters()))


def l2_norm(ref: Reference) -> float:
    """Add up the norms of weights."""
    return sum(weight.norm().item() for weight in weights(ref.net()))


def flops(ref: Reference) -> float:
    """Count by torch's own counter, on two samples; a multiplication and an addition are one operation."""
    net = ref.net()
    if any(isinstance(module, RECURRENT) for module in net.modules()):
        raise Absent("torch's counter does not see recurrent layers")
    more = {torch.ops.aten._grouped_mm: lambda a, b, *rest, out_shape=None, **named: 2 * math.prod(out_shape) * a[-1]}
    with torch.no_grad(), FlopCounterMode(display=False, custom_mapping=more) as counter:
        ref.logits(net, tree(lambda x: x[:2], ref.inputs))
    return counter.get_total_flops() / 4


ORACLES: dict[str, Oracle] = {
    each.__name__: each
    for each in (
        activation_distance, epe_nas, epsilon, fisher, flops, generalized_naswot, grad_norm, gradalign1, gradalign2,
        gradsign, grasp, head_confidence, head_importance, head_softmax_confidence, jacob_cosine, jacov, l2_norm,
        large_noise_jacobian, linear_regions, more_noised_jacobian, naswot, ntk, params, plain, snip,
        synaptic_diversity, synaptic_saliency, synflow, zen, logsynflow, meco, near, ntk_trace, swap, wpca, zico,
    )
} | COUNTS  # fmt: skip
"""By the proxies' names."""
ONCE = ("flops", "params", "synflow", "logsynflow", *COUNTS)
"""Those that have a precision of their own."""
SIGNED = {"plain": math.inf, "grasp": math.inf}
"""Those whose terms cancel: rounding may be most of them."""


def single(name: str, ref: Reference) -> float:
    """Return a proxy's value in the reference's precision.

    Raises:
        Absent: there is none.
    """
    with quiet():
        torch.manual_seed(0)
        return ORACLES[name](ref)


def rounding(name: str, references: Sequence[Reference], first: float) -> tuple[float, float]:
    """Return a proxy's value in double precision (NaN where the network has none), and the most that rounding changes.

    Args:
        name: the proxy's.
        references: the first in double precision, the others shifted by roundings of single precision.
        first: the value in single precision.

    Raises:
        Absent: that is nothing but rounding.
    """
    if name in ONCE:
        return first, 0.0
    found = []
    for ref in references:
        try:
            found.append(single(name, ref))
        except Absent as error:
            raise Absent("nothing but rounding") from error
        except Exception:  # a network that needs single precision inside
            found.append(math.nan)
    change = max((abs(first - other) for other in found if not math.isnan(other)), default=0.0)
    if change > abs(first) / 4 * SIGNED.get(name, 1):
        raise Absent("nothing but rounding")
    return found[0], change
