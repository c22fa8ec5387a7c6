"""Products count however they are written: as by hand, and as torch's own counter has it where it sees the kernels."""

from __future__ import annotations

from math import prod
from typing import Any, Callable

import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.rnn import pack_padded_sequence
from torch.utils.flop_counter import FlopCounterMode

import naslib_zc_plugin as zc


class Calling(nn.Module):
    """Calls a function and returns its input."""

    def __init__(self, function: Callable[[], Any]) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: Tensor) -> Tensor:
        self.function()
        return x


def counted(function: Callable[[], Any]) -> float:
    """Operations of one call."""
    score = zc.score(Calling(function), (torch.randn(2, 1), None), "flops")["flops"]
    assert score.value is not None, score.reason
    return score.value * 2  # of two samples


def torchs(function: Callable[[], Any]) -> float:
    """Multiplications of one call, in the kernels that torch's counter sees."""
    with FlopCounterMode(display=False) as counter, torch.backends.opt_einsum.flags(enabled=False):
        function()
    return counter.get_total_flops() / 2


A, B, V, W = torch.randn(3, 4), torch.randn(4, 5), torch.randn(4), torch.randn(3)
C = torch.zeros(3, 5)
AS, BS, CS = torch.randn(2, 3, 4), torch.randn(2, 4, 5), torch.zeros(2, 3, 5)
ONCE: dict[str, Callable[[], Any]] = {
    "@": lambda: A @ B,
    "matmul": lambda: torch.matmul(input=A, other=B),
    "method": lambda: A.matmul(other=B),
    "reversed": lambda: B.__rmatmul__(A),
    "linalg": lambda: torch.linalg.matmul(A, B),
    "mm": lambda: torch.mm(input=A, mat2=B),
    "addmm": lambda: torch.addmm(input=C, mat1=A, mat2=B),
    "addmm by place": lambda: torch.addmm(C, A, B, beta=0.5),
    "addmm half": lambda: torch.addmm(C, mat2=B, mat1=A),
    "addmm method": lambda: C.addmm(mat1=A, mat2=B),
    "addmm_": lambda: C.clone().addmm_(A, B),
    "tensordot": lambda: torch.tensordot(A, B, 1),
    "tensordot lists": lambda: torch.tensordot(a=A.T, b=B, dims=([0], [0])),
    "inner": lambda: torch.inner(A, B.T),
    "inner method": lambda: A.inner(other=B.T),
    "multi_dot": lambda: torch.linalg.multi_dot([A, B]),
    "chain_matmul": lambda: torch.chain_matmul(A, B),
    "einsum": lambda: torch.einsum("ij,jk->ik", A, B),
    "einsum list": lambda: torch.einsum("ij, jk", [A, B]),
    "einsum numbers": lambda: torch.einsum(A, [0, 1], B, [1, 2], [0, 2]),
    "einsum numbers without output": lambda: torch.einsum(A, [0, 1], B, [1, 2]),
    "einsum ellipsis": lambda: torch.einsum("...j,jk->...k", A, B),
    "einsum ellipsis in numbers": lambda: torch.einsum(A, [..., 1], B, [1, 2], [..., 2]),
    "linear": lambda: F.linear(A, weight=B.T),
}
FORMS: dict[str, tuple[Callable[[], Any], int]] = {
    **{name: (function, 60) for name, function in ONCE.items()},
    "bmm": (lambda: torch.bmm(input=AS, mat2=BS), 120),
    "baddbmm": (lambda: torch.baddbmm(input=CS, batch1=AS, batch2=BS), 120),
    "baddbmm_": (lambda: CS.clone().baddbmm_(batch2=BS, batch1=AS), 120),
    "addbmm": (lambda: torch.addbmm(input=C, batch1=AS, batch2=BS), 120),
    "addbmm method": (lambda: C.addbmm(AS, BS), 120),
    "mv": (lambda: torch.mv(input=A, vec=V), 12),
    "addmv": (lambda: torch.addmv(input=W, mat=A, vec=V), 12),
    "addmv method": (lambda: W.addmv(A, V), 12),
    "vector @": (lambda: W @ A, 12),
    "@ vector": (lambda: AS @ V, 24),
    "reversed vector": (lambda: V.__rmatmul__(A), 12),
    "dot": (lambda: torch.dot(V, tensor=V), 4),
    "dot method": (lambda: V.dot(V), 4),
    "vdot": (lambda: torch.vdot(V, other=V), 4),
    "vecdot": (lambda: torch.linalg.vecdot(AS, AS, dim=1), 24),
    "inner of a number": (lambda: torch.inner(A, torch.tensor(2.0)), 0),
    "outer": (lambda: torch.outer(W, vec2=V), 12),
    "tensordot of none": (lambda: torch.tensordot(W, V, 0), 12),
    "linear of a vector": (lambda: F.linear(A, V), 12),
    "bilinear": (lambda: F.bilinear(torch.randn(6, 3), torch.randn(6, 4), torch.randn(5, 3, 4)), 6 * 5 * (3 * 4 + 4)),
    "conv_tbc": (lambda: torch.conv_tbc(torch.randn(5, 2, 3), torch.randn(3, 3, 4), torch.randn(4)), 3 * 2 * 4 * 9),
    "convolution": (
        lambda: torch.convolution(torch.ones(2, 3, 9), torch.ones(4, 3, 2), None, [1], [0], [1], False, [0], 1),
        2 * 8 * 4 * 6,
    ),
    "embedding_bag": (lambda: F.embedding_bag(torch.tensor([[1, 2]]), torch.randn(7, 3)), 0),
    "einsum scales": (lambda: torch.einsum("bij,b->bij", AS, torch.randn(2)), 0),
    "einsum elementwise": (lambda: torch.einsum("ij,ij->ij", A, A), 0),
    "einsum sums": (lambda: torch.einsum("ij->i", A), 0),
    "einsum of a trace": (lambda: torch.einsum("ii", torch.randn(4, 4)), 0),
    "einsum outer": (lambda: torch.einsum("i,j->ij", W, V), 12),
    "einsum sums one factor first": (lambda: torch.einsum("ij,jkl->ik", A, torch.randn(4, 5, 6)), 60),
    "einsum of three": (lambda: torch.einsum("ij,jk,kl->il", A, B, torch.randn(5, 2)), 60 + 30),
    "einsum spreads": (lambda: torch.einsum("bij,bjk->bik", AS, BS[:1]), 120),
    "einsum ellipses spread": (lambda: torch.einsum("...ij,...jk", AS, BS[0]), 120),
}


