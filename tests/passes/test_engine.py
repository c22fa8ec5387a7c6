"""The protocol of observations: what they may yield and are sent, and that their errors are theirs alone."""

from __future__ import annotations

import gc
import logging
import random
import weakref
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import naslib_zc_plugin as zc
from naslib_zc_plugin.extend import (
    FORWARD,
    NEXT,
    Forward,
    Grad,
    NoForward,
    PerSample,
    Undefined,
    hessian_times_gradient,
    observation,
    relu_agreement,
    sample_grams,
    sign_sums,
    weight_gradients,
)
from naslib_zc_plugin.observations.layers import layer_weights
from naslib_zc_plugin.passes import Batch, Network, Observed, isolated, observe
from naslib_zc_plugin.passes.constant_weights import ConstantWeights
from naslib_zc_plugin.proxies.epsilon import constant_outputs
from naslib_zc_plugin.testing import NETWORKS, global_state

OTHERS = {
    Forward: [relu_agreement(), weight_gradients()],
    PerSample: [sign_sums(), sample_grams()],
    NoForward: [layer_weights()],
    ConstantWeights: [constant_outputs((0.1, 1.0))],
}


def outcomes(*asked: Any, name: str = "conv_bn_relu") -> dict[Any, Observed]:
    case = NETWORKS[name]()
    with isolated(case.net) as module:
        return observe(Network(module), Batch(*case.batch), asked)


def values(found: Mapping[Any, Observed], asked: Any) -> list[Tensor]:
    """All tensors of an observation's value."""
    assert found[asked].error is None
    value = found[asked].value
    parts = value if isinstance(value, list) else [value]
    return [part.gradient if hasattr(part, "gradient") else part for part in parts]


def fails(asked: Any, kind: type[Exception], part: str = "") -> None:
    """It fails with that error, first or last, and the others of its setting see what they see alone."""
    others = OTHERS[type(asked.setting)]
    alone = outcomes(*others)
    for order in ([asked, *others], [*others, asked]):
        found = outcomes(*order)
        assert isinstance(found[asked].error, kind), found[asked].error
        assert part in str(found[asked].error)
        assert found[asked].value is None
        for other in others:
            assert all(torch.equal(a, b) for a, b in zip(values(found, other), values(alone, other)))


# Errors are isolated --------------------


@observation(labels=True, order=1)
def raising(p: Any, stage: str) -> Any:
    """Raise at one stage."""

    def at(name: str) -> None:
        if name == stage:
            raise ArithmeticError(name)

    at("start")
    outputs: list[Tensor] = []

    def see(call: Any) -> Any:
        at("handler")
        outputs.append(call.output)
        return call.output.clone()

    p.on_layers(see)
    yield FORWARD
    at("after forward")
    yield (Grad("loss", outputs, fold=lambda place, gradient: at("fold")), Grad("loss", p.layers))
    at("after gradients")
    return stage


@pytest.mark.parametrize("stage", ["start", "handler", "after forward", "fold", "after gradients"])
def test_an_error_is_the_outcome_of_its_observation_alone(stage: str) -> None:
    fails(raising(stage), ArithmeticError, stage)


def test_an_observation_that_raises_nothing_has_its_value() -> None:
    assert outcomes(raising("never"))[raising("never")].value == "never"


@observation(labels=True, order=1, setting=PerSample())
def raising_later(p: Any) -> Any:
    yield NEXT
    yield NEXT
    raise ArithmeticError("second chunk")


def test_an_error_in_a_chunk_is_its_own() -> None:
    fails(raising_later(), ArithmeticError, "second chunk")


@observation(setting=NoForward())
def raising_at_rest(p: Any) -> Any:
    raise ArithmeticError("at rest")


def test_an_error_without_a_forward_pass_is_its_own() -> None:
    fails(raising_at_rest(), ArithmeticError, "at rest")


def test_an_error_without_a_forward_pass_is_a_score() -> None:
    from naslib_zc_plugin.record import Proxy

    record = Proxy(lambda value: 0.0, [raising_at_rest()], 1, "nowhere", True)
    found = outcomes(*record.observations({}))
    assert isinstance(found[raising_at_rest()].error, ArithmeticError)


@observation()
def stopping(p: Any) -> Any:
    yield FORWARD
    raise StopIteration(7)


@observation(setting=NoForward())
def stopping_at_rest(p: Any) -> Any:
    raise StopIteration(7)


def test_stop_iteration_is_an_error_and_no_value() -> None:
    fails(stopping(), RuntimeError, "StopIteration")
    fails(stopping_at_rest(), StopIteration)


