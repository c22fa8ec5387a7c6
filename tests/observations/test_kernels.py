"""Kernels of activations against loops over pairs of samples, written from the definitions."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from torch import Tensor

from naslib_zc_plugin.observations import kernels
from naslib_zc_plugin.observations.kernels import Partition, Similarity, euclidean, jensen_shannon

Values = np.ndarray


def kernel(measure: Similarity, *outputs: Tensor) -> Values:
    total = measure.kernel(len(outputs[0]))
    for output in outputs:
        total.update(output)
    return total.compute().numpy()


def by_pairs(output: Values, entry: Callable[[Values, Values], float]) -> Values:
    return np.array([[entry(one, other) for other in output] for one in output])


@given(
    st.integers(2, 16).flatmap(
        lambda states: st.tuples(
            st.just(states),
            arrays.arrays(
                np.uint8, st.tuples(st.integers(1, 6), st.integers(1, 150)), elements=st.integers(0, states - 1)
            ),
        )
    )
)
def test_agreement_counts_equal_codes_whichever_way_it_counts(case: tuple[int, Values]) -> None:
    states, array = case
    expected = by_pairs(array, lambda one, other: float((one == other).sum()))
    agreement = kernels.CodeAgreement(len(array), states)
    for part in torch.from_numpy(array).tensor_split(3, dim=1):
        agreement.update(part)
    assert np.array_equal(agreement.compute().numpy(), expected)
    assert np.array_equal(kernels._by_products(torch.from_numpy(array), states).numpy(), expected)


def test_agreement_is_exact_where_float32_is_not() -> None:
    ones = torch.ones(2, 2**24 + 3, dtype=torch.uint8)
    agreement = kernels.CodeAgreement(2)
    agreement.update(ones)
    assert agreement.compute().eq(2**24 + 3).all()
    assert kernels._by_products(ones, 2).eq(2**24 + 3).all()


@pytest.mark.parametrize("parts", [2, 4, 8, 16])
@pytest.mark.parametrize("low", [0.0, -1.0])
def test_partitions_are_equal_parts_of_the_range(parts: int, low: float) -> None:
    outputs = [torch.rand(5, 3, 7) * (1 - low) + low for _ in range(3)]
    outputs[0][0, 0, :3] = torch.tensor([low, 1.0, (1 + low) / 2])

    def part(value: float) -> int:
        edges = [low + (1 - low) * number / parts for number in range(1, parts)]
        return sum(value >= edge for edge in edges)

    values = torch.cat([output.flatten(1) for output in outputs], 1).numpy()
    expected = by_pairs(values, lambda one, other: float(sum(part(a) == part(b) for a, b in zip(one, other))))
    assert np.array_equal(kernel(Partition(parts, low, 1.0), *outputs), expected)


@pytest.mark.parametrize("sizes", [(3, 5), (kernels.PIECE - 1, 3, kernels.PIECE), (2 * kernels.PIECE + 7,)])
def test_pieces_change_nothing(sizes: tuple[int, ...]) -> None:
    outputs = [torch.randn(4, size, dtype=dtype) for size, dtype in zip(sizes, (torch.float32, torch.float64) * 2)]
    expected = by_pairs(
        np.concatenate([output.numpy() for output in outputs], 1),
        lambda one, other: float(((one > 0) == (other > 0)).sum()),
    )
    assert np.array_equal(kernel(Partition(), *outputs), expected)


@pytest.mark.parametrize("times", [(1, 2, 3, 1), (2, 2), (3, 1, 1, 2, 1)])
@pytest.mark.parametrize("parts", [0, 8])
def test_outputs_that_come_again_count_each_time(times: tuple[int, ...], parts: int) -> None:
    each = [torch.rand(5, 70 + place % 2) - (0.5 if not parts else 0) for place in range(len(times))]
    each[1][:, -1] = 0  # the same words as without it
    outputs = [output for output, often in zip(each, times) for _ in range(often)]
    codes = [Partition(parts).codes(output).numpy() for output in outputs]
    expected = by_pairs(np.concatenate(codes, 1), lambda one, other: float((one == other).sum()))
    assert np.array_equal(kernel(Partition(parts), *outputs), expected)
    assert np.array_equal(
        kernel(Partition(parts), *outputs, outputs[0], each[1][:, :-1]),
        expected
        + by_pairs(
            np.concatenate([codes[0], Partition(parts).codes(each[1][:, :-1]).numpy()], 1),
            lambda one, other: float((one == other).sum()),
        ),
    )


def test_what_the_network_writes_over_has_been_seen() -> None:
    output, total = torch.randn(4, 9), Partition().kernel(4)
    expected = by_pairs(output.numpy().copy(), lambda one, other: float(((one > 0) == (other > 0)).sum()))
    total.update(output)
    output.fill_(1)
    assert np.array_equal(total.compute().numpy(), expected)


@pytest.mark.parametrize("span", [1.0, 2.0])
def test_raw_values_lie_apart_by_at_most_the_diagonal(span: float) -> None:
    outputs = [torch.rand(30, 7) * span, torch.rand(30, 2, 3) * span]
    expected = sum(
        by_pairs(
            output.flatten(1).double().numpy(),
            lambda one, other: span * math.sqrt(len(one)) - math.dist(one, other),
        )
        for output in outputs
    )
    found = kernel(euclidean(span), *outputs)
    assert found == pytest.approx(expected, abs=1e-5)
    corners = torch.tensor([[0.0] * 5, [span] * 5])
    assert kernel(euclidean(span), corners)[0, 1] == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("mean", [False, True])
@pytest.mark.parametrize("bits", [False, True])
def test_divergence_of_distributions(mean: bool, bits: bool) -> None:
    output = torch.randn(5, 2, 3, 4).mul(3).softmax(-1).double()
    output[0, 0, 0] = torch.tensor([1.0, 0.0, 0.0, 0.0])
    output[1, 0, 0] = torch.tensor([0.0, 1.0, 0.0, 0.0])
    log = math.log2 if bits else math.log

    def relative(one: Values, other: Values) -> float:
        return sum(p * log(p / q) for p, q in zip(one, other) if p)

    def similarity(one: Values, other: Values) -> float:
        rows = [(p, q, (p + q) / 2) for p, q in zip(one.reshape(-1, 4), other.reshape(-1, 4))]
        found = [log(2) - (relative(p, mix) + relative(q, mix)) / 2 for p, q, mix in rows]
        return sum(found) / (len(found) if mean else 1)

    expected = by_pairs(output.numpy(), similarity)
    assert kernel(jensen_shannon(mean, bits), output) == pytest.approx(expected, abs=1e-9)


def test_divergence_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    output = torch.randn(5, 6, 4).softmax(-1)
    whole = kernel(jensen_shannon(), output)
    monkeypatch.setattr("naslib_zc_plugin.observations.kernels._AT_ONCE", 1)
    assert kernel(jensen_shannon(), output) == pytest.approx(whole)
