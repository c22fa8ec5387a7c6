"""Sums of signs and Gram matrices of samples' gradients: as by hand, and the same within any memory."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional as F

import naslib_zc_plugin as zc
from naslib_zc_plugin.observations import sample_grams, sign_sums
from naslib_zc_plugin.passes import (
    AGAIN,
    NEXT,
    Batch,
    Network,
    Pass,
    PerSample,
    Steps,
    isolated,
    observation,
    observe,
)
from naslib_zc_plugin.testing import NETWORKS

from ..passes.test_per_sample import LABELS, NAMES, gradients

# Options of the Gram matrices --------------------


@pytest.mark.parametrize("gram", ["sign", "cosine", "raw"])
@pytest.mark.parametrize("by_class", [True, False])
def test_gram_matrices_are_products_of_looped_gradients(gram: str, by_class: bool) -> None:
    case = NETWORKS["inplace_relu"]()
    looped, _ = gradients(NETWORKS["inplace_relu"](), loop=True)
    rows, labels = torch.cat(looped, 1), case.batch[1]
    rows = {"sign": rows.sign(), "raw": rows, "cosine": F.normalize(rows)}[gram]
    groups = [rows[labels == label] for label in labels.unique()] if by_class else [rows]
    expected = sum(float((group @ group.T).mean()) for group in groups) / len(groups)
    request = zc.proxy("gradalign1", gram=gram, by_class=by_class)
    assert case.score([request])["gradalign1"].value == pytest.approx(expected, rel=1e-4)


def test_soft_labels_have_no_classes() -> None:
    case = NETWORKS["inplace_relu"]()
    x, y = case.batch
    soft = (x, F.one_hot(y, 4).float())
    scores = case.score([*NAMES, zc.proxy("gradalign1", label="all", by_class=False)], batch=soft)
    assert scores["gradalign1"].status == scores["gradalign2"].status == "undefined"
    assert "one class index per sample" in scores["gradalign1"].reason
    hard = case.score(["gradsign", zc.proxy("gradalign1", label="all", by_class=False)])
    assert scores["gradsign"].value == pytest.approx(hard["gradsign"].value, rel=1e-3)
    assert scores["all"].value == pytest.approx(hard["all"].value, rel=1e-3)


# Memory --------------------


REQUESTS = [
    zc.proxy(name, label=f"{name} {gram} {by_class}", gram=gram, by_class=by_class)
    for name in ("gradalign1", "gradalign2")
    for gram in ("sign", "raw", "cosine")
    for by_class in (True, False)
]


@given(LABELS.filter(lambda labels: len(labels) > 1), st.integers(1, 9), st.integers(1, 40), st.booleans())
@example([0] * 20, 1, 30, False)
def test_values_do_not_depend_on_the_memory(labels: list[int], samples: int, columns: int, loop: bool) -> None:
    class Small(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            torch.manual_seed(0)
            self.one, self.two = nn.Linear(4, 5), nn.Linear(5, 6)

        def forward(self, x: Tensor) -> Tensor:
            if loop:
                float(x.sum())
            return self.two(self.one(x).tanh())

    net = Small().double()
    batch = (torch.randn(len(labels), 4, dtype=torch.float64), torch.tensor(labels))
    whole = zc.score(net, batch, ["gradsign", *REQUESTS])
    memory = samples * 8 * 50 * 4  # 50 weights
    asked = [zc.proxy(each.name, label=each.label, **each.options, memory=memory) for each in REQUESTS]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("naslib_zc_plugin.observations.per_sample.COLUMNS", columns)
        parts = zc.score(net, batch, [zc.proxy("gradsign", memory=memory), *asked])
    for label, score in whole.items():
        if label.startswith("gradalign2") and not label.endswith(("True", "sign False")):
            continue  # of all samples in single precision: what is left of a singular matrix is rounding
        if "raw" in label or "cosine" in label:
            assert parts[label].status == score.status
            assert parts[label].value == pytest.approx(score.value, rel=1e-6, abs=1e-9)
        else:
            assert (parts[label].status, parts[label].value) == (score.status, score.value), label


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
@pytest.mark.parametrize("by_class", [True, False])
def test_all_samples_are_multiplied_in_single_precision_and_those_of_a_class_in_their_own(
    dtype: torch.dtype, by_class: bool
) -> None:
    torch.manual_seed(0)
    net, batch = nn.Linear(6, 4).to(dtype), Batch(torch.randn(8, 6, dtype=dtype), torch.zeros(8, dtype=torch.int64))
    asked = [all_rows(), sample_grams("raw", by_class=by_class)]
    with isolated(net) as module:
        rows, (gram,) = (found.value for found in observe(Network(module), batch, asked).values())
    rows = rows if by_class else rows.float()
    torch.testing.assert_close(gram, (rows @ rows.T).double(), rtol=0, atol=0)


def test_the_memory_has_no_part_in_the_seed() -> None:
    assert PerSample(1).seed_name == PerSample().seed_name == "PerSample()"


@observation(labels=True, order=1, setting=PerSample())
def all_rows(p: Pass) -> Steps[Tensor]:
    rows = []
    while (chunk := (yield NEXT)) is not None:
        rows.append(torch.cat(chunk.gradients, 1))
    return torch.cat(rows)


def test_each_round_shows_the_same_gradients_of_a_network_that_draws() -> None:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(6, 40), nn.Dropout(0.5), nn.Linear(40, 4))
    batch = Batch(torch.randn(12, 6), torch.zeros(12, dtype=torch.int64))
    setting = PerSample(4 * 400 * 4 * 3)  # three samples at once, and the products of half the weights
    asked = [all_rows(setting=setting), sample_grams("raw", setting=setting), sign_sums(setting=setting)]
    with isolated(net) as module, pytest.MonkeyPatch.context() as patch:
        patch.setattr("naslib_zc_plugin.observations.per_sample.COLUMNS", 7)
        rows, (gram,), sums = (found.value for found in observe(Network(module), batch, asked).values())
    assert not torch.equal(rows[0], observe(Network(net), batch, [all_rows()])[all_rows()].value[0]), "it draws"
    torch.testing.assert_close(gram, (rows @ rows.T).double(), rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(torch.cat(sums), rows.sign().sum(0), rtol=0, atol=0)


def test_only_what_asks_for_them_sees_all_samples_again() -> None:
    @observation(labels=True, order=1, setting=PerSample())
    def count(p: Pass, times: int) -> Steps[list[int]]:
        seen = []
        for turn in range(times):
            seen.append(0)
            while (chunk := (yield NEXT)) is not None:
                seen[-1] += len(chunk.gradients[0])
            if turn + 1 < times:
                yield AGAIN
        return seen

    @observation(labels=True, order=1, setting=PerSample())
    def early(p: Pass) -> Steps[None]:
        yield NEXT
        yield AGAIN

    net, batch = nn.Linear(5, 3), Batch(torch.randn(9, 5), torch.arange(9) % 3)
    with isolated(net) as module:
        once, thrice, wrong = observe(Network(module), batch, [count(1), count(3), early()]).values()
    assert (once.value, thrice.value) == ([9], [9, 9, 9])
    assert "yields AGAIN, where NEXT" in str(wrong.error)


MEASURED = """
import resource, torch
from torch import nn
import naslib_zc_plugin as zc
net = nn.Sequential(nn.Linear(256, 1500), nn.ReLU(), nn.Linear(1500, 1500), nn.ReLU(), nn.Linear(1500, 10))
batch = torch.randn(64, 256), torch.zeros(64, dtype=torch.int64)
zc.score(net, batch, ["grad_norm"])
peaks = [resource.getrusage(resource.RUSAGE_SELF).ru_maxrss]
for name in ("gradsign", "gradalign1"):
    score = zc.score(net, batch, [zc.proxy(name, memory=1 << 28)])[name]
    assert score.status == "ok", score
    peaks.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
weights = sum(parameter.numel() * 4 for parameter in net.parameters())
print(*((peak - peaks[0]) * 1024 / weights for peak in peaks[1:]))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the peak is in other units")
def test_memory_is_not_samples_times_weights() -> None:
    done = subprocess.run([sys.executable, "-c", MEASURED], check=True, capture_output=True, text=True)
    signs, grams = map(float, done.stdout.split())
    assert signs < 20, "64 samples"
    assert grams < 40