class Failing(nn.Module):
    """Cannot run."""

    def forward(self, x: Tensor) -> Tensor:
        raise ArithmeticError("no forward today")


@pytest.mark.parametrize(
    "asked", [relu_agreement(), weight_gradients(), sign_sums(), constant_outputs((1.0,))], ids=lambda each: each.name
)
def test_an_error_of_the_network_is_the_outcome_of_all(asked: Any) -> None:
    net = nn.Sequential(nn.Linear(2, 2), Failing())
    with isolated(net) as module:
        found = observe(Network(module), Batch(torch.randn(4, 2), torch.arange(4) % 2), [asked, layer_weights()])
    assert str(found[asked].error) == "no forward today"
    assert found[layer_weights()].error is None


class Catching(nn.Module):
    """Catches whatever is raised where it calls a function."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(2, 2)

    def forward(self, x: Tensor) -> Tensor:
        try:
            return self.layer(x)
        except ArithmeticError:
            return x


def test_a_network_that_catches_exceptions_does_not_catch_those_of_handlers() -> None:
    with isolated(Catching()) as module:
        asked = raising("handler")
        found = observe(Network(module), Batch(torch.randn(4, 2), torch.arange(4) % 2), [asked])
    assert isinstance(found[asked].error, ArithmeticError)


# What may be yielded --------------------


def asking(setting: Any, *requests: Any, **declared: Any) -> Any:
    """An observation that yields these, made of the pass where they are functions."""

    @observation(setting=setting, **declared)
    def wrong(p: Any) -> Any:
        for request in requests:
            yield request(p) if callable(request) else request

    return wrong()


LAYERS: Callable[[Any], Any] = lambda p: (Grad("loss", p.layers),)  # noqa: E731
DECLARED = {"labels": True, "order": 1}


@pytest.mark.parametrize(
    ("asked", "part"),
    [
        (asking(Forward(), "a text"), "yields a str"),
        (asking(Forward(), NEXT), "yields NEXT, where FORWARD"),
        (asking(Forward(), (Grad("loss", ()),), **DECLARED), "yields a tuple, where FORWARD"),
        (asking(Forward(), FORWARD, FORWARD), "not a tuple of Grad"),
        (asking(Forward(), FORWARD, ()), "not a tuple of Grad"),
        (asking(Forward(), FORWARD, LAYERS, LAYERS, **DECLARED), "where nothing"),
        (asking(PerSample(), FORWARD, **DECLARED), "yields FORWARD, where NEXT"),
        (asking(PerSample(), *[NEXT] * 20, **DECLARED), "where nothing"),
        (asking(PerSample(), NEXT), "does not declare"),
        (asking(ConstantWeights(), FORWARD), "yields FORWARD"),
        (asking(ConstantWeights(), (1.0,), (1.0,)), "where nothing"),
        (asking(NoForward(), FORWARD), "where nothing"),
    ],
)
def test_anything_else_is_a_type_error_of_that_observation(asked: Any, part: str) -> None:
    fails(asked, TypeError, part)


@pytest.mark.parametrize(
    ("asked", "missing"),
    [
        (asking(Forward(), FORWARD, LAYERS, labels=True), "order=1"),
        (asking(Forward(), FORWARD, LAYERS, order=1), "labels=True"),
        (asking(Forward(), FORWARD, lambda p: (Grad("hessian", p.layers),), **DECLARED), "order=2"),
        (asking(Forward(), FORWARD, lambda p: (Grad("logits", [p.inputs]),), order=1), "input_gradient=True"),
        (asking(Forward(), FORWARD, lambda p: (Grad("outputs", p.layers),), order=1), "of="),
    ],
)
def test_gradients_are_declared(asked: Any, missing: str) -> None:
    fails(asked, TypeError, missing)


@pytest.mark.parametrize("setting", [Forward(), PerSample(), ConstantWeights()])
def test_a_function_without_yield_is_a_type_error(setting: Any) -> None:
    @observation(setting=setting, **DECLARED)
    def plain(p: Any) -> float:
        return 1.0

    fails(plain(), TypeError, "has no yield")


def test_what_is_registered_after_the_forward_run_is_refused() -> None:
    @observation()
    def late(p: Any) -> Any:
        yield FORWARD
        p.on("relu", print)

    fails(late(), TypeError, "p.on comes before FORWARD")


def test_an_unknown_kind_of_calls_names_the_known() -> None:
    @observation()
    def unknown(p: Any) -> Any:
        p.on("swish", print)
        yield FORWARD

    fails(unknown(), ValueError, "relu")


def test_arguments_make_values() -> None:
    assert sample_grams("raw") == sample_grams(kind="raw", by_class=True) != sample_grams()
    assert weight_gradients(setting=Forward(noise=1.0)) != weight_gradients()
    with pytest.raises(TypeError, match="unhashable"):
        sample_grams(["raw"])
    with pytest.raises(TypeError, match="unexpected"):
        sample_grams(kinds="raw")

    @observation(setting=lambda noise: Forward(noise=noise))
    def noisy(p: Any, noise: float) -> Any:
        yield FORWARD

    assert noisy(2.0).setting == Forward(noise=2.0)


# Global states --------------------


def _push() -> None:
    from naslib_zc_plugin.passes.capture import Watch

    Watch().__enter__()


def _push_dispatch() -> None:
    from torch.utils._python_dispatch import TorchDispatchMode

    TorchDispatchMode().__enter__()


CHANGES: dict[str, Callable[[], Any]] = {
    "the grad mode": lambda: torch.set_grad_enabled(not torch.is_grad_enabled()),
    "the default type": lambda: torch.set_default_dtype(torch.float64),
    "the stack of modes": _push,
    "the stack of modes of dispatch": _push_dispatch,
    "a random state": lambda: torch.rand(1),
    "a random state of numpy": lambda: np.random.rand(),
    "a random state of Python": lambda: random.random(),
}


@pytest.mark.parametrize("change", sorted(CHANGES))
@pytest.mark.parametrize("stage", ["before", "after", "end"])
def test_an_observation_that_changes_a_global_state_fails_and_the_state_is_restored(change: str, stage: str) -> None:
    @observation(order=1)
    def changing(p: Any) -> Any:
        if stage == "before":
            CHANGES[change]()
        yield FORWARD
        if stage == "after":
            CHANGES[change]()
        yield (Grad("logits", p.layers),)
        if stage == "end":
            CHANGES[change]()

    state = global_state()
    fails(changing(), RuntimeError, change.split(" of ")[0])
    assert global_state() == state


@pytest.mark.parametrize("change", ["the grad mode", "the default type"])
def test_a_handler_that_changes_a_global_state_fails_and_the_state_is_restored(change: str) -> None:
    @observation()
    def changing(p: Any) -> Any:
        p.on("relu", lambda output: CHANGES[change]() and None)
        yield FORWARD

    fails(changing(), RuntimeError, "changed")


def test_a_mode_that_is_open_at_a_request_is_closed() -> None:
    @observation()
    def open_(p: Any) -> Any:
        with torch.no_grad():
            yield FORWARD

    @observation(order=1)
    def closing(p: Any) -> Any:
        try:
            yield FORWARD
            yield "nothing"
        finally:
            torch.set_grad_enabled(False)
            raise ArithmeticError("as it closes")

    fails(open_(), RuntimeError, "grad mode")
    fails(closing(), TypeError, "not a tuple of Grad")


def test_what_an_observation_draws_does_not_depend_on_company() -> None:
    @observation()
    def drawing(p: Any) -> Any:
        yield FORWARD
        return torch.randn(3, generator=p.generator("mine"))

    alone, among = outcomes(drawing()), outcomes(*OTHERS[Forward], drawing())
    assert torch.equal(alone[drawing()].value, among[drawing()].value)


# Gradients --------------------


def test_a_pass_in_which_nothing_is_declared_has_no_graph() -> None:
    @observation()
    def graph(p: Any) -> Any:
        logits = yield FORWARD
        return logits.requires_grad

    assert outcomes(graph())[graph()].value is False
    assert outcomes(graph(), weight_gradients())[graph()].value is True


def test_every_target_is_that_of_autograd() -> None:
    @observation(labels=True, order=1, input_gradient=True)
    def every(p: Any) -> Any:
        logits = yield FORWARD
        weights = list(p.weights.values())
        by_logits, by_loss, one, each, scalar = yield (
            Grad("logits", [p.inputs]),
            Grad("loss", weights),
            Grad(logits, weights, grad_outputs=torch.eye(*logits.shape)),
            Grad("each", weights[:1]),
            Grad(logits[0].sum(), weights[:1]),
        )
        return by_logits, by_loss, one, each, scalar

    case = NETWORKS["conv_bn_relu"]()
    by_logits, by_loss, one, each, scalar = outcomes(every(), weight_gradients())[every()].value
    x = case.batch[0].clone().requires_grad_()
    logits, weights = case.net(x), list(case.net.parameters())
    expected = torch.autograd.grad(logits.sum(), x, retain_graph=True)
    torch.testing.assert_close(by_logits[0], expected[0])
    loss = F.cross_entropy(logits, case.batch[1])
    for a, b in zip(by_loss, torch.autograd.grad(loss, weights, retain_graph=True)):
        torch.testing.assert_close(a, b)
    for a, b in zip(one, torch.autograd.grad(logits, weights, torch.eye(*logits.shape), retain_graph=True)):
        torch.testing.assert_close(a, b)
    assert len(each) == len(logits)
    torch.testing.assert_close(each[0][0], torch.autograd.grad(logits[0].sum(), weights[0])[0])
    torch.testing.assert_close(scalar[0], each[0][0])


def test_what_a_target_does_not_depend_on_is_zero_or_none() -> None:
    @observation(order=1)
    def unused(p: Any) -> Any:
        yield FORWARD
        spare = torch.ones(2, requires_grad=True)
        return (yield (Grad("logits", [spare]), Grad("logits", [spare], zeros=False)))

    (zeros,), (nothing,) = outcomes(unused())[unused()].value
    assert torch.equal(zeros, torch.zeros(2))
    assert nothing is None


def test_an_undefined_loss_is_that_of_those_that_need_it() -> None:
    case = NETWORKS["conv_bn_relu"]()
    batch = Batch(*case.batch, lambda output, labels: output.sum() / 0)
    with isolated(case.net) as module:
        found = observe(Network(module), batch, [weight_gradients(), hessian_times_gradient(), relu_agreement()])
    assert isinstance(found[weight_gradients()].error, Undefined)
    assert isinstance(found[hessian_times_gradient()].error, Undefined)
    assert found[relu_agreement()].error is None


@observation(labels=True, order=1)
def folding(p: Any, held: Any) -> Any:
    """Count how many gradients of outputs are alive while they are folded, and how many outputs at the end."""
    outputs: list[Any] = []
    alive: list[Any] = []

    def see(call: Any) -> Tensor:
        outputs.append(call.output)
        held.outputs.append(weakref.ref(call.output))
        return call.output.clone()

    def fold(place: int, gradient: Tensor) -> None:
        outputs[place] = None
        alive.append(weakref.ref(gradient))
        held.most = max(held.most, sum(ref() is not None for ref in alive))
        held.left.append(sum(ref() is not None for ref in held.outputs))

    p.on_layers(see)
    yield FORWARD
    yield (Grad("loss", tuple(outputs), fold=fold),)


class Held:
    """What a fold finds alive."""

    def __init__(self) -> None:
        self.outputs: list[Any] = []
        self.left: list[int] = []
        self.most = 0


def test_folds_hold_one_gradient_at_a_time_and_let_outputs_go() -> None:
    net = nn.Sequential(*(nn.Sequential(nn.Linear(8, 8), nn.Tanh()) for _ in range(6)))
    held = Held()
    with isolated(net) as module:
        found = observe(Network(module), Batch(torch.randn(4, 8), torch.arange(4)), [folding(held)])
    assert [outcome.error for outcome in found.values()] == [None]
    assert held.most == 1
    assert held.left == [5, 4, 3, 2, 1, 0]


def test_a_chunk_is_let_go_before_the_next_is_made() -> None:
    alive: list[Any] = []

    @observation(labels=True, order=1, setting=PerSample())
    def counting(p: Any) -> Any:
        most = 0
        while (chunk := (yield NEXT)) is not None:
            most = max(most, sum(ref() is not None for ref in alive))
            alive.extend(weakref.ref(gradient) for gradient in chunk.gradients)
        return most

    assert outcomes(counting())[counting()].value == 0


def test_a_thousand_scores_leave_nothing_behind(caplog: pytest.LogCaptureFixture) -> None:
    net = nn.Sequential(nn.Linear(4, 5), nn.ReLU(), nn.Linear(5, 3))
    batch = torch.randn(6, 4), torch.arange(6) % 3
    names = [
        "fisher",
        "snip",
        "grasp",
        "naswot",
        "jacov",
        "gradsign",
        "synflow",
        "epsilon",
        "head_confidence",
        "params",
    ]
    caplog.set_level(logging.INFO)
    zc.score(net, batch, names)
    gc.collect()
    gc.disable()
    try:
        before = sum(type(found) in (Tensor, nn.Parameter) for found in gc.get_objects())
        for _ in range(1000 // len(names)):
            zc.score(net, batch, names)
        after = sum(type(found) in (Tensor, nn.Parameter) for found in gc.get_objects())
        assert after == before, "tensors wait for the garbage collector: something refers to itself"
    finally:
        gc.enable()
