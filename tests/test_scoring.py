"""The public contract of ``score``: what it takes, what it gives, what it refuses, and that it leaves no trace."""

from __future__ import annotations

import gc
import math
import random
import re
import statistics
import warnings
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

import naslib_zc_plugin as zc
from naslib_zc_plugin.extend import observation, proxy
from naslib_zc_plugin.passes import FORWARD, Forward, Pass, Setting
from naslib_zc_plugin.proxies import PROXIES
from naslib_zc_plugin.testing import NETWORKS, fingerprint, global_state

ALL = zc.list_proxies()
QUICK = ["naswot", "grad_norm", "synflow", "gradsign", "zen"]


def net_and_batch(name: str = "conv_bn_relu") -> tuple[nn.Module, tuple[Any, Any]]:
    case = NETWORKS[name]()
    return case.net, case.batch


def values(scores: dict[str, zc.Score]) -> dict[str, float | None]:
    return {label: score.value for label, score in scores.items()}


# What it gives --------------------


def test_scores_come_by_label_in_the_order_asked() -> None:
    net, batch = net_and_batch()
    asked = ["synflow", zc.proxy("naswot", label="relu score"), "grad_norm"]
    scores = zc.score(net, batch, asked)
    assert list(scores) == ["synflow", "relu score", "grad_norm"]
    assert scores["relu score"].name == "naswot"
    assert all(score.status == "ok" and score.value is not None for score in scores.values())


@pytest.mark.parametrize("asked", ["naswot", zc.proxy("naswot"), ("naswot",), iter(["naswot"])])
def test_one_proxy_needs_no_list(asked: Any) -> None:
    assert list(zc.score(*net_and_batch(), asked)) == ["naswot"]


def test_the_same_proxy_twice_needs_labels() -> None:
    net, batch = net_and_batch()
    with pytest.raises(ValueError, match=r"'synflow' is asked for twice: give one a label"):
        zc.score(net, batch, ["synflow", zc.proxy("synflow", keep_norm="*")])
    both = zc.score(net, batch, ["synflow", zc.proxy("synflow", keep_norm="*", label="synflow_bn")])
    assert both["synflow"].value != both["synflow_bn"].value


def test_no_proxy_gives_no_score() -> None:
    assert zc.score(*net_and_batch(), []) == {}


@pytest.mark.parametrize(
    ("network", "name", "reason"),
    [
        ("smooth", "naswot", "no ReLU"),
        ("dead", "naswot", "same ReLU code"),
        ("dead", "jacov", "do not depend on the input"),
        ("nan_weights", "naswot", "not finite"),
        ("nan_weights", "grad_norm", "not finite"),
        ("huge_weights", "l2_norm", "inf"),
        ("norm_of_vectors", "gradsign", "one value per channel"),
        ("tokens", "zen", "not real numbers"),
        ("bare_parameters", "gradalign1", "layer"),
        ("no_parameters", "ntk", ""),
    ],
)
def test_a_quantity_that_does_not_exist_is_undefined(network: str, name: str, reason: str) -> None:
    score = NETWORKS[network]().score([name])[name]
    assert (score.status, score.value) == ("undefined", None)
    assert reason in score.reason


def test_an_error_in_the_network_fails_all_that_run_it_and_no_other() -> None:
    net = nn.Sequential(nn.Flatten(), nn.Linear(7, 4))  # the images have 192 values
    scores = zc.score(net, net_and_batch()[1], ALL)
    assert {label for label, score in scores.items() if score.status == "ok"} == {"params", "l2_norm"}
    assert all("RuntimeError" in scores[name].reason for name in ("naswot", "grad_norm", "synflow", "gradsign"))


def test_a_label_beyond_the_classes_is_told() -> None:
    net, (x, y) = net_and_batch()
    scores = zc.score(net, (x, y + 3), ["grad_norm", "gradsign", "naswot"])
    for name in ("grad_norm", "gradsign"):
        assert scores[name].status == "failed"
        assert re.search(r"label \d needs at least \d outputs, the network has 4", scores[name].reason)
    assert scores["naswot"].status == "ok"


