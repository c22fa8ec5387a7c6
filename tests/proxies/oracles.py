"""Each proxy once more, slow and obviously correct: a deep copy, plain hooks, loops and numpy."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.utils import parametrize, remove_weight_norm
from torch.utils.flop_counter import FlopCounterMode

from naslib_zc_plugin.testing import Case

CONVOLUTIONS = nn.Conv1d, nn.Conv2d, nn.Conv3d
TRANSPOSED = nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d
LAYERS = (*CONVOLUTIONS, *TRANSPOSED, nn.Linear)
RELUS = nn.ReLU, nn.LeakyReLU, nn.ReLU6, nn.PReLU


def plain_copy(case: Case) -> nn.Module:
    """A copy in train mode, every parameter trainable and no weight computed from others."""
    computed = [module for module in case.net.modules() if hasattr(module, "weight_g")]
    held = [module.__dict__.pop("weight") for module in computed]  # not a leaf: it cannot be copied
    net = copy.deepcopy(case.net).train()
    for module, weight in zip(computed, held):
        module.__dict__["weight"] = weight
    for module in net.modules():
        if parametrize.is_parametrized(module):
            weight = module.weight.detach()
            module.__class__ = type(module).__bases__[0]
            del module.parametrizations
            module.weight = nn.Parameter(weight)
        elif hasattr(module, "weight_g"):
            module.weight = None
            remove_weight_norm(module)
        module._backward_hooks.clear()
    return net.requires_grad_(True)


def logits(case: Case, net: nn.Module, x: Tensor) -> Tensor:
    """The logits of ``net``."""
    output = net(x.clone())
    return output if case.logits is None else output[case.logits]


def weights(net: nn.Module) -> list[Tensor]:
    """Distinct weights of convolution and linear layers."""
    return list({id(m.weight): m.weight for m in net.modules() if isinstance(m, LAYERS)}.values())


def gradients(value: Tensor, by: list[Tensor], **options: Any) -> list[Tensor]:
    """Gradients, zero where none arrives."""
    if not value.requires_grad:
        return [torch.zeros_like(tensor) for tensor in by]
    found = torch.autograd.grad(value, by, allow_unused=True, **options)
    return [torch.zeros_like(t) if g is None else g for g, t in zip(found, by)]


def loss_terms(case: Case) -> list[tuple[Tensor, Tensor]]:
    """(weight, gradient of the loss) per layer."""
    net, (x, y) = plain_copy(case), case.batch
    found = gradients(F.cross_entropy(logits(case, net, x), y), weights(net))
    return [(w.detach(), g) for w, g in zip(weights(net), found)]


def grad_norm(case: Case) -> float:
    return sum(math.sqrt(float((g.double() ** 2).sum())) for _, g in loss_terms(case))


def snip(case: Case) -> float:
    return sum(float((w * g).double().abs().sum()) for w, g in loss_terms(case))


def unfused_attention() -> AbstractContextManager[None]:
    """Attention as matrix products (torch before 2.3 fuses it on GPUs only)."""
    attention = getattr(nn, "attention", None)
    return nullcontext() if attention is None else attention.sdpa_kernel(attention.SDPBackend.MATH)


def plain(case: Case) -> float:
    return sum(float((w * g).double().sum()) for w, g in loss_terms(case))


def curvature_terms(case: Case) -> list[Tensor]:
    """−W·(Hg), elementwise: one pass for g, held fixed, another for its product with the Hessian."""
    held = [g for _, g in loss_terms(case)]
    net, (x, y) = plain_copy(case), case.batch
    with unfused_attention():  # fused attention has no second derivative
        again = gradients(F.cross_entropy(logits(case, net, x), y), weights(net), create_graph=True)
    product = sum((a * b).sum() for a, b in zip(held, again))
    return [-(w * h).detach().double() for w, h in zip(weights(net), gradients(product, weights(net)))]


def grasp(case: Case) -> float:
    return sum(float(term.sum()) for term in curvature_terms(case))


def fisher(case: Case) -> float:
    net, (x, y) = plain_copy(case), case.batch
    calls: list[tuple[nn.Module, Tensor]] = []

    def keep(module: nn.Module, inputs: Any, output: Tensor) -> Tensor:
        calls.append((module, output))
        return output.clone()

    def projected(module: nn.MultiheadAttention, inputs: Any, output: Any) -> Any:
        return (keep(module.out_proj, inputs, output[0]), *output[1:])  # which is never called as a module

    for module in net.modules():
        if isinstance(module, LAYERS):
            module.register_forward_hook(keep)
        if isinstance(module, nn.MultiheadAttention):
            module.register_forward_hook(projected)
    loss = F.cross_entropy(logits(case, net, x), y)
    total = 0.0
    for (module, output), gradient in zip(calls, gradients(loss, [output for _, output in calls])):
        product = (output * gradient).detach().double()
        product = product.movedim(-1, 1) if isinstance(module, nn.Linear) else product
        fan_in = module.weight[0].numel()
        if isinstance(module, TRANSPOSED):
            fan_in = module.in_channels // module.groups * math.prod(module.kernel_size)
        for channel in range(product.shape[1]):
            saliency = sum(float(product[n, channel].sum()) ** 2 for n in range(len(product))) / (2 * len(product))
            total += saliency * fan_in
    return total


def jacobian(case: Case) -> np.ndarray[Any, Any]:
    net, x = plain_copy(case), case.batch[0].clone().requires_grad_()
    logits(case, net, x).sum().backward()
    return x.grad.flatten(1).double().numpy()


def jacov(case: Case) -> float:
    values = np.real(np.linalg.eigvals(np.atleast_2d(np.corrcoef(jacobian(case))))) + 1e-5
    return float(-np.sum(np.log(values) + 1 / values))


def epe_nas(case: Case) -> float:
    rows, total = jacobian(case), 0.0
    for label in sorted(set(case.batch[1].tolist())):
        chosen = np.stack([row for row, y in zip(rows, case.batch[1].tolist()) if y == label])
        total += abs(float(np.log(np.abs(np.atleast_2d(np.corrcoef(chosen))) + 1e-5).sum()))
    return total


@contextmanager
def relu_codes(net: nn.Module, dimensions: tuple[int, ...] = (2, 3, 4)) -> Iterator[list[Any]]:
    """Binary codes, one array (N, units) per call of a ReLU module."""
    codes: list[Any] = []
    handles = [
        module.register_forward_hook(
            lambda m, i, output: (
                codes.append((output.detach() > 0).flatten(1).numpy()) if output.ndim in dimensions else None
            )
        )
        for module in net.modules()
        if isinstance(module, RELUS)
    ]
    yield codes
    for handle in handles:
        handle.remove()


def naswot(case: Case) -> float:
    net = plain_copy(case)
    with relu_codes(net) as calls:
        net(case.batch[0].clone())
    codes = np.concatenate(calls, axis=1)
    kernel = [[sum(int(a == b) for a, b in zip(one, other)) for other in codes.tolist()] for one in codes.tolist()]
    return float(np.linalg.slogdet(np.array(kernel, dtype=float))[1])


def linear_regions(case: Case) -> float:
    net = plain_copy(case)
    with relu_codes(net, dimensions=(4,)) as calls:
        net(case.batch[0].clone())
    return float(len({tuple(code) for code in np.concatenate(calls, axis=1).tolist()}))


def swap(case: Case, samples: int = 16) -> float:
    """For the held weights: the columns of the codes, one after another, into a set."""
    net = plain_copy(case)
    with relu_codes(net, dimensions=(4,)) as calls:
        net(case.batch[0][:samples].clone())
    return float(len({tuple(code[:, unit].tolist()) for code in calls for unit in range(code.shape[1])}))


def near(case: Case) -> float:
    """By hooks on modules, for networks whose activations and norms all are modules on vectors or maps."""
    net, total = plain_copy(case), []

    def hook(module: nn.Module, inputs: Any, output: Tensor) -> None:
        maps = output.detach().double()
        rows = [maps] if maps.ndim == 2 else [sample.flatten(1).T for sample in maps]
        matrix = torch.cat(list(rows))[: maps.shape[1]].numpy()
        values = np.linalg.svd(matrix, compute_uv=False)
        shares = values[values > 0] / values.sum()
        total.append(math.exp(-float((shares * np.log(shares)).sum())))

    norms = (_BatchNorm, nn.GroupNorm, nn.modules.instancenorm._InstanceNorm)
    for module in net.modules():
        if isinstance(module, (*LAYERS, *RELUS, *norms, nn.GELU, nn.Tanh, nn.Sigmoid)):
            module.register_forward_hook(hook)
    net(case.batch[0].clone())
    return sum(total)


def sample_gradients(case: Case) -> np.ndarray[Any, Any]:
    """(N, weights), each from a fresh copy that sees one sample."""
    rows = []
    for index in range(len(case.batch[1])):
        net, x, y = plain_copy(case), case.batch[0][index : index + 1], case.batch[1][index : index + 1]
        found = gradients(F.cross_entropy(logits(case, net, x), y), weights(net))
        rows.append(torch.cat([g.flatten() for g in found]).double().numpy())
    return np.stack(rows)


def zico(case: Case) -> float:
    halves = []
    for part in np.array_split(np.arange(len(case.batch[1])), 2):
        net, x, y = plain_copy(case), case.batch[0][part], case.batch[1][part]
        halves.append(gradients(F.cross_entropy(logits(case, net, x), y), weights(net)))
    total, counted = 0.0, False
    for one, other in zip(*halves):
        ratios = []
        for a, b in zip(one.double().flatten().tolist(), other.double().flatten().tolist()):
            if a != b:
                ratios.append((abs(a) + abs(b)) / 2 / math.sqrt(((a - b) / 2) ** 2))
        if ratios:
            total, counted = total + math.log(sum(ratios)), True
    return total if counted else math.nan


def ntk_trace(case: Case, every: bool = False) -> float:
    """By the logit of each sample's class, or by every logit."""
    squares = []
    for index, label in enumerate(case.batch[1].tolist()):
        classes = logits(case, plain_copy(case), case.batch[0][index : index + 1]).shape[1]
        for logit in range(classes) if every else [label]:
            net = plain_copy(case)
            found = gradients(logits(case, net, case.batch[0][index : index + 1])[0, logit], weights(net))
            squares.append(sum(float((g.double() ** 2).sum()) for g in found))
    return math.sqrt(sum(squares) / len(squares))


