"""DSS: which layers are attention's, in many forms of it, and the sum by numpy."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import naslib_zc_plugin as zc
from naslib_zc_plugin.passes import Batch, Network, isolated, observe
from naslib_zc_plugin.proxies.dss import attention_flow
from naslib_zc_plugin.testing import NETWORKS
from tests import huggingface
from tests.proxies import oracles
from tests.proxies.test_huggingface import batch as texts
from tests.proxies.test_huggingface import encoder as bert
from tests.proxies.test_oracles import quiet

CODE = zc.proxy("dss", label="code", variant="code")
WIDTH = 6


def attention(net: nn.Module, inputs: Any, logits: Any = None) -> set[str] | str:
    """The names of attention's layers, or why there are none."""
    asked = attention_flow()
    with isolated(net) as module:
        outcome = observe(Network(module, logits), Batch(inputs), [asked])[asked]
    assert outcome.error is None, outcome.error
    found = outcome.value.attention
    return {name[: -len(".weight")] for name in found} if isinstance(found, set) else str(found)


class Encoder(nn.Module):
    """A block of attention of some form and a feed-forward network of square layers, on vectors at positions."""

    def __init__(self, form: str) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.form, self.inner = form, 4 if form == "narrow" else WIDTH
        self.embed, self.norm = nn.Linear(WIDTH, WIDTH), nn.LayerNorm(WIDTH)
        if form in ("fused", "bias of an mlp", "talking heads", "rotary"):
            self.qkv = nn.Linear(WIDTH, 3 * WIDTH, bias=form != "rotary")
        else:
            self.q, self.k, self.v = (nn.Linear(WIDTH, self.inner) for _ in range(3))
        self.out = nn.Linear(self.inner, WIDTH)
        self.one, self.two, self.head = nn.Linear(WIDTH, WIDTH), nn.Linear(WIDTH, WIDTH), nn.Linear(WIDTH, 3)
        self.mix_scores, self.mix_weights, self.bias = nn.Linear(2, 2), nn.Linear(2, 2), nn.Linear(1, 1)

    def attend(self, x: Tensor) -> Tensor:
        if hasattr(self, "qkv"):
            query, key, value = self.qkv(x).chunk(3, -1)
        else:
            query, key, value = self.q(x), self.k(x), self.v(x)
        if self.form == "rotary":
            query, key = (part * 0.5 + part.flip(-1) * 0.2 for part in (query, key))
        if self.form in ("function", "narrow", "rotary"):
            return F.scaled_dot_product_attention(query, key, value)
        split = [part.unflatten(-1, (2, -1)).transpose(1, 2) for part in (query, key, value)]
        scores = split[0] @ split[1].transpose(-1, -2) / math.sqrt(3)
        if self.form == "bias of an mlp":
            positions = torch.arange(x.shape[1], dtype=x.dtype)
            scores = scores + self.bias((positions[:, None] - positions)[..., None])[..., 0]
        if self.form == "talking heads":
            scores = self.mix_scores(scores.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
        weights = F.dropout(scores.softmax(-1), 0.1, self.training)
        if self.form == "talking heads":
            weights = self.mix_weights(weights.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
        return (weights @ split[2]).transpose(1, 2).flatten(2)

    def forward(self, x: Tensor) -> Tensor:
        x = self.embed(x)
        given = self.attend(self.norm(x))
        x = x + (self.out(self.norm(given)) if self.form == "normed" else self.out(given))
        return self.head(x + self.two(self.one(self.norm(x)).relu())).mean(1)


POSITIONS = torch.randn(3, 5, WIDTH, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize(
    ("form", "names"),
    [
        ("eager", {"q", "k", "v", "out"}),
        ("function", {"q", "k", "v", "out"}),
        ("narrow", {"q", "k", "v", "out"}),
        ("normed", {"q", "k", "v", "out"}),
        ("fused", {"qkv", "out"}),
        ("rotary", {"qkv", "out"}),
        ("bias of an mlp", {"qkv", "out"}),
        ("talking heads", {"qkv", "out", "mix_scores", "mix_weights"}),
    ],
)
def test_attention_is_found_by_its_role(form: str, names: set[str]) -> None:
    """Square layers of the feed-forward network, and the embedding of the input, are none of it."""
    assert attention(Encoder(form), POSITIONS) == names


@pytest.mark.parametrize("form", ["eager", "function"])
def test_values_are_attentions_also_where_nothing_projects_its_result(form: str) -> None:
    net = Encoder(form)
    net.out = nn.Identity()  # type: ignore[assignment]
    assert attention(net, POSITIONS) == {"q", "k", "v"}


def test_what_is_no_attention_is_not_taken_for_it() -> None:
    class Gated(nn.Module):
        """A choice of experts, after attention without a projection, and a convolution that softmax makes."""

        def __init__(self, attends: bool) -> None:
            super().__init__()
            torch.manual_seed(0)
            self.attends, self.gate, self.norm = attends, nn.Linear(WIDTH, 2), nn.LayerNorm(WIDTH)
            self.experts, self.head = nn.ModuleList([nn.Linear(WIDTH, WIDTH) for _ in range(2)]), nn.Linear(WIDTH, 3)

        def forward(self, x: Tensor) -> Tensor:
            if self.attends:
                x = x + F.scaled_dot_product_attention(x, x, x)
            shares = self.gate(self.norm(x)).softmax(-1)
            x = x + sum(shares[..., index : index + 1] * expert(x) for index, expert in enumerate(self.experts))
            return self.head(self.norm(x)).mean(1)

    assert "no attention was seen" in str(attention(Gated(False), POSITIONS))
    found = attention(Gated(True), POSITIONS)
    assert isinstance(found, set) and "head" not in found
    for name in ("conv_bn_relu", "bert_transforms", "tokens"):
        score = NETWORKS[name]().score("dss")["dss"]
        assert (score.status, "no attention was seen" in score.reason) == ("undefined", True)


def test_projections_that_are_no_layers_are_told() -> None:
    """As GPT-2's, which multiply with a parameter of their own."""

    class Own(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            torch.manual_seed(0)
            self.weight, self.back = nn.Parameter(torch.randn(WIDTH, 18)), nn.Parameter(torch.randn(WIDTH, WIDTH))
            self.bias, self.head = nn.Parameter(torch.randn(18)), nn.Linear(WIDTH, 3)

        def forward(self, x: Tensor) -> Tensor:
            parts = torch.addmm(self.bias, x.flatten(0, 1), self.weight).unflatten(0, x.shape[:2]).chunk(3, -1)
            given = F.scaled_dot_product_attention(*parts)
            back = torch.mm(given.flatten(0, 1), self.back).unflatten(0, x.shape[:2])
            return self.head(back.mean(1))

    score = zc.score(Own(), (POSITIONS, None), "dss")["dss"]
    assert (score.status, "no linear layer that makes" in score.reason) == ("undefined", True)


# Values --------------------


def flow(net: nn.Module, x: Tensor) -> dict[str, tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]]:
    """Absolute weights and gradients for a sample of ones, by name."""
    net = net.double().eval()
    with torch.no_grad():
        for value in net.state_dict().values():
            value.abs_()
    named = dict(net.named_parameters())
    found = torch.autograd.grad(net(torch.ones_like(x[:1]).double()).sum(), list(named.values()), allow_unused=True)
    pairs = zip(named.items(), found)
    return {name: (w.detach().numpy(), g.numpy()) for (name, w), g in pairs if g is not None}


def expected(terms: dict[str, Any], nuclear: tuple[str, ...], others: tuple[str, ...]) -> float:
    total = 0.0
    for name, (weight, gradient) in terms.items():
        if name.endswith(nuclear):
            total += np.linalg.norm(weight, "nuc") * np.linalg.norm(gradient, "nuc")
        elif name.endswith(others):
            total += np.abs(weight * gradient).sum()
    return total


def test_equals_its_oracle_on_multihead_attention() -> None:
    case = quiet("transformer")
    terms = flow(oracles.plain_copy(case), case.batch[0])
    scores = quiet("transformer").score(["dss", CODE])
    of_attention = ("in_proj_weight", "out_proj.weight")
    rest = ("linear1.weight", "linear2.weight", "head.weight")
    assert scores["dss"].value == pytest.approx(expected(terms, of_attention, rest))
    assert scores["code"].value == pytest.approx(expected(terms, ("out_proj.weight",), rest))


@pytest.mark.parametrize("form", ["fused", "function"])
def test_the_codes_rule_takes_square_layers_for_attention(form: str) -> None:
    net = Encoder(form)
    terms = flow(Encoder(form), POSITIONS)
    square = ("embed.weight", "out.weight", "one.weight", "two.weight")
    projections = ("qkv.weight",) if form == "fused" else ("q.weight", "k.weight", "v.weight")
    scores = zc.score(net, (POSITIONS, None), ["dss", CODE])
    linear = tuple(f"{name}.weight" for name in ("embed", "out", "one", "two", "head", "q", "k", "v", "qkv"))
    assert scores["code"].value == pytest.approx(expected(terms, (*square, *projections), linear))
    assert scores["dss"].value == pytest.approx(expected(terms, ("out.weight", *projections), linear))


def test_three_proxies_share_the_pass_of_flows() -> None:
    runs: list[int] = []
    net = Encoder("fused")
    net.register_forward_hook(lambda *_: runs.append(1))
    alone = zc.score(net, (POSITIONS, None), "dss")["dss"].value
    runs.clear()
    together = zc.score(net, (POSITIONS, None), ["synflow", "logsynflow", "dss", CODE])
    assert (len(runs), together["dss"].value) == (1, alone)


@pytest.mark.parametrize("implementation", ["sdpa", "eager"])
def test_attention_of_a_hugging_face_encoder_is_found(implementation: str) -> None:
    net = bert(huggingface.transformers(), implementation)
    found = attention(net, texts()[0], "logits")
    parts = ("attention.self.query", "attention.self.key", "attention.self.value", "attention.output.dense")
    assert found == {f"bert.encoder.layer.{layer}.{part}" for layer in range(2) for part in parts}