@pytest.mark.parametrize("label", [-1, -100])  # cross-entropy ignores the second, and has nothing to take a mean of
def test_a_negative_label_is_never_a_number(label: int) -> None:
    net, (x, y) = net_and_batch()
    scores = zc.score(net, (x, torch.full_like(y, label)), ["grad_norm", "fisher", "grasp", "gradsign"])
    assert {name for name, score in scores.items() if score.status == "ok"} == set()


# Repeats --------------------


def test_repeats_give_mean_and_spread_of_different_draws() -> None:
    net, batch = net_and_batch()
    single = zc.score(net, batch, ["zen"])["zen"]
    three = zc.score(net, batch, ["zen", "params"], repeats=3)
    assert single.spread is None
    assert three["params"].spread == 0
    assert three["zen"].spread is not None
    assert three["zen"].spread > 0
    assert three["zen"].value != single.value
    two = zc.score(net, batch, ["zen"], repeats=2)["zen"]
    # The first repeat is the single score; the second is what mean and spread say.
    second = 2 * two.value - single.value  # type: ignore[operator]
    assert two.spread == pytest.approx(statistics.stdev([single.value, second]))  # type: ignore[list-item]
    third = 3 * three["zen"].value - 2 * two.value  # type: ignore[operator]
    assert three["zen"].spread == pytest.approx(statistics.stdev([single.value, second, third]))  # type: ignore[list-item]


def test_repeats_without_a_value_have_a_reason() -> None:
    score = NETWORKS["dead"]().score(["naswot"], repeats=2)["naswot"]
    assert (score.status, score.value, score.spread) == ("undefined", None, None)
    assert score.reason.startswith("2 of 2 repeats: ")


@pytest.mark.parametrize("repeats", [0, -1])
def test_too_few_repeats_are_refused(repeats: int) -> None:
    with pytest.raises(ValueError, match="repeats must be at least 1"):
        zc.score(*net_and_batch(), ["params"], repeats=repeats)


def test_the_seed_changes_what_is_drawn_and_nothing_else() -> None:
    net, batch = net_and_batch()
    one, two = (values(zc.score(net, batch, ALL, seed=seed)) for seed in (1, 2))
    differing = {name for name in ALL if one[name] != two[name]}
    assert differing <= {name for name in ALL if "draws" in zc.describe(name).needs}
    assert "zen" in differing


# Batches --------------------


def test_labels_may_be_missing_where_none_are_needed() -> None:
    net, (x, _) = net_and_batch()
    free = [name for name in ALL if "labels" not in zc.describe(name).needs]
    assert {"naswot", "synflow", "zen", "jacov", "epsilon", "params"} <= set(free)
    found = zc.score(net, (x, None), free)
    assert values(found) == values(zc.score(*net_and_batch(), free))
    assert all(found[name].status == "ok" for name in ("naswot", "synflow", "zen", "jacov", "epsilon", "params"))
    with pytest.raises(ValueError, match=r"labels are needed by grad_norm, snip: pass batch=\(x, y\)"):
        zc.score(net, (x, None), ["naswot", "grad_norm", "snip"])


@pytest.mark.parametrize("form", [lambda x: x, lambda x: DataLoader(x, batch_size=len(x))])
def test_inputs_by_themselves_leave_proxies_of_labels_undefined(form: Any) -> None:
    net, (x, _) = net_and_batch()
    found = zc.score(net, form(x), ALL)
    needing = {name for name in ALL if "labels" in zc.describe(name).needs}
    for name in needing:
        assert (found[name].status, found[name].value, found[name].applies) == ("undefined", None, False)
        assert found[name].reason == "labels are needed, and the batch has inputs alone: pass batch=(x, y)"
    free = [name for name in ALL if name not in needing]
    assert {name: found[name].value for name in free} == values(zc.score(net, (x, None), free))


def test_a_mapping_by_itself_is_the_keyword_arguments() -> None:
    net = nn.Bilinear(3, 3, 2)
    given = {"input1": torch.randn(4, 3), "input2": torch.randn(4, 3)}
    assert values(zc.score(net, given, "jacov")) == values(zc.score(net, (given, None), "jacov"))


def test_what_does_not_apply_is_told_from_what_is_degenerate() -> None:
    smooth, dead = (NETWORKS[name]().score(["naswot"])["naswot"] for name in ("smooth", "dead"))
    assert (smooth.status, smooth.applies) == ("undefined", False)  # it has no ReLU
    assert (dead.status, dead.applies) == ("undefined", True)
    twice = NETWORKS["smooth"]().score(["naswot"], repeats=2)["naswot"]
    assert (twice.status, twice.applies) == ("undefined", False)


