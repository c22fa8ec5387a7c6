"""A borrowed network comes back bitwise as it was, whatever was done to it."""

from __future__ import annotations

import _thread
import signal
import threading
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils.checkpoint import CheckpointFunction, checkpoint

import naslib_zc_plugin as zc
from naslib_zc_plugin.extend import observation
from naslib_zc_plugin.passes import FORWARD, Batch, Network, Steps, isolated, observe
from naslib_zc_plugin.passes.seeding import Turn
from naslib_zc_plugin.testing import NETWORKS, fingerprint, global_state


class Rich(nn.Module):
    """State of every kind, nested, shared and cyclic."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(3, 3)
        self.register_buffer("buffer", torch.zeros(3))
        self.register_buffer("nothing", None)
        self.plain = torch.arange(3.0)
        self.view = self.plain[1:]
        self.inside = [{"deep": (deque([torch.zeros(2)]), {1, 2})}, {3}]
        self.hidden = {"module": [nn.BatchNorm1d(3)]}
        self.cycle: list[object] = [self]
        self.cycle.append(self.cycle)
        self.frozen = frozenset({1})
        self.alias = self.inside[0]

    def forward(self, x: Tensor) -> Tensor:
        return self.layer(x)


def wreck(net: Rich) -> None:
    """Everything that a forward run might do."""
    net.buffer.add_(1)
    net.buffer = torch.ones(3)
    net.nothing = torch.ones(1)
    net.plain.mul_(2)
    net.inside[0]["deep"][0].append(1)
    net.inside[0]["deep"][0][0].add_(1)
    net.inside[0]["deep"][1].clear()
    net.inside.append(4)
    net.inside[0]["new"] = 1
    hidden = net.hidden["module"][0]
    hidden.running_mean.add_(1)
    hidden.eval()
    hidden.extra = 1
    net.hidden.clear()
    net.cycle.clear()
    net.added = nn.Linear(1, 1)
    net.layer.register_forward_hook(lambda *_: None)
    net.layer.bias = None
    net.layer = nn.Identity()
    del net.frozen
    net.eval()
    net.__class__ = nn.Identity  # type: ignore[assignment]


@pytest.mark.parametrize("error", [None, RuntimeError, KeyboardInterrupt, GeneratorExit])
def test_a_wrecked_network_is_restored(error: type[BaseException] | None) -> None:
    net = Rich()
    before, state = fingerprint(net), global_state()
    try:
        with isolated(net) as module:
            assert module is net
            torch.rand(2)
            wreck(net)
            assert before.changes(fingerprint(net)) != []
            if error:
                raise error("in the middle")
    except (RuntimeError, KeyboardInterrupt, GeneratorExit) as raised:
        assert type(raised) is error
    assert before.changes(fingerprint(net)) == []
    assert global_state() == state


def test_modes_inside_are_those_that_passes_need() -> None:
    with (
        torch.no_grad(),
        torch.inference_mode(),
        torch.autocast("cpu", dtype=torch.bfloat16),
        isolated(nn.Linear(1, 1)),
    ):
        assert torch.is_grad_enabled()
        assert not torch.is_inference_mode_enabled()
        assert (torch.ones(1, 1) @ torch.ones(1, 1)).dtype == torch.float32, "autocast is on"


@pytest.mark.parametrize("runs", [True, False])
@pytest.mark.parametrize("name", ["weight_norm", "weight_norm_by_hook", "spectral_norm"])
def test_computed_weights_are_plain_inside(name: str, runs: bool) -> None:
    case = NETWORKS[name]()
    before = fingerprint(case.net)
    conv = next(case.net.children())
    with isolated(case.net, runs) as module:
        Network(module)
        assert type(conv) is nn.Conv2d
        assert isinstance(conv.weight, nn.Parameter)
        assert sorted(name for name, _ in conv.named_parameters()) == ["bias", "weight"]
    assert before.changes(fingerprint(case.net)) == []


def test_the_value_is_that_of_the_network_with_plain_weights() -> None:
    computed = NETWORKS["weight_norm"]()
    conv = next(computed.net.children())
    plain = nn.Conv2d(3, 6, 3)
    with torch.no_grad():
        plain.weight.copy_(conv.weight)
        plain.bias.copy_(conv.bias)  # type: ignore[union-attr]
    same = nn.Sequential(plain, *list(computed.net.children())[1:])
    names = ["naswot", "grad_norm", "snip", "fisher", "synflow", "gradsign", "l2_norm", "flops"]
    one, other = computed.score(names), zc.score(same, computed.batch, names)
    for name in names:
        assert one[name].value == pytest.approx(other[name].value, rel=1e-6)


def test_scoring_thrice_gives_the_same() -> None:
    for name in ("stateful", "spectral_norm", "weight_norm_by_hook", "eval_mode"):
        case = NETWORKS[name]()
        first, *others = ({n: s.value for n, s in case.score(zc.list_proxies()).items()} for _ in range(3))
        assert others == [first, first]


# Threads and signals --------------------


class Drawing(nn.Module):
    """Takes one of six layers, as a global generator draws."""

    def __init__(self) -> None:
        super().__init__()
        self.layers, self.calls = nn.ModuleList(nn.Linear(4, 8) for _ in range(6)), 0

    def forward(self, x: Tensor) -> Tensor:
        self.calls += 1
        return torch.relu(self.layers[int(torch.randint(6, ()))](x))


@observation()
def hidden_states(p: Any) -> Steps[list[float]]:
    return (yield FORWARD).flatten().tolist()


def observed(net: nn.Module, seed: int) -> Any:
    asked = hidden_states()
    with isolated(net) as module:
        network = Network(module)
        outcome = observe(network, Batch(torch.ones(3, 4)), [asked], seed)[asked]
    assert outcome.error is None
    return outcome.value


def test_threads_that_isolate_and_observe_take_turns() -> None:
    nets = [Drawing() for _ in range(4)]
    expected = [observed(net, seed) for seed, net in enumerate(nets)]
    with ThreadPoolExecutor(4) as pool:
        for _ in range(3):
            assert list(pool.map(observed, nets, range(4))) == expected
        assert list(pool.map(observed, [nets[0]] * 4, range(4))) == [observed(nets[0], seed) for seed in range(4)]
    assert [net.calls for net in nets] == [0] * 4


def test_threads_may_observe_one_isolated_network() -> None:
    """The thread that isolates waits for the others, as a pool does."""
    asked = hidden_states()
    with isolated(Drawing()) as module:
        network, batch = Network(module), Batch(torch.ones(3, 4))

        def made(seed: int) -> Any:
            return observe(network, batch, [asked], seed)[asked].value

        expected = [made(seed) for seed in range(4)]
        with ThreadPoolExecutor(4) as pool:
            assert list(pool.map(made, range(4))) == expected


def test_an_interrupt_ends_waiting_for_ones_turn() -> None:
    holds, over, raised = threading.Event(), threading.Event(), list[int]()

    def hold() -> None:
        with Turn("states"):
            holds.set()
            while not over.wait(0.01):
                _thread.interrupt_main()

    def once(number: int, frame: Any) -> None:
        raised.append(number)
        if len(raised) == 1:
            raise KeyboardInterrupt

    thread, net, before = threading.Thread(target=hold), nn.Linear(1, 1), signal.signal(signal.SIGINT, once)
    raised.append(0)  # not before the network is asked for
    try:
        thread.start()
        holds.wait(60)
        raised.clear()
        with pytest.raises(KeyboardInterrupt), isolated(net):
            raise AssertionError("it is the other thread's turn")
    finally:
        over.set()
        thread.join()
        assert signal.getsignal(signal.SIGINT) is once
        signal.signal(signal.SIGINT, before)
    with isolated(net):
        pass


def test_settings_that_a_run_changes_are_put_back() -> None:
    net, before = nn.Linear(1, 1), global_state()
    with isolated(net):
        torch.set_default_dtype(torch.float64)
        torch.set_num_threads(torch.get_num_threads() + 1)
        torch.use_deterministic_algorithms(True)
        torch.set_anomaly_enabled(True)
        torch.set_float32_matmul_precision("medium")
        torch.rand(2)
    assert global_state() == before
    assert torch.get_float32_matmul_precision() == "highest"


def test_a_context_that_nobody_leaves_ends_with_itself() -> None:
    net = Rich()
    before, state = fingerprint(net), global_state()
    context = isolated(net)
    wreck(context.__enter__())  # type: ignore[arg-type]
    del context
    assert before.changes(fingerprint(net)) == []
    assert global_state() == state
    with ThreadPoolExecutor(1) as pool:

        def free() -> bool:
            turn = Turn("states")
            taken = turn.take(10)
            turn.end()
            return taken

        assert pool.submit(free).result()


class Checkpointed(nn.Module):
    """A network whose trunk a checkpoint computes again, in torch's older or newer way, or none."""

    def __init__(self, reentrant: bool | None, activation: nn.Module) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.trunk = nn.Sequential(nn.Conv2d(3, 5, 3), nn.BatchNorm2d(5), activation, nn.Conv2d(5, 6, 3))
        self.head, self.reentrant = nn.Linear(6, 4), reentrant

    def forward(self, x: Tensor) -> Tensor:
        if self.reentrant is None:
            hidden = self.trunk(x)
        else:
            hidden = checkpoint(lambda x: self.trunk(x).float(), x, use_reentrant=self.reentrant)
        return self.head(hidden.relu().mean((2, 3)))


@pytest.mark.parametrize("activation", [nn.ReLU(), nn.Hardsigmoid()], ids=["relu", "hardsigmoid"])
@pytest.mark.parametrize("reentrant", [False, True])
def test_a_checkpoint_changes_no_score(reentrant: bool, activation: nn.Module) -> None:
    names = ["synflow", "grasp", "snip", "ntk", "fisher", "jacov", "gradsign", "epsilon", "naswot"]
    batch = torch.randn(6, 3, 8, 8), torch.arange(6) % 4
    found, right = (zc.score(Checkpointed(way, activation), batch, names) for way in (reentrant, None))
    for name in names:
        assert (found[name].status, found[name].value) == (
            right[name].status,
            right[name].value if right[name].value is None else pytest.approx(right[name].value, rel=1e-4),
        ), found[name].reason
    assert "apply" not in vars(CheckpointFunction)
