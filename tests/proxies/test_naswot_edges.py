"""NASWOT where a number could be wrong without a word: few units, masks, half precision, integers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import naslib_zc_plugin as zc
from naslib_zc_plugin.extend import Activation, Partition, register_activation
from naslib_zc_plugin.observations.activations import ACTIVATIONS
from naslib_zc_plugin.observations.kernels import REGISTERED

N = 6
Function = Callable[[Tensor], Tensor]


class Between(nn.Module):
    """An activation between two linear layers."""

    def __init__(self, function: Function, units: int = 24) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.one, self.two, self.function = nn.Linear(5, units), nn.Linear(units, 3), function

    def forward(self, x: Tensor) -> Tensor:
        return self.two(self.function(self.one(x)))


def batch(samples: int = N) -> tuple[Tensor, None]:
    return torch.randn(samples, 5, generator=torch.Generator().manual_seed(1)), None


def scored(net: nn.Module, given: Any = None, **options: Any) -> zc.Score:
    (score,) = zc.score(net, batch() if given is None else given, [zc.proxy("generalized_naswot", **options)]).values()
    return score


@pytest.mark.parametrize("name", ["naswot", "generalized_naswot"])
def test_more_samples_than_units_tell_apart_have_no_determinant(name: str) -> None:
    """Of d units a kernel has at most rank d + 1; the logarithm that is computed for more samples is rounding."""
    x = torch.randn(40, 5, generator=torch.Generator().manual_seed(1))
    few, many = Between(F.relu, 30), Between(F.relu, 200)
    codes = few.one(x) > 0
    assert len(codes.unique(dim=0)) == 40  # all are different
    score = zc.score(few, (x, None), [name])[name]
    assert (score.status, "more samples than units" in score.reason) == ("undefined", True)
    assert zc.score(many, (x, None), [name])[name].value is not None


@pytest.mark.parametrize(
    ("function", "options"),
    [
        (torch.sigmoid, {"sigmoid": "raw"}),
        (torch.tanh, {"tanh": "raw"}),
        (lambda h: torch.tanh(h / 300), {}),
        (lambda h: (h / 10).softmax(1), {}),
    ],
)
def test_half_precision_is_compared_in_single(function: Function, options: dict[str, Any]) -> None:
    whole, half = scored(Between(function), **options), scored(Between(function).bfloat16(), **options)
    assert half.value == pytest.approx(whole.value, rel=2e-2), half.reason


def test_one_value_for_each_sample() -> None:
    net = Between(lambda h: h * torch.sigmoid(h.mean(1))[:, None])
    gates = torch.sigmoid(net.one(batch()[0]).mean(1)).detach()
    expected = torch.linalg.slogdet(1 - (gates[:, None] - gates).abs().double()).logabsdet
    assert scored(net, sigmoid="raw").value == pytest.approx(float(expected), rel=1e-4)
    over_the_batch = scored(Between(lambda h: h * torch.softmax(h.mean(1), 0)[:, None]))
    assert (over_the_batch.status, "over the batch" in over_the_batch.reason) == ("undefined", True)


def test_a_complex_activation_has_a_reason() -> None:
    score = scored(Between(lambda h: torch.tanh(torch.fft.fft(h)).real.relu()))
    assert (score.status, "complex" in score.reason) == ("undefined", True)


def test_what_is_done_to_integers_is_no_activation() -> None:
    net = Between(lambda h: torch.tanh(h) + (h > 0).long().clamp(min=0))
    assert scored(net).value == scored(net, kinds=["tanh"]).value
    assert zc.score(net, batch(), ["naswot"])["naswot"].status == "undefined"


class Masked(nn.Module):
    """Attention of which a sample is left nothing to attend to."""

    def __init__(self, function: bool) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.attention, self.head, self.function = (
            nn.MultiheadAttention(6, 2, batch_first=True),
            nn.Linear(6, 3),
            function,
        )

    def forward(self, x: Tensor) -> Tensor:
        padding = torch.zeros(x.shape[:2], dtype=torch.bool)
        padding[0] = True
        if not self.function:
            return self.head(self.attention(x, x, x, key_padding_mask=padding, need_weights=False)[0].mean(1))
        projected = F.linear(x, self.attention.in_proj_weight, self.attention.in_proj_bias)
        query, key, value = (part.reshape(*x.shape[:2], 2, 3).transpose(1, 2) for part in projected.chunk(3, -1))
        mixed = F.scaled_dot_product_attention(query, key, value, ~padding[:, None, None])
        return self.head(self.attention.out_proj(mixed.transpose(1, 2).flatten(2)).mean(1))


@pytest.mark.parametrize("name", ["generalized_naswot", "head_softmax_confidence"])
def test_a_row_that_is_masked_out_weighs_nothing(name: str) -> None:
    x = torch.randn(N, 4, 6, generator=torch.Generator().manual_seed(1))
    module, function = (zc.score(Masked(form), (x, None), [name])[name] for form in (False, True))
    assert module.value is not None, module.reason
    assert module.value == pytest.approx(function.value, rel=1e-5)


def squashed(x: Tensor) -> Tensor:
    return x / (1 + x.abs())


def test_a_function_of_ones_own_is_seen_or_refused() -> None:
    for unseen in (squashed, nn.Softsign, nn.Softsign()):
        with pytest.raises(ValueError, match="wrap_torch_function"):
            register_activation(Activation("squashed", (unseen,), Partition(4, -1.0, 1.0)))
    wrapped = torch.overrides.wrap_torch_function(lambda x: (x,))(squashed)
    try:
        found = []
        for function in (wrapped, F.softsign):
            register_activation(Activation("squashed", (function,), Partition(4, -1.0, 1.0)))
            found.append(scored(Between(function), kinds=("squashed",)).value)
            del REGISTERED["squashed"], ACTIVATIONS["squashed"]
        assert found[0] == found[1] is not None
    finally:
        REGISTERED.pop("squashed", None), ACTIVATIONS.pop("squashed", None)


def test_maps_alone_need_the_batch_first() -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.convolution, self.head = nn.Conv2d(3, 8, 3), nn.Linear(8, 2)

        def forward(self, x: Tensor) -> Tensor:
            return self.head(self.convolution(x).relu().mean((2, 3)).T.relu().T)

    x = torch.randn(4, 3, 6, 6)
    scores = zc.score(Net(), (x, None), ["linear_regions", "naswot"])
    assert scores["linear_regions"].value == 4
    assert "first dimension" in scores["naswot"].reason


class Encoder(nn.Module):
    """A transformer on tokens that has positions first, or samples."""

    def __init__(self, batch_first: bool) -> None:
        super().__init__()
        torch.manual_seed(0)
        layer = nn.TransformerEncoderLayer(8, 2, 16, 0.0, batch_first=batch_first)
        self.embedding, self.encoder, self.first = nn.Embedding(20, 8), nn.TransformerEncoder(layer, 1), batch_first

    def forward(self, tokens: Tensor) -> Tensor:
        embedded = self.embedding(tokens)
        states = self.encoder(embedded if self.first else embedded.transpose(0, 1))
        return (states if self.first else states.transpose(0, 1)).mean(1)


@pytest.mark.filterwarnings("ignore:enable_nested_tensor")
def test_as_many_samples_as_positions_are_not_mistaken_for_each_other() -> None:
    tokens = torch.randint(0, 20, (5, 5), generator=torch.Generator().manual_seed(0))
    batch = tokens, torch.arange(5)
    for name in ("naswot", "generalized_naswot", "activation_distance", "fisher"):
        first, other = (zc.score(Encoder(batch_first), batch, [name])[name] for batch_first in (True, False))
        assert first.value is not None, first.reason
        assert (other.status, "positions first" in other.reason) == ("undefined", True)
    runs: list[int] = []
    net = Encoder(True)
    net.register_forward_hook(lambda *_: runs.append(1))
    zc.score(net, (tokens, None), ["naswot", "generalized_naswot", "activation_distance"])
    assert len(runs) == 2
    # All tokens and one sample more: nothing is in doubt.
    six = torch.cat([tokens, tokens[:1].flip(1)])
    assert "first dimension" in zc.score(Encoder(False), (six, None), ["naswot"])["naswot"].reason
    fisher = zc.score(Encoder(False), (six, torch.arange(6)), ["fisher"])["fisher"]
    assert (fisher.status, "is not the batch" in fisher.reason) == ("undefined", True)


def test_a_network_for_batches_of_one_size_is_taken_at_its_word() -> None:
    net = Between(lambda h: F.relu(h.reshape(5, 24)))
    assert zc.score(net, batch(5), ["naswot"])["naswot"].value is not None
