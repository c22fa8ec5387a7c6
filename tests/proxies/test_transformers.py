"""Proxies of transformers against slow ones, on FlexiBERT's encoders and on a Hugging Face encoder."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

import naslib_zc_plugin as zc
from naslib_zc_plugin.protocols import LOSSES
from naslib_zc_plugin.spaces import space

KEY = "128|SA-WMA-2-512x1|DSC-5-4-512x3|LT-DFT-2-512x1|SA-SDP-4-512x1"
TOKENS = torch.arange(5 * 6).reshape(5, 6).remainder(23) + 1
BATCH = TOKENS, torch.zeros(5, dtype=torch.long)


def encoder(variant: str = "nominal") -> nn.Module:
    torch.manual_seed(1)
    net = space("flexibert").build(KEY, num_classes=30, positions=6, variant=variant)
    for part in net.modules():  # so that passes can be compared
        if isinstance(part, nn.Dropout):
            part.p = 0.0
    return net


def seen(net: nn.Module, suffixes: tuple[str, ...]) -> list[Tensor]:
    """Outputs of the modules of such names, by hooks."""
    outputs: list[Tensor] = []
    hooks = [
        module.register_forward_hook(lambda *given: outputs.append(given[2].detach()))
        for name, module in net.named_modules()
        if name.endswith(suffixes) and not isinstance(module, nn.Identity)
    ]
    net(TOKENS)
    for hook in hooks:
        hook.remove()
    return outputs


def value(net: nn.Module, name: str, **options: Any) -> float:
    """The score with the loss of random signs."""
    (score,) = zc.score(net, BATCH, [zc.proxy(name, **options)], loss=LOSSES["signs"]).values()
    assert score.value is not None, score.reason
    return score.value


@pytest.mark.parametrize("average", [False, True])
def test_head_confidence_is_the_mean_maximum_over_positions(average: bool) -> None:
    net = encoder()
    outputs = seen(net, (".query", ".key", ".value", ".weight", "operation.input"))
    assert len(outputs) == 4 + 3 + 1 + 3
    total = sum(output.max(dim=1)[0].mean().item() for output in outputs)
    assert value(net, "head_confidence", average=average) == pytest.approx(total / (11 if average else 1), rel=1e-5)


def test_softmax_confidence_is_the_mean_maximum_over_heads() -> None:
    net = encoder()
    queries = seen(net, ("block.weight", "layer2.operation.block.query", "layer4.operation.block.query"))
    keys = seen(net, ("block.key",))
    found = 0.0
    for query, key, heads in zip(queries, keys, (2, 2, 4)):
        q, k = (part.unflatten(2, (heads, -1)).transpose(1, 2) for part in (query, key))
        weights = (q @ k.mT / q.shape[-1] ** 0.5).softmax(-1)
        found += weights.max(dim=1)[0].mean().item()
    assert value(net, "head_softmax_confidence") == pytest.approx(found, rel=1e-5)
    # The kernels of the dynamic convolution are no attention; the unused softmax of a published transform counts.
    for variant, calls in (("nominal", 3), ("published", 4)):
        total, mean = (value(encoder(variant), "head_softmax_confidence", average=average) for average in (False, True))
        assert total / mean == pytest.approx(calls)


def test_activation_distance_is_the_sum_of_the_first_samples_kernels() -> None:
    net, total, calls = encoder(), 0.0, 0
    for output in seen(net, ("gelu1", "gelu2", "gelu3")):
        code = (output[0] > 0).double()
        total += (code @ code.T + (1 - code) @ (1 - code.T)).sum().item()
        calls += 1
    assert calls == 6
    assert value(net, "activation_distance") == pytest.approx(total)
    assert value(net, "activation_distance", average=True) == pytest.approx(total / 6)


def gradients(net: nn.Module) -> dict[str, tuple[Tensor, Tensor]]:
    total = LOSSES["signs"]
    assert total is not None
    linear = {name: module.weight for name, module in net.named_modules() if isinstance(module, nn.Linear)}
    found = torch.autograd.grad(total(net(TOKENS), None), list(linear.values()))
    return {name: (weight.detach(), gradient) for (name, weight), gradient in zip(linear.items(), found)}


def test_importance_diversity_and_saliency_are_those_of_their_layers() -> None:
    net = encoder()
    found = gradients(net)
    importance = sum(
        (w * g).abs().sum().item()
        for name, (w, g) in found.items()
        if name.endswith((".query", ".key", ".value", ".weight", ".convolved", "operation.input"))
    )
    assert value(net, "head_importance", of="loss") == pytest.approx(importance, rel=1e-4)
    norms = [
        float(torch.linalg.svdvals(w).sum() * torch.linalg.svdvals(g).sum())
        for name, (w, g) in found.items()
        if "operation" in name
    ]
    assert len(norms) == 5 + 6 + 1 + 4
    assert value(net, "synaptic_diversity", of="loss") == pytest.approx(sum(norms), rel=1e-3)
    forward = [(w * g).abs().sum().item() for name, (w, g) in found.items() if "feed_forward" in name]
    asked = value(net, "synaptic_saliency", of="loss", layers=("*feed_forward*",), average=True)
    assert asked == pytest.approx(sum(forward) / 10, rel=1e-4) and len(forward) == 10


def test_a_sum_that_a_layer_norm_makes_constant_has_no_gradient() -> None:
    names = ["head_importance", "synaptic_diversity", "synflow", "jacov", "ntk"]
    scores = zc.score(encoder(), BATCH, names)
    assert {score.status for score in scores.values()} == {"undefined"}
    assert all("add up to nothing" in score.reason for score in scores.values())
    (kept,) = zc.score(encoder(), BATCH, [zc.proxy("head_importance", rounding=True)]).values()
    # What is left is rounding: many orders of magnitude below the gradient of what is no constant.
    assert kept.value is not None and 0 <= kept.value < 1e-4 * value(encoder(), "head_importance", of="loss")


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float64])
def test_rounding_is_no_gradient_in_any_precision(dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    states = nn.Sequential(nn.Embedding(30, 8), nn.Linear(8, 8), nn.LayerNorm(8)).to(dtype)
    scores = zc.score(states, BATCH, ["synaptic_saliency", "jacov", "ntk"])
    assert ["add up to nothing" in score.reason for score in scores.values()] == [True] * 3
    logits = nn.Sequential(nn.Embedding(30, 8), nn.LayerNorm(8), nn.Linear(8, 3)).to(dtype)
    (score,) = zc.score(logits, BATCH, ["epsilon"]).values()
    assert score.status == "undefined" and "equal weights add up" in score.reason


def test_equal_weights_add_up_a_layer_norm_to_nothing() -> None:
    (score,) = zc.score(encoder(), BATCH, ["epsilon"]).values()
    assert score.status == "undefined" and "equal weights add up the features of a layer norm" in score.reason


def test_what_is_not_there_is_told() -> None:
    plain = nn.Sequential(nn.Embedding(30, 8), nn.Linear(8, 8), nn.Flatten(), nn.Linear(48, 3))
    names = ["head_confidence", "head_softmax_confidence", "activation_distance", "head_importance"]
    reasons = [score.reason for score in zc.score(plain, BATCH, names).values()]
    expected = ("no linear layer is named like", "no softmax over", "no ReLU or GELU on", "no linear layer is named")
    assert all(part in reason for part, reason in zip(expected, reasons))
    (named,) = zc.score(plain, BATCH, [zc.proxy("head_importance", layers=("1", "3"))]).values()
    assert named.status == "ok"
    with pytest.raises(ValueError, match="of must be 'outputs' or 'loss', not 'labels'"):
        zc.score(plain, BATCH, [zc.proxy("head_importance", of="labels")])