def test_scores_print_as_a_table() -> None:
    net, (x, _) = net_and_batch()
    found = zc.score(net, x, ["params", "snip"])
    header, *lines = str(found).split("\n")
    assert header.split() == ["proxy", "score", "status", "seconds", "reason"]
    assert lines[0].split()[:3] == ["params", f"{found['params'].value:g}", "ok"]
    assert lines[1].endswith(found["snip"].reason)
    assert f"<td>{found['params'].value:g}</td>" in found._repr_html_()
    assert "spread" in str(zc.score(net, x, "params", repeats=2))
    assert str(zc.score(net, x, [])) == "proxy  score  status  seconds"


@pytest.mark.parametrize("batch", [None, 3, (torch.zeros(4, 3, 8, 8),), ("x", "y"), []])
def test_what_is_no_batch_is_refused(batch: Any) -> None:
    with pytest.raises(TypeError, match="batch must be a pair"):
        zc.score(net_and_batch()[0], batch, ["naswot"])


def test_samples_and_labels_must_match() -> None:
    net, (x, y) = net_and_batch()
    with pytest.raises(ValueError, match="8 samples, but labels of shape"):
        zc.score(net, (x, y[:5]), ["grad_norm"])
    with pytest.raises(ValueError, match=r"\[0\] samples"):
        zc.score(net, (x[:0], y[:0]), ["grad_norm"])


def test_a_data_loader_gives_its_first_batch() -> None:
    net, (x, y) = net_and_batch()
    loader = DataLoader(TensorDataset(x, y), batch_size=4)
    assert values(zc.score(net, loader, QUICK)) == values(zc.score(net, (x[:4], y[:4]), QUICK))
    shuffled, before = DataLoader(TensorDataset(x, y), batch_size=4, shuffle=True), global_state()
    zc.score(net, shuffled, ["naswot"])
    assert global_state() == before
    with pytest.raises(TypeError, match="batch must be a pair"):
        zc.score(net, DataLoader(TensorDataset(x[:0], y[:0])), ["naswot"])