@pytest.mark.parametrize("name", FORMS)
def test_products_by_hand(name: str) -> None:
    function, expected = FORMS[name]
    assert counted(function) == expected


SIZES = st.integers(1, 4)


@given(st.lists(SIZES, min_size=3, max_size=7), st.booleans(), st.booleans())
def test_a_chain_takes_its_cheapest_order(sizes: list[int], row: bool, column: bool) -> None:
    factors = [torch.randn(first, second) for first, second in zip(sizes, sizes[1:])]
    factors[0] = factors[0][0] if row else factors[0]
    factors[-1] = factors[-1][:, 0] if column else factors[-1]

    def chain() -> Tensor:
        return torch.linalg.multi_dot(factors)

    vectors = len(factors) == 2 and (row or column)  # a kernel that torch's counter does not know
    assert counted(chain) == (factors[0].numel() * factors[1].numel() // sizes[1] if vectors else torchs(chain))


@st.composite
def sums(draw: Any) -> tuple[list[str], dict[str, int], str]:
    """Terms, sizes and output of a product of two: labels of both and of either, summed and kept, in any order."""
    kinds = draw(st.lists(st.sampled_from(["both", "summed", "left", "right", "left alone"]), min_size=1, max_size=5))
    letters = dict(zip("abcdef", ["summed", *kinds]))
    sizes = {letter: draw(SIZES) + 1 for letter in letters}

    def term(*chosen: str) -> str:
        return "".join(draw(st.permutations([letter for letter, kind in letters.items() if kind in chosen])))

    return (
        [term("both", "summed", "left", "left alone"), term("both", "summed", "right")],
        sizes,
        term("both", "left", "right"),
    )


@given(sums(), st.integers(0, 2))
def test_einsum_counts_what_is_multiplied(case: tuple[list[str], dict[str, int], str], before: int) -> None:
    terms, sizes, output = case
    left, right = (torch.randn([2] * before + [sizes[letter] for letter in term]) for term in terms)
    dots = "..." if before else ""
    equation = f"{dots}{terms[0]},{dots}{terms[1]}->{dots}{output}"

    def call() -> Tensor:
        return torch.einsum(equation, left, right)

    multiplied = set(terms[0]) & (set(terms[1]) | set(output)) | set(terms[1])
    expected = 2**before * prod(sizes[letter] for letter in multiplied)
    assert counted(call) == expected == torchs(call)


@given(st.sampled_from([1, 2]), SIZES, SIZES, st.integers(1, 3), st.integers(1, 2), st.booleans(), st.booleans())
def test_convolutions_of_all_kinds(
    groups: int, inputs: int, outputs: int, kernel: int, dilation: int, same: bool, transposed: bool
) -> None:
    x = torch.randn(2, groups * inputs, 9, 8)
    if transposed:
        layer: nn.Module = nn.ConvTranspose2d(
            groups * inputs, groups * outputs, kernel, 2, padding=kernel // 2, groups=groups, dilation=dilation
        )
    else:
        padding = "same" if same else "valid"
        layer = nn.Conv2d(groups * inputs, groups * outputs, kernel, padding=padding, groups=groups, dilation=dilation)
    with torch.no_grad():
        assert counted(lambda: layer(x)) == torchs(lambda: layer(x))


@given(st.booleans(), st.booleans(), st.booleans(), SIZES, SIZES, st.booleans())
@example(True, True, False, 3, 2, False)
def test_multi_head_attention_with_all_its_options(
    bias: bool, zero: bool, other: bool, length: int, source: int, batched: bool
) -> None:
    layer = nn.MultiheadAttention(
        8, 2, add_bias_kv=bias, add_zero_attn=zero, kdim=3 if other else None, vdim=5 if other else None
    )
    batch = (2,) if batched else ()
    query = torch.randn(length, *batch, 8)
    key = torch.randn(source, *batch, 3 if other else 8)
    value = torch.randn(source, *batch, 5 if other else 8)
    assert counted(lambda: layer(query, key, value)) == torchs(lambda: layer(query, key, value))


def test_keys_and_values_from_outside_take_the_place_of_the_projected_ones() -> None:
    layer, x = nn.MultiheadAttention(8, 2), torch.randn(3, 2, 8)

    def call() -> Any:
        return F.multi_head_attention_forward(
            x, x, x, 8, 2, layer.in_proj_weight, layer.in_proj_bias, None, None, False, 0.0, layer.out_proj.weight,
            layer.out_proj.bias, static_k=torch.randn(4, 7, 4), static_v=torch.randn(4, 7, 4),
        )  # fmt: skip

    assert counted(call) == torchs(call)


@pytest.mark.parametrize("kind", [nn.LSTM, nn.GRU, nn.RNN])
@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("directions", [1, 2])
@pytest.mark.parametrize("projected", [0, 3])
def test_recurrent_layers_use_each_weight_once_a_step(kind: Any, packed: bool, directions: int, projected: int) -> None:
    if projected and kind is not nn.LSTM:
        pytest.skip("only an LSTM has projections")
    more = {"proj_size": projected} if projected else {}
    layer = kind(4, 5, num_layers=2, batch_first=True, bidirectional=directions == 2, **more)
    x: Any = torch.randn(3, 6, 4)
    if packed:
        x = pack_padded_sequence(x, torch.tensor([6, 4, 1]), batch_first=True)
    gates, out = {nn.LSTM: 4, nn.GRU: 3, nn.RNN: 1}[kind], projected or 5
    weights = directions * sum(gates * 5 * (width + out) + 5 * projected for width in (4, directions * out))
    assert counted(lambda: layer(x)) == (11 if packed else 18) * weights


@pytest.mark.parametrize("kind, gates", [(nn.LSTMCell, 4), (nn.GRUCell, 3), (nn.RNNCell, 1)])
@pytest.mark.parametrize("batch", [(), (3,)])
def test_cells_use_each_weight_once_a_step(kind: Any, gates: int, batch: tuple[int, ...]) -> None:
    cell = kind(4, 7)
    assert counted(lambda: cell(torch.randn(*batch, 4))) == prod(batch) * gates * 7 * (4 + 7)


@pytest.mark.skipif(not hasattr(torch, "_grouped_mm"), reason="this torch has no product of groups")
def test_experts_multiply_their_own_rows() -> None:
    def random(*shape: int) -> Tensor:
        return torch.randn(shape, dtype=torch.bfloat16)

    ends = torch.tensor([8, 16], dtype=torch.int32)
    function = getattr(F, "grouped_mm", torch._grouped_mm)
    assert counted(lambda: function(random(16, 24), random(2, 24, 8), offs=ends)) == 16 * 24 * 8
    assert counted(lambda: torch._grouped_mm(random(16, 24), random(2, 24, 8), offs=ends)) == 16 * 24 * 8
    assert counted(lambda: function(random(8, 16), random(16, 8), offs=ends)) == 8 * 16 * 8
    assert counted(lambda: function(random(2, 8, 24), random(24, 16), offs=ends)) == 8 * 24 * 16
    assert counted(lambda: function(random(2, 8, 24), random(2, 24, 16))) == 2 * 8 * 24 * 16


@pytest.mark.filterwarnings("ignore:.*quantiz.*:DeprecationWarning")
def test_a_quantised_network_is_undefined_with_the_layers_name() -> None:
    net = torch.ao.quantization.quantize_dynamic(
        nn.Sequential(nn.Linear(5, 6), nn.ReLU(), nn.Linear(6, 3)), {nn.Linear}
    )
    score = zc.score(net, (torch.randn(4, 5), None), "flops")["flops"]
    assert score.status == "undefined" and "the weights of 0" in score.reason
