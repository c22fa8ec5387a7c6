"""Oracles of proxies that look at the outputs of layers, norms and modules."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, Callable

import torch
from architectures_activations import Activations
from architectures_reference import LAYERS, RECURRENT, Absent, Reference, layers, tree
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from naslib_zc_plugin.passes.inputs import Noise
from naslib_zc_plugin.passes.seeding import seed_everything

# Calls of layers --------------------


def check_called(ref: Reference) -> None:
    """Refuse networks in which another module multiplies with a layer's weight."""
    ref.once("called", lambda: _called(ref))


def _called(ref: Reference) -> bool:
    net, called = ref.net(), set[nn.Module]()
    for module in layers(net).values():
        module.register_forward_hook(lambda module, args, output: called.add(module))
    total = ref.logits(net, ref.inputs).sum()
    missed = [module.weight for module in layers(net).values() if module not in called]
    # A gradient of zeros is one, too: that behind a norm whose scale is 0 as yet.
    if missed and any(g is not None for g in torch.autograd.grad(total, missed, allow_unused=True)):
        raise Absent("a layer's weight is multiplied by another module")
    return True


def all_layers(net: nn.Module) -> Iterable[nn.Module]:
    """Return convolution and linear modules, also those that share a weight."""
    return [module for module in net.modules() if isinstance(module, LAYERS)]


def calls(ref: Reference) -> list[tuple[int, int, float]]:
    """Return of each call of a layer: the identity of its weight, the channels, and the values for one sample."""
    check_called(ref)
    net, found = ref.net(), list[tuple[int, int, float]]()

    def hook(module: nn.Module, args: Any, output: Tensor) -> None:
        channels = output.shape[-1 if isinstance(module, nn.Linear) else 1]
        found.append((id(module.weight), channels, output.numel() / 2))

    for module in all_layers(net):
        module.register_forward_hook(hook)
    with torch.no_grad():
        ref.logits(net, tree(lambda x: x[:2], ref.inputs))
    return found


def number_of_layers(ref: Reference) -> float:
    """Count the weights."""
    return float(len({weight for weight, _, _ in ref.once("calls", lambda: calls(ref))}))


def number_of_activations(ref: Reference) -> float:
    """Add up the values."""
    return float(sum(values for _, _, values in ref.once("calls", lambda: calls(ref))))


def total_width(ref: Reference) -> float:
    """Add up the channels."""
    return float(sum(channels for _, channels, _ in ref.once("calls", lambda: calls(ref))))


MADE = tuple(f"aten::{name}" for name in ("empty", "zeros", "ones", "full", "new_", "rand"))
"""How operators begin that take a tensor for its shape alone."""


class Longest(TorchDispatchMode):
    """Keep, for each piece of memory, the most layers on a path from the inputs to what lies in it."""

    def __init__(self, inputs: Iterable[Tensor]) -> None:
        super().__init__()
        self.kept = list(inputs)  # so that no memory is given to another tensor
        self.lengths = {x.untyped_storage().data_ptr(): 0 for x in self.kept}

    def length(self, values: Iterable[Any]) -> int:
        """Return the most of several values; −1 for what the inputs do not lead to."""
        found = (x.untyped_storage().data_ptr() for x in values if isinstance(x, Tensor))
        return max((self.lengths.get(memory, -1) for memory in found), default=-1)

    def reach(self, values: Iterable[Any], length: int) -> None:
        """Note a path to real values."""
        for value in values:
            if length >= 0 and isinstance(value, Tensor) and (value.is_floating_point() or value.is_complex()):
                self.kept.append(value)
                memory = value.untyped_storage().data_ptr()
                self.lengths[memory] = max(length, self.lengths.get(memory, -1))

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Run the operator; what it gives is behind what it gets."""
        output = function(*args, **(kwargs or {}))
        if not function._schema.name.startswith(MADE):
            self.reach(_flat([output]), self.length(_flat([args, kwargs or {}])))
        return output


def _flat(values: Any) -> list[Any]:
    if isinstance(values, dict):
        return _flat(list(values.values()))
    return [each for value in values for each in _flat(value)] if isinstance(values, (list, tuple)) else [values]


def depth(ref: Reference) -> float:
    """Follow the paths through every operator."""
    check_called(ref)
    net = ref.net()
    if any(isinstance(module, RECURRENT) for module in net.modules()):
        raise Absent("recurrent layers hide paths")
    inputs = tree(lambda x: x[:2].clone(), ref.inputs)
    seen = Longest(inputs.values() if isinstance(inputs, dict) else [inputs])

    def after(module: nn.Module, args: Any, output: Tensor) -> None:
        before = seen.length(args)
        seen.reach([output] if before >= 0 else [], before + 1)

    for module in all_layers(net):
        module.register_forward_hook(after)
    with torch.no_grad(), seen:
        logits = ref.logits(net, inputs)
    if (length := seen.length([logits])) < 0:
        raise Absent("tokens are computed with before they are looked up")
    return float(length)


# Outputs of modules --------------------


def noise(ref: Reference, samples: int, size: int) -> Any:
    """Return inputs drawn from N(0, 1), images of some size; tokens stay."""
    drawn = Noise(samples, size)

    def made(like: Tensor) -> Tensor:
        if not like.is_floating_point():
            return like[:samples]
        shape = (samples, *like.shape[1:2], *((size, size) if like.ndim == 4 else like.shape[2:]))
        return torch.randn(shape).to(ref.dtype)

    seed_everything(0, drawn)
    return tree(made, ref.case.inputs)


def meco(ref: Reference) -> float:
    """Add up the smallest eigenvalues of correlations between channels, after each module."""
    net, total = ref.net(), [0.0]
    if isinstance(ref.inputs, dict) and "input_ids" in ref.inputs:
        raise Absent("embeddings are drawn")

    def hook(module: nn.Module, args: Any, output: Any) -> None:
        tensors = [each for each in _flat([dict(output) if isinstance(output, dict) else output]) if _real(each)]
        if not tensors or tensors[0].ndim < 2 or tensors[0].shape[1] < 2:
            return
        rows = tensors[0][0].detach().reshape(tensors[0].shape[1], -1).double()
        exact = torch.finfo(ref.dtype).eps
        if len(rows) < rows.shape[1] and (rows.std(1, correction=0) > exact * rows.abs().amax(1)).all():
            total[0] += max(0.0, torch.linalg.eigvalsh(torch.corrcoef(rows))[0].item())

    for module in net.modules():
        module.register_forward_hook(hook)
    inputs = noise(ref, 1, 64)
    with torch.no_grad():
        ref.logits(net, inputs)
    return total[0]


def _real(value: Any) -> bool:
    return isinstance(value, Tensor) and value.is_floating_point()


# Outputs of layers, norms and activations --------------------

NORMS = {"batch_norm": 1, "group_norm": 1, "layer_norm": -1, "rms_norm": -1}
"""Parts of the names of torch's operators, and the dimension of the channels."""


