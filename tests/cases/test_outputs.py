"""Published forms of outputs, buffers and inputs, each with its value or a reason in words."""

from __future__ import annotations

from collections import namedtuple
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import naslib_zc_plugin as zc

LABELS = torch.arange(8) % 5
Outputs = namedtuple("Outputs", ["logits", "aux"])


class WithAuxiliaryHead(nn.Module):
    """Returns two heads in train mode, one tensor in evaluation mode."""

    def __init__(self, auxiliary: bool) -> None:
        super().__init__()
        self.one, self.two, self.side = nn.Conv2d(3, 6, 3), nn.Conv2d(6, 6, 3), nn.Conv2d(3, 6, 1)
        self.head, self.other, self.auxiliary = nn.Linear(6, 5), nn.Linear(6, 5), auxiliary

    def forward(self, x: Tensor) -> Any:
        first = F.relu(self.one(x))
        second = F.relu(self.two(first)) + self.side(x)[:, :, 2:-2, 2:-2]
        logits = self.head(second.mean((2, 3)))
        if not (self.training and self.auxiliary):
            return logits
        return Outputs(logits, self.other(first.mean((2, 3))))


@pytest.mark.parametrize("name", ["epsilon", "synflow", "grad_norm", "naswot"])
@pytest.mark.parametrize("logits", [0, "logits"])
def test_logits_are_named_in_one_mode_and_alone_in_the_other(logits: Any, name: str) -> None:
    x, scores = torch.randn(8, 3, 8, 8, generator=torch.Generator().manual_seed(0)), []
    for auxiliary, picked in ((False, None), (True, logits)):
        torch.manual_seed(1)
        scores.append(zc.score(WithAuxiliaryHead(auxiliary), (x, LABELS), [name], logits=picked)[name])
    plain, both = scores
    assert plain.status == "ok"
    assert both.value == pytest.approx(plain.value, rel=1e-5), both


class Causal(nn.Module):
    """Attention with a mask, as a buffer or not."""

    def __init__(self, buffer: bool) -> None:
        super().__init__()
        self.table, self.qkv, self.head = nn.Embedding(30, 8), nn.Linear(8, 24), nn.Linear(8, 30)
        mask = torch.ones(6, 6, dtype=torch.bool).tril()
        if buffer:
            self.register_buffer("mask", mask)
        else:
            self.mask = mask

    def forward(self, tokens: Tensor) -> Tensor:
        query, key, content = self.qkv(self.table(tokens)).chunk(3, -1)
        scores = (query @ key.transpose(1, 2)).masked_fill(~self.mask, -1e9)
        return self.head(scores.softmax(-1) @ content)


def test_absolute_values_leave_boolean_buffers_alone() -> None:
    tokens, scores = torch.randint(30, (4, 6), generator=torch.Generator().manual_seed(0)), []
    for buffer in (False, True):
        torch.manual_seed(0)
        scores.append(zc.score(Causal(buffer), (tokens, None), ["synflow"])["synflow"])
    plain, buffered = scores
    assert plain.status == "ok"
    assert buffered.value == plain.value, buffered


class Diffusion(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv, self.time, self.head = nn.Conv2d(3, 6, 3), nn.Linear(1, 6), nn.Linear(6, 5)

    def forward(self, sample: Tensor, timestep: Tensor) -> Tensor:
        return self.head(self.conv(sample).mean((2, 3)) + self.time(timestep.float().reshape(-1, 1)))


def test_a_scalar_among_the_inputs_is_a_number_or_an_error_in_words() -> None:
    inputs = {"sample": torch.randn(4, 3, 8, 8), "timestep": torch.tensor(5)}
    try:
        score = zc.score(Diffusion(), (inputs, torch.arange(4)), ["grad_norm"])["grad_norm"]
    except (TypeError, ValueError) as error:
        assert "0-d" not in str(error), "the words of torch"
        assert "scalar" in str(error).lower() or "dimension" in str(error).lower()
    else:
        assert score.status == "ok"


@pytest.mark.parametrize("kind", ["nan", "inf"])
@pytest.mark.parametrize(
    "name",
    [
        "naswot", "grad_norm", "snip", "fisher", "epe_nas", "jacov", "jacob_cosine", "large_noise_jacobian",
        "more_noised_jacobian", "synaptic_saliency", "grasp", "gradsign", "gradalign1",
    ],
)  # fmt: skip
def test_a_batch_that_is_not_finite_has_no_score(name: str, kind: str) -> None:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(3, 6, 3), nn.ReLU(), nn.Flatten(), nn.Linear(216, 5))
    x = torch.randn(6, 3, 8, 8)
    x[2, 0, 0, 0] = float(kind)
    score = zc.score(net, (x, torch.arange(6) % 3), [name])[name]
    assert score.status == "undefined", score
    assert score.reason
