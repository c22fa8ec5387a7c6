"""Networks of NAS-Bench-201: sizes, golden values, and equality within a class."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest

from naslib_zc_plugin.spaces.nasbench201 import SPACE, keys

torch = pytest.importorskip("torch")
nn = torch.nn

SHARED = Path(__file__).resolve().parents[3] / "shared"
EXAMPLE = "|nor_conv_3x3~0|+|none~0|nor_conv_1x1~1|+|skip_connect~0|avg_pool_3x3~1|nor_conv_3x3~2|"
NONE = keys.format(["none"] * 6)
CONV = keys.format(["nor_conv_3x3"] * 6)
KERNEL = {"nor_conv_1x1": 1, "nor_conv_3x3": 9}


def counted(key: str, C: int = 16, N: int = 5, classes: int = 10) -> int:
    """Parameters by hand: convolutions without bias, two numbers per norm channel."""
    total = 27 * C + 2 * C + 2 * 4 * C + (4 * C + 1) * classes
    for c in (C, 2 * C):
        total += 9 * c * 2 * c + 4 * c + 9 * 4 * c * c + 4 * c + 2 * c * c
    for c in (C, 2 * C, 4 * C):
        total += N * sum(KERNEL[name] * c * c + 2 * c for name in keys.parse(key) if name in KERNEL)
    return total


def parameters(network: Any) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def test_parameter_counts_of_known_networks() -> None:
    for key, count in ((CONV, 1_531_546), (SPACE.key(0), 129_306), (NONE, 73_306)):
        assert parameters(SPACE.build(key)) == counted(key) == count


def test_parameter_counts_of_twenty_networks() -> None:
    rng = Random(0)
    for _ in range(20):
        key, C, N, classes = SPACE.sample(rng), rng.choice([4, 16]), rng.randint(1, 5), rng.randint(1, 120)
        assert parameters(SPACE.build(key, C=C, N=N, num_classes=classes)) == counted(key, C, N, classes)


def test_parameter_counts_of_the_benchmark() -> None:
    pandas = pytest.importorskip("pandas")
    path = SHARED / "data/nasbench201/accuracies.parquet"
    if not path.exists():
        pytest.skip("the benchmark's table is not at hand")
    table = pandas.read_parquet(path, columns=["arch_str", "cifar10_params_M"])
    ours = np.array([counted(key) for key in table["arch_str"]])
    np.testing.assert_array_equal(ours, np.rint(table["cifar10_params_M"] * 1e6))


@pytest.mark.parametrize("name", ["nb201_nats_C8N1", "nb201_nats_C8N1_allnone"])
def test_golden_logits(name: str) -> None:
    golden = SHARED / "golden"
    if not golden.exists():
        pytest.skip("the golden values are not at hand")
    arrays = np.load(golden / f"{name}.npz")
    arch = json.loads((golden / "nets.json").read_text())[name]["arch"]
    expected = json.loads((golden / "scores.json").read_text())["scores"][name]["logits_sum_train_mode"]
    network = SPACE.build(arch, C=8, N=1).train()
    state = {name: v for name, v in network.state_dict().items() if not name.endswith("num_batches_tracked")}
    values = [torch.from_numpy(arrays[name]) for name in arrays.files if name.startswith("param/")]
    assert [v.shape for v in state.values()] == [v.shape for v in values]
    network.load_state_dict(dict(zip(state, values)), strict=False)
    logits, kernel = logits_and_kernel(network, torch.from_numpy(arrays["x"]))
    assert logits.sum().item() == pytest.approx(expected, rel=1e-6)
    np.testing.assert_array_equal(kernel, arrays["naswot_K"])


def logits_and_kernel(network: Any, x: Any) -> tuple[Any, Any]:
    """Train-mode logits, and NASWOT's kernel: agreements of the ReLUs' codes for each pair of images."""
    codes: list[Any] = []
    relus = [module for module in network.modules() if isinstance(module, nn.ReLU)]
    hooks = [relu.register_forward_hook(lambda *io: codes.append((io[2] > 0).flatten(1))) for relu in relus]
    logits = network.train()(x).detach()
    for hook in hooks:
        hook.remove()
    assert codes
    return logits, sum((c[:, None] == c[None]).sum(2) for c in codes)


def by_hand(state: dict[str, Any], key: str, N: int, x: Any, zerocost: bool) -> Any:
    """The train-mode forward pass written out, with parameters looked up by name."""
    F = nn.functional

    def norm(x: Any, name: str) -> Any:
        mean, var = x.mean((0, 2, 3), keepdim=True), x.var((0, 2, 3), unbiased=False, keepdim=True)
        x = (x - mean) / (var + 1e-5).sqrt()
        if f"{name}.weight" in state:
            x = x * state[f"{name}.weight"][:, None, None] + state[f"{name}.bias"][:, None, None]
        return x

    def conv(x: Any, name: str, stride: int = 1) -> Any:
        weight, bias = state[f"{name}.convolution.weight"], state.get(f"{name}.convolution.bias")
        assert (bias is not None) == (zerocost and "edge" in name)
        return F.conv2d(x, weight, bias, stride, padding=weight.shape[2] // 2)

    def edge(x: Any, operation: str, name: str) -> Any:
        if operation in KERNEL:
            return norm(conv(x.relu(), f"{name}.{operation}"), f"{name}.{operation}.norm")
        if operation == "avg_pool_3x3":
            ones = torch.ones_like(x)
            return F.avg_pool2d(x, 3, 1, 1) / F.avg_pool2d(ones, 3, 1, 1)
        return x if operation == "skip_connect" else torch.zeros_like(x)

    e01, e02, e12, e03, e13, e23 = keys.parse(key)
    x = norm(conv(x, "stem"), "stem.norm")
    for stage in range(3):
        if stage:
            name = f"cells.reduction{stage}"
            first, second = f"{name}.residual.first", f"{name}.residual.second"
            y = norm(conv(x.relu(), first, stride=2), f"{first}.norm")
            y = norm(conv(y.relu(), second), f"{second}.norm")
            x = conv(F.avg_pool2d(x, 2), f"{name}.shortcut") + y
        for number in range(stage * N + 1, stage * N + N + 1):
            cell = f"cells.cell{number}"
            n1 = edge(x, e01, f"{cell}.edge01")
            n2 = edge(x, e02, f"{cell}.edge02") + edge(n1, e12, f"{cell}.edge12")
            n3 = edge(x, e03, f"{cell}.edge03") + edge(n1, e13, f"{cell}.edge13")
            x = n3 + edge(n2, e23, f"{cell}.edge23")
    features = norm(x, "head.norm").relu().mean((2, 3))
    return features @ state["head.classifier.weight"].T + state["head.classifier.bias"]


@pytest.mark.parametrize("variant", ["nats", "zerocost"])
def test_forward_pass_is_the_one_written_out(variant: str) -> None:
    rng = Random(3)
    for key in (EXAMPLE, NONE, CONV, *(SPACE.sample(rng) for _ in range(6))):
        torch.manual_seed(0)
        network = SPACE.build(key, C=4, N=2, num_classes=7, variant=variant).double().train()
        for parameter in network.parameters():
            nn.init.normal_(parameter)
        x = torch.randn(5, 3, 16, 16, dtype=torch.float64)
        expected = by_hand(network.state_dict(), key, 2, x, zerocost=variant == "zerocost")
        torch.testing.assert_close(network(x).detach(), expected, rtol=1e-9, atol=1e-9)


def test_zerocost_cells_hold_every_operation_and_use_one() -> None:
    counts = {parameters(SPACE.build(key, variant="zerocost")) for key in (EXAMPLE, NONE, CONV)}
    # a bias where the norm has no affine map: both kinds of convolution on six edges of 15 cells
    convs = sum(5 * 6 * ((1 + 9) * c * c + 2 * c) for c in (16, 32, 64))
    assert counts == {counted(NONE) + convs}
    network = SPACE.build(EXAMPLE, C=4, N=1, variant="zerocost").train()
    network(torch.randn(4, 3, 16, 16)).sum().backward()
    reached = {name for name, p in network.named_parameters() if "edge" in name and p.grad is not None}
    assert {name.split(".")[2] + "." + name.split(".")[3] for name in reached} == {
        "edge01.nor_conv_3x3", "edge12.nor_conv_1x1", "edge23.nor_conv_3x3",
    }  # fmt: skip


@pytest.mark.parametrize("variant", ["nats", "zerocost"])
def test_norms_are_those_of_the_variant(variant: str) -> None:
    network = SPACE.build(CONV, C=4, N=1, variant=variant)
    norms = {name: m for name, m in network.named_modules() if isinstance(m, nn.BatchNorm2d)}
    assert sum("reduction" in name for name in norms) == 4
    for name, norm in norms.items():
        plain = variant == "zerocost" and "edge" in name
        assert (norm.affine, norm.track_running_stats) == (not plain, not plain)


def test_none_keeps_the_gradients_path() -> None:
    key = keys.format(["nor_conv_3x3", "none", "none", "none", "none", "none"])
    network = SPACE.build(key, C=4, N=1).train()
    network(torch.randn(4, 3, 16, 16)).sum().backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        if "edge" in name or "stem" in name:
            assert not parameter.grad.any()


@pytest.mark.parametrize(
    ("options", "fault"),
    [
        ({"variant": "darts"}, "unknown variant 'darts'; use 'nats' or 'zerocost'"),
        ({"C": 0}, "at least 1, found 0, 5 and 10"),
        ({"N": 0}, "at least 1"),
        ({"num_classes": -1}, "at least 1"),
    ],
)
def test_build_refuses_other_options(options: dict[str, Any], fault: str) -> None:
    with pytest.raises(ValueError, match=fault):
        SPACE.build(EXAMPLE, **options)


def swapped(name: str) -> str:
    exchange = {"edge01": "edge02", "edge02": "edge01", "edge13": "edge23", "edge23": "edge13"}
    return ".".join(exchange.get(part, part) for part in name.split("."))


@pytest.mark.parametrize("variant", ["nats", "zerocost"])
@pytest.mark.parametrize("three", [False, True], ids=["at most two summands", "three summands"])
def test_keys_of_a_class_build_the_same_network(variant: str, three: bool) -> None:
    everything = [SPACE.key(index) for index in range(SPACE.size)]
    pairs = [(key, SPACE.canonical(key)) for key in everything]
    pairs = [(a, b) for a, b in pairs if a != b and ("none" not in keys.parse(a)[3:]) == three]
    assert len(pairs) == (760 if three else 740)
    for left, right in Random(0).sample(pairs, 12):
        torch.manual_seed(1)
        a, b = (SPACE.build(key, C=8, N=1, variant=variant) for key in (left, right))
        assert parameters(a) == parameters(b)
        b.load_state_dict({swapped(name): value for name, value in a.state_dict().items()})
        x = torch.randn(8, 3, 16, 16)
        if not three:  # two summands commute: bitwise equal in float32
            (y, k), (y_swapped, k_swapped) = logits_and_kernel(a, x), logits_and_kernel(b, x)
            assert torch.equal(y, y_swapped)
        else:  # one rounding per cell, so that codes of near-zero inputs are safe in float64
            (y, k), (y_swapped, k_swapped) = (logits_and_kernel(m.double(), x.double()) for m in (a, b))
            torch.testing.assert_close(y, y_swapped, rtol=1e-12, atol=1e-12)
        assert torch.equal(k, k_swapped)


def test_keys_of_different_classes_differ_in_more_than_names() -> None:
    """A branch that nothing reads is nothing to the benchmark's classes, but it has parameters."""
    plain = keys.format(["none", "none", "none", "nor_conv_3x3", "none", "none"])
    dead = keys.format(["nor_conv_3x3", "none", "none", "nor_conv_3x3", "none", "none"])
    assert SPACE.canonical(plain) != SPACE.canonical(dead)
    assert parameters(SPACE.build(plain)) < parameters(SPACE.build(dead))