PRODUCTS = ("bmm", "mm", "addmm", "convolution")


class Outputs(Activations):
    """Keep the outputs of activations and norms, with those of layers and products among them, in their order."""

    inside = 0

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Run the operator, and look at its output."""
        if self.inside:
            return function(*args, **(kwargs or {}))
        output = super().__torch_dispatch__(function, types, args, kwargs)
        name = function.overloadpacket.__name__
        kind = next((each for each in NORMS if each in name), "mix" if name in PRODUCTS else None)
        if kind is not None:
            self.found.append((kind, (output if isinstance(output, Tensor) else output[0]).clone()))
        return output


def outputs(ref: Reference) -> list[tuple[str, Tensor, int]]:
    """Return kind, output and, for layers, width of the input, in the order of a run."""
    check_called(ref)
    net, seen = ref.net(), Outputs()
    if any(isinstance(module, (*RECURRENT, nn.modules.instancenorm._InstanceNorm)) for module in net.modules()):
        raise Absent("recurrent layers and norms of instances hide what they compute")
    widths: dict[int, int] = {}

    def before(module: nn.Module, args: Any) -> None:
        seen.inside += 1

    def after(module: nn.Module, args: Any, output: Tensor) -> None:
        seen.inside -= 1
        widths[len(seen.found)] = args[0].shape[-1] if args else 0
        seen.found.append(("linear" if isinstance(module, nn.Linear) else "convolution", output.clone()))

    for module in all_layers(net):
        module.register_forward_pre_hook(before)
        module.register_forward_hook(after)
    with torch.no_grad(), seen:
        ref.logits(net, ref.inputs)
    return [(kind, output, widths.get(place, 0)) for place, (kind, output) in enumerate(seen.found)]


def near(ref: Reference) -> float:
    """Add up effective ranks."""
    total, before = 0.0, -1
    for kind, output, _ in ref.once("outputs", lambda: outputs(ref)):
        if kind in ("softmax", "mix") or output.ndim < 2 or not output.numel():
            continue
        channel = {**NORMS, "convolution": 1, "linear": -1}.get(kind, before if output.ndim > 2 else -1)
        before = channel if output.ndim > 2 and kind in (*NORMS, "convolution", "linear") else before
        rows = output.movedim(channel, -1).reshape(-1, output.shape[channel])[: output.shape[channel]]
        values = torch.linalg.svdvals(rows.double())
        shares = values[values > 0] / values.sum()
        total += math.exp(-(shares * shares.log()).sum().item()) if len(shares) else 0.0
    return total


def wpca(ref: Reference) -> float:
    """Count the principal components between two layers on positions that have activations and no product between."""
    ratios, first, width, active = list[float](), None, 0, False
    for kind, output, inputs in ref.once("outputs", lambda: outputs(ref)):
        if kind in ("relu", "gelu", "sigmoid", "tanh"):
            active = active or (first is not None and output.shape[:-1] == first.shape[:-1])
        elif kind == "linear" and output.ndim > 2:
            if first is None or not active:
                first, width, active = output, inputs, False
            elif output.shape[-1] == width and output.shape[:-1] == first.shape[:-1]:
                ratios.append(_components(first) / first.shape[-1])
                first = None
        elif kind not in NORMS:
            first = None
    if not ratios:
        raise Absent("no feed-forward network")
    return sum(p.numel() for p in ref.case.net.parameters()) * sum(ratios) / len(ratios)


def _components(states: Tensor) -> int:
    values = torch.linalg.eigvalsh(torch.cov(states.double().reshape(-1, states.shape[-1]).T)).clamp(min=0)
    number, held = 0, 0.0
    while held <= 0.99 and number < len(values):
        number += 1
        held += (values[-number] / values.sum()).item()
    return number


COUNTS: dict[str, Callable[[Reference], float]] = {
    "activations": number_of_activations, "depth": depth, "layers": number_of_layers, "total_width": total_width,
}  # fmt: skip
"""By the proxies' names."""