class Keyword(nn.Module):
    """Takes two inputs by name or position."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.two = nn.Linear(4, 5), nn.Linear(3, 5)

    def forward(self, left: Tensor, right: Tensor) -> Tensor:
        return (self.one(left) + self.two(right)).relu()


def test_inputs_may_be_named_or_several() -> None:
    torch.manual_seed(0)
    net, left, right, y = Keyword(), torch.randn(6, 4), torch.randn(6, 3), torch.arange(6) % 5
    names = ["naswot", "grad_norm", "synflow", "gradsign", "gradalign1"]
    named = zc.score(net, ({"right": right, "left": left}, y), names)
    assert {score.status for score in named.values()} == {"ok"}, named
    for inputs in ([left, right], (left, right)):
        assert values(zc.score(net, (inputs, y), names)) == values(named)
    with pytest.raises(ValueError, match=r"\[5, 6\] samples"):
        zc.score(net, ([left, right[:5]], y), ["naswot"])


def test_inputs_take_the_precision_of_the_network() -> None:
    net, (x, y) = net_and_batch()
    assert values(zc.score(net, (x.double(), y), QUICK)) == values(zc.score(net, (x, y), QUICK))
    double = zc.score(net.double(), (x, y), ["grad_norm"])["grad_norm"].value
    assert double == pytest.approx(zc.score(net.float(), (x, y), ["grad_norm"])["grad_norm"].value, rel=1e-4)


def test_inputs_that_want_gradients_get_none() -> None:
    net, (x, y) = net_and_batch()
    wanting = x.clone().requires_grad_()
    assert values(zc.score(net, (wanting, y), ["jacov", "grad_norm"])) == values(
        zc.score(net, (x, y), ["jacov", "grad_norm"])
    )
    assert wanting.grad is None
    assert wanting.requires_grad


# Losses and outputs --------------------


def test_any_loss_will_do() -> None:
    net, (x, y) = net_and_batch("residual_in_place")
    target = F.one_hot(y, 4).float()
    names = ["grad_norm", "gradsign", "grasp", "fisher"]
    soft = zc.score(net, (x, target), names)
    for name, score in zc.score(net, (x, y), names).items():
        assert soft[name].value == pytest.approx(score.value, rel=1e-4)
    squares = zc.score(net, (x, target), names, loss=lambda output, labels: (output - labels).square().mean())
    assert {score.status for score in squares.values()} == {"ok"}
    assert squares["grad_norm"].value != soft["grad_norm"].value


def test_a_loss_may_be_a_module_and_the_network_stays_alone_with_it() -> None:
    net, (x, y) = net_and_batch("residual_in_place")
    criterion = nn.CrossEntropyLoss()
    assert values(zc.score(net, (x, y), QUICK, loss=criterion)) == values(zc.score(net, (x, y), QUICK))


def test_a_loss_that_raises_fails_its_users_alone() -> None:
    def broken(output: Tensor, labels: Tensor) -> Tensor:
        raise ArithmeticError("no loss today")

    net, batch = net_and_batch()
    scores = zc.score(net, batch, ALL, loss=broken)
    for name in ("grad_norm", "snip", "plain", "grasp", "fisher", "gradsign", "gradalign1"):
        assert (scores[name].status, scores[name].reason) == ("failed", "ArithmeticError: no loss today")
    assert {scores[name].status for name in ("naswot", "jacov", "synflow", "zen", "params", "flops")} == {"ok"}


class Outputs(nn.Module):
    """Returns what ``shape`` makes of (features, logits)."""

    def __init__(self, shape: Any) -> None:
        super().__init__()
        self.body, self.head, self.shape = nn.Linear(4, 6), nn.Linear(6, 3), shape

    def forward(self, x: Tensor) -> Any:
        features = self.body(x).relu()
        return self.shape(features, self.head(features))


@pytest.mark.parametrize(
    ("shape", "logits"),
    [
        (lambda f, z: (f, z), 1),
        (lambda f, z: (f, z), -1),
        (lambda f, z: [f, z], lambda output: output[1]),
        (lambda f, z: {"features": f, "scores": z}, "scores"),
        (lambda f, z: {"features": f, "logits": z}, None),
        (lambda f, z: (z,), None),
        (lambda f, z: {"only": [z, None]}, None),
    ],
)
def test_logits_are_picked(shape: Any, logits: Any) -> None:
    torch.manual_seed(0)
    net = Outputs(lambda f, z: z)
    batch = torch.randn(6, 4), torch.arange(6) % 3
    expected = values(zc.score(net, batch, ["grad_norm", "synflow", "jacov", "gradsign", "epsilon"]))
    net.shape = shape
    assert values(zc.score(net, batch, list(expected), logits=logits)) == expected


@pytest.mark.parametrize("logits", [None, 2, "no", lambda output: None])
def test_ambiguous_outputs_are_refused(logits: Any) -> None:
    net = Outputs(lambda f, z: (f, z))
    score = zc.score(net, (torch.randn(6, 4), torch.arange(6) % 3), ["grad_norm"], logits=logits)["grad_norm"]
    assert score.status == "failed"
    assert "tuple of shapes (6, 6), (6, 3): pass logits=" in score.reason


# Networks of every kind --------------------


def test_wrappers_are_looked_through() -> None:
    net, batch = net_and_batch()
    expected = values(zc.score(net, batch, QUICK))
    assert values(zc.score(nn.DataParallel(net), batch, QUICK)) == expected
    assert values(zc.score(torch.compile(net), batch, QUICK)) == expected  # type: ignore[arg-type]
    assert values(zc.score(nn.DataParallel(torch.compile(net)), batch, QUICK)) == expected  # type: ignore[arg-type]


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
def test_torchscript_is_refused() -> None:
    net, batch = net_and_batch()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        scripted = [torch.jit.script(net), torch.jit.trace(net, batch[0], check_trace=False)]
    for module in (*scripted, nn.Sequential(scripted[0])):
        score = zc.score(module, batch, ["naswot"])["naswot"]
        assert (score.status, score.value) == ("failed", None)
        assert "TorchScript" in score.reason


def test_lazy_modules_are_refused_until_they_have_parameters() -> None:
    net = nn.Sequential(nn.Flatten(), nn.LazyLinear(6), nn.ReLU(), nn.LazyLinear(4))
    batch = net_and_batch()[1]
    score = zc.score(net, batch, ["grad_norm"])["grad_norm"]
    assert (score.status, score.value) == ("failed", None)
    assert "run it once on a batch" in score.reason
    net(batch[0])
    assert zc.score(net, batch, ["grad_norm"])["grad_norm"].status == "ok"


def test_the_mode_of_the_network_does_not_matter() -> None:
    net, batch = net_and_batch()
    trained, evaluated = values(zc.score(net.train(), batch, ALL)), values(zc.score(net.eval(), batch, ALL))
    assert trained == evaluated
    assert not any(module.training for module in net.modules())


def test_frozen_parameters_count_like_others() -> None:
    net, batch = net_and_batch()
    expected = values(zc.score(net, batch, ALL))
    assert values(zc.score(net.requires_grad_(False), batch, ALL)) == expected


# The caller's surroundings --------------------


@pytest.mark.parametrize(
    "surroundings",
    [
        torch.no_grad,
        torch.inference_mode,
        lambda: torch.autocast("cpu", dtype=torch.bfloat16),
        lambda: torch.autograd.set_detect_anomaly(True),
        lambda: torch.device("meta"),
    ],
    ids=["no_grad", "inference_mode", "autocast", "anomaly", "default device"],
)
@pytest.mark.filterwarnings("ignore:Anomaly Detection")
def test_the_callers_modes_change_nothing(surroundings: Any) -> None:
    net, batch = net_and_batch()
    expected = values(zc.score(net, batch, ALL))
    with surroundings():
        before = global_state()
        assert values(zc.score(net, batch, ALL)) == expected
        assert global_state() == before


def test_a_default_dtype_changes_nothing() -> None:
    net, batch = net_and_batch()
    expected = values(zc.score(net, batch, ALL))
    torch.set_default_dtype(torch.float64)
    try:
        assert values(zc.score(net, batch, ALL)) == expected
    finally:
        torch.set_default_dtype(torch.float32)


def test_inputs_made_in_inference_mode_will_do() -> None:
    net, (x, y) = net_and_batch()
    expected = values(zc.score(net, (x, y), ALL))
    with torch.inference_mode():
        made = x.clone(), y.clone()
    assert values(zc.score(net, made, ALL)) == expected


def test_a_network_made_in_inference_mode_will_do() -> None:
    expected = values(zc.score(*net_and_batch(), QUICK))
    with torch.inference_mode():
        net, batch = net_and_batch()
    assert values(zc.score(net, batch, QUICK)) == expected


# What comes out --------------------


def no_call(*args: Any, **kwargs: Any) -> Any:
    raise AssertionError("called")


class Bad:
    """Objects that raise wherever they are looked at."""

    def __iter__(self) -> Any:
        raise OSError("no disk")


@pytest.mark.parametrize(
    ("wrong", "error", "message"),
    [
        ({"net": "resnet"}, TypeError, "net must be a torch.nn.Module, not a str"),
        ({"net": nn.ReLU}, TypeError, "net must be a torch.nn.Module, not the class ReLU: make one"),
        ({"net": None}, TypeError, "net must be a torch.nn.Module"),
        ({"net": no_call}, TypeError, "net must be a torch.nn.Module"),
        ({"seed": "a"}, TypeError, "seed must be an integer, not 'a'"),
        ({"seed": 0.5}, TypeError, "seed must be an integer"),
        ({"seed": None}, TypeError, "seed must be an integer"),
        ({"repeats": "x"}, TypeError, "repeats must be an integer, not 'x'"),
        ({"repeats": 2.5}, TypeError, "repeats must be an integer, not 2.5"),
        ({"proxies": [3]}, TypeError, "a proxy must be a name, or what .* makes, not 3"),
        ({"proxies": 3}, TypeError, "proxies must be names, or what .* makes, not 3"),
        ({"proxies": None}, TypeError, "proxies must be names"),
        ({"proxies": [["naswot"]]}, TypeError, "a proxy must be a name"),
        ({"proxies": Bad()}, ValueError, "the proxies cannot be listed: OSError: no disk"),
        ({"proxies": "naswott"}, ValueError, "did you mean naswot"),
        ({"logits": 0.5}, TypeError, "logits must be a position, a key or a function of the output, not a float"),
        ({"logits": [0]}, TypeError, "logits must be a position"),
        ({"loss": "mse"}, TypeError, "loss must be a function of .output, y., not a str"),
        ({"batch": Bad()}, ValueError, "no batch can be taken from what was given for it: OSError: no disk"),
        ({"batch": "xy"}, TypeError, "batch must be a pair"),
        ({"batch": {1: 2}}, TypeError, "batch must be a pair"),
        ({"batch": (np.zeros((8, 3, 8, 8)), torch.zeros(8))}, TypeError, "batch must be a pair"),
        ({"batch": (torch.zeros(8, 3, 8, 8), [0] * 8)}, TypeError, "labels must be tensors, not a list"),
        ({"batch": (torch.zeros(8, 3, 8, 8), np.zeros(8))}, TypeError, "labels must be tensors, not a ndarray"),
        ({"batch": (torch.tensor(1.0), None)}, ValueError, "tensor without dimensions"),
        (
            {"batch": ([torch.zeros(8, 3, 8, 8), torch.tensor(5)], None)},
            ValueError,
            "expand it to one value per sample",
        ),
        ({"batch": (torch.zeros(8, 3, 8, 8, device="meta"), None)}, ValueError, "meta device"),
        ({"batch": (torch.zeros(8, 3, 8, 8), torch.zeros(8, device="meta").long())}, ValueError, "meta device"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_wrong_arguments_are_told_in_words(wrong: dict[str, Any], error: type[Exception], message: str) -> None:
    net, batch = net_and_batch()
    with pytest.raises(error, match=message):
        zc.score(**{"net": net, "batch": batch, "proxies": ["grad_norm"], **wrong})


def test_whole_numbers_of_every_kind_will_do() -> None:
    net, batch = net_and_batch()
    expected = values(zc.score(net, batch, ["zen"], seed=3, repeats=2))
    for three, two in ((np.int64(3), np.int32(2)), (torch.tensor(3), torch.tensor(2))):
        assert values(zc.score(net, batch, ["zen"], seed=three, repeats=two)) == expected


def test_an_error_of_a_data_loader_is_told() -> None:
    class Broken(TensorDataset):
        def __getitem__(self, index: int) -> Any:
            raise RuntimeError("a broken image")

    net, (x, y) = net_and_batch()
    before = global_state()
    with pytest.raises(ValueError, match="no batch can be taken .*: RuntimeError: a broken image"):
        zc.score(net, DataLoader(Broken(x, y), batch_size=4, shuffle=True), ["naswot"])
    assert global_state() == before


def test_a_time_step_for_all_samples_is_told_to_be_expanded() -> None:
    class Diffusion(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.time, self.head = nn.Conv2d(3, 6, 3), nn.Linear(1, 6), nn.Linear(6, 5)

        def forward(self, sample: Tensor, timestep: Tensor) -> Tensor:
            return self.head(self.conv(sample).mean((2, 3)) + self.time(timestep.float().reshape(-1, 1)))

    net, x, y, step = Diffusion(), torch.randn(4, 3, 8, 8), torch.arange(4), torch.tensor(5)
    with pytest.raises(ValueError, match="expand it to one value per sample"):
        zc.score(net, ({"sample": x, "timestep": step}, y), ["grad_norm"])
    found = zc.score(net, ({"sample": x, "timestep": step.expand(len(x))}, y), ["grad_norm", "gradsign"])
    assert {score.status for score in found.values()} == {"ok"}


@pytest.mark.filterwarnings("ignore:nothing could be scored")
def test_a_network_without_values_fails_in_words() -> None:
    _, batch = net_and_batch()
    with torch.device("meta"):
        net = nn.Sequential(nn.Flatten(), nn.Linear(192, 4))
    half = nn.Sequential(nn.Flatten(), nn.Linear(192, 8), net[1])  # offloaded in part
    for module in (net, half):
        for score in zc.score(module, batch, ALL).values():
            assert (score.status, score.value) == ("failed", None)
            assert "is on the meta device, where it has no values" in score.reason


class Silent(Exception):
    """An error whose text cannot be made."""

    def __str__(self) -> str:
        raise RuntimeError("no text")


class Panic(BaseException):
    """No Exception, as errors of extensions in other languages are."""


def circular() -> Exception:
    one, other = ValueError("one"), ValueError("other")
    one.__cause__, other.__cause__ = other, one
    return one


RAISED: dict[str, Any] = {
    "an error": lambda: ValueError("no"),
    "an error without text": Silent,
    "a panic": lambda: Panic("at the disco"),
    "a circle": circular,
    "no memory": lambda: MemoryError("48 GiB"),
    "the allocator's": lambda: RuntimeError("can't allocate memory: you tried to allocate 48 bytes"),
    "the end of an iterator": StopIteration,
}


@pytest.mark.filterwarnings("ignore:nothing could be scored")
@pytest.mark.parametrize("where", ["observation", "handler", "proxy", "needs", "network", "loss", "logits"])
@pytest.mark.parametrize("raised", RAISED)
def test_whatever_others_raise_is_a_reason(monkeypatch: pytest.MonkeyPatch, raised: str, where: str) -> None:
    def fail(*args: Any, **kwargs: Any) -> Any:
        raise RAISED[raised]()

    @observation(labels=True, order=1)
    def seen(p: Any) -> Any:
        if where == "observation":
            fail()
        if where == "handler":
            p.on("relu", fail)
        yield FORWARD
        return 1.0

    @proxy(needs=(lambda: fail() if where == "needs" else [seen()]), version=1, paper="nowhere", higher_is_better=True)
    def odd(seen: Any) -> float:
        return fail() if where == "proxy" else 0.0

    monkeypatch.setitem(PROXIES._added, "odd", odd)
    net, batch = net_and_batch()
    if where == "network":
        net[0].forward = fail
    options = {name: fail for name in ("loss", "logits") if name == where}
    before = fingerprint(net)
    try:
        found = zc.score(net, batch, ["odd", "grad_norm", "params"], **options)
    except (TypeError, ValueError):
        assert (where, raised) in (("needs", "an error"), ("needs", "a circle"))
        return
    assert found["params"].status == "ok"
    assert before.changes(fingerprint(net)) == []
    if where not in ("loss", "logits", "network"):
        assert found["grad_norm"].status == "ok"
    one = found["grad_norm" if where == "loss" else "odd"]
    assert (one.status, one.value) == ("failed", None)
    assert one.reason


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
def test_what_means_the_process_goes_out(error: type[BaseException]) -> None:
    def loss(output: Tensor, labels: Tensor) -> Tensor:
        raise error

    net, batch = net_and_batch()
    before, state = fingerprint(net), global_state()
    with pytest.raises(error):
        zc.score(net, batch, ["grad_norm"], loss=loss)
    assert before.changes(fingerprint(net)) == []
    assert global_state() == state


def test_a_network_that_is_none_yet_fails() -> None:
    class Unfinished(nn.Module):
        def __init__(self) -> None:
            pass

    with pytest.warns(UserWarning, match="nothing could be scored"):
        score = zc.score(Unfinished(), net_and_batch()[1], ["params"])["params"]
    assert score.status == "failed"
    assert "AttributeError" in score.reason


def test_one_error_of_all_is_warned_of_once() -> None:
    net, (x, y) = nn.Sequential(nn.Flatten(), nn.Linear(7, 4)), net_and_batch()[1]
    with pytest.warns(
        UserWarning, match=r"nothing could be scored, for one error: RuntimeError: mat1 .*by hand"
    ) as seen:
        zc.score(net, (x, y), ["naswot", "grad_norm"])
        zc.score(net, (x, y), ["naswot", "grad_norm"])
    assert len([each for each in seen if each.category is UserWarning]) == 2
    assert seen[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        zc.score(net, (x, y), ["naswot", "params"])  # not all
        zc.score(NETWORKS["smooth"]().net, NETWORKS["smooth"]().batch, ["naswot"])  # undefined
        zc.score(net, (x, y), [])


def test_a_third_partys_observation_that_writes_to_weights_reaches_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    @observation(setting=Forward(training=False))
    def shaken(p: Any) -> Any:
        for parameter in p.network.module.parameters():
            parameter.data.add_(1)
        torch.set_default_dtype(torch.float32)
        yield FORWARD
        return 1.0

    @proxy(needs=[shaken()], version=1, paper="nowhere", higher_is_better=True)
    def shaking(seen: Any) -> float:
        return 0.0

    shaken.__wrapped__.__module__ = "of_others"
    monkeypatch.setitem(PROXIES._added, "shaking", shaking)
    net, batch = net_and_batch()
    before = fingerprint(net)
    expected = values(zc.score(net, batch, ["synflow", "grad_norm"]))
    together = values(zc.score(net, batch, ["shaking", "synflow", "grad_norm"]))
    assert {name: together[name] for name in expected} == expected
    assert [change for change in before.changes(fingerprint(net)) if "version" not in change] == []


# No trace --------------------


def test_a_graph_that_the_user_holds_stays_usable() -> None:
    net, (x, y) = net_and_batch()
    loss = F.cross_entropy(net(x), y)
    zc.score(net, (x, y), ALL)
    loss.backward()
    held = [parameter.grad.clone() for parameter in net.parameters()]
    again, _ = net_and_batch()
    F.cross_entropy(again(x), y).backward()
    assert all(torch.equal(one, other.grad) for one, other in zip(held, again.parameters()))


class Interrupted(nn.Module):
    """Raises in the middle of its n-th forward run, after it has changed itself."""

    def __init__(self, error: type[BaseException]) -> None:
        super().__init__()
        self.conv, self.norm, self.head = nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Linear(4, 4)
        self.error, self.calls, self.history = error, 0, list[int]()

    def forward(self, x: Tensor) -> Tensor:
        self.calls += 1
        self.history.append(self.calls)
        x = self.norm(self.conv(x))
        torch.rand(3), np.random.rand(), random.random()
        if self.training:
            raise self.error("in the middle")
        return self.head(x.mean((2, 3)))


@pytest.mark.parametrize("name", ALL)
def test_an_interrupt_ends_the_scoring_and_leaves_no_trace(name: str) -> None:
    net, batch = Interrupted(KeyboardInterrupt), net_and_batch()[1]
    before, state = fingerprint(net), global_state()
    interrupted = False
    try:
        zc.score(net, batch, [name])
    except KeyboardInterrupt:
        interrupted = True
    # Some proxies run nothing, or in evaluation mode.
    still = ("params", "l2_norm", "synflow", "logsynflow", "dss", "vkdnw", "epsilon", "peak_activations")
    assert interrupted or name in still
    assert before.changes(fingerprint(net)) == []
    assert global_state() == state


def test_an_error_in_the_network_leaves_no_trace() -> None:
    net, batch = Interrupted(RuntimeError), net_and_batch()[1]
    before, state = fingerprint(net), global_state()
    scores = zc.score(net, batch, ALL)
    assert scores["naswot"].reason == "RuntimeError: in the middle"
    assert before.changes(fingerprint(net)) == []
    assert global_state() == state


@pytest.mark.parametrize("loss", [None, lambda output, labels: 1 / 0], ids=["ok", "failing"])
def test_scores_leave_nothing_behind_even_without_the_garbage_collector(loss: Any) -> None:
    net, batch = net_and_batch()
    zc.score(net, batch, ALL, loss=loss)
    gc.collect()
    gc.disable()
    try:
        before = alive()
        zc.score(net, batch, ALL, loss=loss)
        assert alive() == before
    finally:
        gc.enable()


def alive() -> int:
    """Tensors that something still holds."""
    return sum(issubclass(type(thing), Tensor) for thing in gc.get_objects())


def test_values_are_plain_finite_floats() -> None:
    found = [score for score in zc.score(*net_and_batch(), ALL).values() if score.status != "undefined"]
    assert len(found) > len(ALL) / 2  # the others are for attention or recurrent layers
    for score in found:
        assert type(score.value) is float
        assert math.isfinite(score.value)
        assert score.seconds > 0


def test_an_error_of_a_setting_of_ones_own_is_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    @dataclass(frozen=True)
    class Broken(Setting):
        seed_name: ClassVar[str] = "Broken()"
        view: ClassVar[type] = Pass

        def can_join(self, passes: Any) -> Any:
            raise RuntimeError("no electricity")

    @observation(setting=Broken())
    def seen(p: Any) -> int:
        return 0

    @proxy(needs=[seen()], version=1, paper="nowhere", higher_is_better=True)
    def broken(seen: Any) -> float:
        return 0.0

    monkeypatch.setitem(PROXIES._added, "broken", broken)
    found = zc.score(*net_and_batch(), "broken")["broken"]
    assert (found.status, found.reason) == ("failed", "RuntimeError: no electricity")