def cholesky(p: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """L of diag(p) − p pᵀ by elimination, column by column."""
    rest = np.diag(p) - np.outer(p, p)
    factor = np.zeros_like(rest)
    for column in range(len(p) - 1):  # the last pivot is zero
        factor[column:, column] = rest[column:, column] / math.sqrt(rest[column, column])
        rest = rest - np.outer(factor[:, column], factor[:, column])
    np.testing.assert_allclose(factor @ factor.T, np.diag(p) - np.outer(p, p), atol=1e-12)
    return factor


def fisher_information(
    jacobian: np.ndarray[Any, Any], logits: np.ndarray[Any, Any], factor: str = "code"
) -> np.ndarray[Any, Any]:
    """VKDNW's, sample by sample: of derivatives of logits, (N, C, P), and logits, (N, C)."""
    total = 0.0
    for values, row in zip(jacobian, logits):
        p = np.exp(row - row.max())
        p = 0.95 * p / p.sum() + 0.05 / len(p)
        left = cholesky(p)
        product = left @ values if factor == "code" else left.T @ values
        total = total + product.T @ product
    return np.asarray(total) / len(jacobian)


def decile_entropy(information: np.ndarray[Any, Any]) -> float:
    """The entropy of the deciles of singular values, of which those of rounding are zero."""
    values = np.linalg.svd(information)[1]
    deciles = np.quantile(np.where(values < 1e-13 * values[0], 0, values), np.arange(0.1, 0.95, 0.1))
    shares = deciles[deciles > 0] / deciles.sum()
    return float(-(shares * np.log(shares)).sum()) if len(shares) else math.nan


def gradsign(case: Case) -> float:
    return float(np.abs(np.sign(sample_gradients(case)).sum(0)).sum())


def _per_class(case: Case, read: Callable[[Any], float]) -> float:
    signs, labels = np.sign(sample_gradients(case)), case.batch[1].numpy()
    return float(np.mean([read(signs[labels == label]) for label in np.unique(labels)]))


def gradalign1(case: Case) -> float:
    return _per_class(case, lambda signs: float(np.mean([signs.mean(0) @ sign for sign in signs])))


def gradalign2(case: Case) -> float:
    return _per_class(case, lambda signs: float(np.linalg.slogdet(signs @ signs.T)[1]))


def flow_terms(case: Case, double: bool = True) -> list[tuple[Tensor, Tensor]]:
    """(absolute weight, gradient of the outputs' sum for a sample of ones) per layer, without norm."""
    net = plain_copy(case).eval()
    net = net.double() if double else net
    for module in net.modules():
        if isinstance(module, _BatchNorm):
            module.forward = lambda x: x
    with torch.no_grad():
        for value in net.state_dict().values():
            value.abs_()
    x = case.batch[0][:1]
    if x.is_floating_point():
        x = torch.ones_like(x, dtype=torch.float64 if double else x.dtype)
    total = logits(case, net, x).sum()
    return [(w.detach(), g) for w, g in zip(weights(net), gradients(total, weights(net)))]


def synflow(case: Case, double: bool = True) -> float:
    return sum(float((w * g).double().abs().sum()) for w, g in flow_terms(case, double))


def logsynflow(case: Case, variant: str = "freerea", double: bool = True) -> float:
    total = 0.0
    for weight, gradient in flow_terms(case, double):
        if variant == "autoprox" and not gradient.any():
            continue
        for w, g in zip(weight.flatten().tolist(), gradient.abs().flatten().tolist()):
            if variant == "freerea":
                total += w * math.log(1 + g)
            elif w:
                total += w * (abs(math.log(g)) if g else math.inf)
    return total


def epsilon(case: Case, pair: tuple[float, float] = (1e-7, 1.0)) -> float:
    rows = []
    for value in pair:
        net = plain_copy(case)
        with torch.no_grad():
            for name, parameter in net.named_parameters():
                parameter.fill_(0 if "bias" in name else value)
            row = logits(case, net, case.batch[0]).flatten().numpy()
        equal = row - row.min() <= 8 * np.finfo(row.dtype).eps * np.abs(row)  # but for rounding
        rows.append(np.where(equal, np.nan, (row - row.min()) / (row.max() - row.min())))
    scaled = np.stack(rows)
    return float(np.nanmean(np.abs(scaled[0] - scaled[1])) / np.nanmean(scaled))


def params(case: Case) -> float:
    return float(sum(parameter.numel() for parameter in set(case.net.parameters())))


def l2_norm(case: Case) -> float:
    return sum(math.sqrt(float((w.double() ** 2).sum())) for w in weights(plain_copy(case)))


def flops(case: Case) -> float:
    # The counter does not see fused attention.
    with FlopCounterMode(display=False) as counter, unfused_attention():
        plain_copy(case)(case.batch[0].clone())
    return counter.get_total_flops() / 2 / len(case.batch[0])


def tangent_condition(case: Case) -> float:
    """λ_max / λ_min of the tangent kernel for the held weights."""
    net = plain_copy(case)
    by = [parameter for name, parameter in net.named_parameters() if "weight" in name]
    totals = logits(case, net, case.batch[0]).sum(1)
    rows = [torch.cat([g.flatten() for g in gradients(t, by, retain_graph=True)]).double().numpy() for t in totals]
    return float(np.linalg.cond(np.stack(rows) @ np.stack(rows).T))
