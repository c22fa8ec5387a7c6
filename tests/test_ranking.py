"""Networks ranked side by side: the numbers by hand, what has no rank and why, and how it is shown."""

from __future__ import annotations

import gc
import json
import math
import weakref
from pathlib import Path
from typing import Any, Callable

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

import naslib_zc_plugin as zc
from naslib_zc_plugin import candidates, ranked
from naslib_zc_plugin.aggregates import AGGREGATES
from naslib_zc_plugin.candidates import stand_in
from naslib_zc_plugin.latency import Latency, this_machine
from naslib_zc_plugin.passes.seeding import derived_seed
from naslib_zc_plugin.ranked import measured_pairs, pairs_in_order
from naslib_zc_plugin.testing import fingerprint, global_state

SHAPE = (3, 8, 8)
QUICK = ["synflow", "jacov", "params"]


def cnn(width: int = 8, depth: int = 2, act: type[nn.Module] = nn.ReLU) -> nn.Module:
    layers: list[nn.Module] = [nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), act()]
    widths = [8, *[width] * (depth - 1), 8]
    for before, after in zip(widths, widths[1:]):
        layers += [nn.Conv2d(before, after, 3, padding=1), nn.BatchNorm2d(after), act()]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 4))


def mlp(width: int = 8) -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(192, width), nn.ReLU(), nn.Linear(width, 4))


class Transformer(nn.Module):
    """Patches of images (a vision transformer), or their rows, and blocks of attention."""

    def __init__(self, width: int = 16, patch: int = 4) -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, width, patch, patch) if patch else nn.Linear(24, width)
        layer = nn.TransformerEncoderLayer(width, 2, 2 * width, activation="gelu", batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 1, enable_nested_tensor=False)
        self.token, self.head = nn.Parameter(torch.randn(width)), nn.Linear(width, 4)

    def forward(self, x: Tensor) -> Tensor:
        rows = isinstance(self.patches, nn.Linear)
        x = self.patches(x.transpose(1, 2).flatten(2)) if rows else self.patches(x).flatten(2).transpose(1, 2)
        return self.head((self.encoder(x) + self.token).mean(1))


class Failing(nn.Module):
    def __init__(self, how: str) -> None:
        super().__init__()
        self.how, self.layer = how, nn.Linear(192, 4)

    def forward(self, x: Tensor) -> Tensor:
        if self.how == "raises":
            raise RuntimeError("the kernel is too wide")
        return self.layer(x.flatten(1)) * {"nan": math.nan, "still": 0.0}[self.how]


def refuses() -> nn.Module:
    raise ValueError("no such layer")


def trained(net: nn.Module) -> nn.Module:
    with torch.no_grad():
        for value in [*net.parameters(), *net.buffers()]:
            if value.is_floating_point():
                value.mul_(1.5).add_(0.1)
    return net


FOUR: dict[str, Callable[[], nn.Module]] = {
    "a": lambda: cnn(8), "b": lambda: cnn(12), "c": lambda: cnn(8, 3), "d": lambda: mlp(16),
}  # fmt: skip


def loops_joint(rows: list[list[float]]) -> list[float]:
    """Sums of the logarithms of average ranks over the number of candidates."""
    joint = []
    for place in range(len(rows[0])):
        total = 0.0
        for row in rows:
            worse, equal = sum(v < row[place] for v in row), sum(v == row[place] for v in row)
            total += math.log((worse + (equal + 1) / 2) / len(row))
        joint.append(total)
    return joint


# Numbers --------------------


def test_the_rank_is_the_log_rank_sum_of_the_scores() -> None:
    x = torch.randn(8, *SHAPE)
    names = [*QUICK, "ntk"]  # of ntk lower is better
    found = zc.rank(FOUR, x, names, seed=3)
    rows: list[list[float]] = [[] for _ in names]
    for make in FOUR.values():
        scores = zc.score(make(), x, names, seed=3, weights="fresh")
        for row, name in zip(rows, names):
            row.append(scores[name].value * (-1 if name == "ntk" else 1))
    expected = dict(zip(FOUR, loops_joint(rows)))
    assert {row.name: row.joint for row in found} == pytest.approx(expected)
    assert found.order == sorted(expected, key=lambda name: -expected[name])
    assert [row.place for row in found] == sorted(row.place for row in found if row.place)
    for name, row in zip(names, rows):
        for place, candidate in enumerate(FOUR):
            better, equal = sum(v > row[place] for v in row), sum(v == row[place] for v in row)
            assert found[candidate].ranks[name] == better + (equal + 1) / 2
    assert found["a"].scores["flops"].value == zc.score(cnn(8), x, "flops")["flops"].value
    assert found.members == names and not found.dropped and not found.why


def test_equals_share_the_better_place() -> None:
    found = zc.rank({"a": cnn, "b": cnn, "c": lambda: cnn(16)}, shape=SHAPE, proxies="params")
    assert [(row.name, row.place) for row in found] == [("c", 1), ("a", 2), ("b", 2)]
    assert found["a"].ranks["params"] == 2.5


def test_a_trained_network_beside_a_new_one() -> None:
    nets = {"trained": trained(cnn()), "new": cnn(), "built": cnn, "other": lambda: cnn(12)}
    fresh = zc.rank(nets, shape=SHAPE, proxies=["synflow", "jacov", "zen"])
    assert fresh["trained"].scores["jacov"].value == fresh["new"].scores["jacov"].value
    assert fresh["trained"].joint == fresh["new"].joint == fresh["built"].joint
    given = zc.rank(nets, shape=SHAPE, proxies=["synflow", "jacov"], weights="given")
    assert given["trained"].scores["synflow"].value != given["new"].scores["synflow"].value
    assert "the weights are those that the candidates hold." in str(given)


def test_what_is_given_is_left_as_it_was() -> None:
    net, x = trained(cnn()), torch.randn(8, *SHAPE)
    before, state = fingerprint(net), global_state()
    zc.rank({"net": net, "built": lambda: cnn(12)}, x, QUICK, seeds=2)
    assert fingerprint(net) == before
    assert global_state() == state


@given(st.lists(st.lists(st.integers(0, 3), min_size=2, max_size=6), min_size=1, max_size=3))
def test_any_scores_are_joined_as_by_hand(values: list[list[int]]) -> None:
    count = min(map(len, values))
    labels = [f"p{number}" for number in range(len(values))]
    fields = {"status": "ok", "reason": "", "seconds": 0.0, "spread": None, "name": "params", "version": 1}
    records = {}
    for place in range(count):
        scores = {label: {"value": float(row[place]), **fields} for label, row in zip(labels, values)}
        sizes = {name: {"value": 1.0, **fields} for name in ("params", "flops")}
        records[f"n{place}"] = {"scores": [{**scores, **sizes}], "layout": None, "seconds": 1.0}
    from naslib_zc_plugin.ranking import joined, recipes_of

    found = joined(records, recipes_of([zc.proxy("params", label=label) for label in labels]))
    expected = loops_joint([[float(v) for v in row[:count]] for row in values])
    assert [found[f"n{place}"].joint for place in range(count)] == pytest.approx(expected)
    for row in found:
        assert row.place == 1 + sum(other.joint > row.joint for other in found)  # type: ignore[operator]


# What has no rank --------------------


def test_what_fails_is_named_and_the_rest_is_ranked() -> None:
    nets = {
        "raises": Failing("raises"), "nan": Failing("nan"), "still": Failing("still"), "unbuilt": refuses,
        "nothing": lambda: 3, "class": nn.Linear, **FOUR,
    }  # fmt: skip
    found = zc.rank(nets, shape=SHAPE, proxies=["synflow", "jacov"])
    assert found.order[-1] == "still" and set(found.order) == {"still", *FOUR}
    assert found["still"].scores["jacov"].status == "undefined" and found["still"].ranks["jacov"] == 5
    reasons = {row.name: row.reason for row in found if row.place is None}
    assert "RuntimeError: the kernel is too wide" in reasons["raises"]
    assert reasons["nan"] == "its outputs are NaN"
    assert reasons["unbuilt"] == "it cannot be built: ValueError: no such layer"
    assert reasons["nothing"] == "it cannot be built: TypeError: the function returned a int, not a torch.nn.Module"
    assert "missing 2 required positional arguments" in reasons["class"]
    alone = zc.rank({name: nets[name] for name in ("still", *FOUR)}, shape=SHAPE, proxies=["synflow", "jacov"])
    assert {row.name: row.joint for row in alone} == {row.name: row.joint for row in found if row.place}


def test_a_network_whose_outputs_are_nan_has_no_rank_by_its_size_either() -> None:
    found = zc.rank({"nan": Failing("nan"), **FOUR}, shape=SHAPE, proxies=["params"])
    assert set(found.order) == set(FOUR) and found["nan"].reason == "its outputs are NaN"


def test_a_proxy_that_does_not_cover_a_candidate_has_no_part() -> None:
    nets = {"relu": cnn, "wide": lambda: cnn(16), "gelu": lambda: cnn(act=nn.GELU)}
    found = zc.rank(nets, shape=SHAPE, proxies=["naswot", "synflow", "snip", "hidden_covariance"])
    assert found.members == ["synflow"] and len(found.order) == 3
    assert found.dropped["naswot"] == "it does not apply to gelu (no ReLU was seen in the forward pass)"
    assert "labels are needed" in found.dropped["snip"]
    assert "naswot has no part: it does not apply to gelu" in str(found)
    # Of one that nothing covers the others lose no proxy.
    alone = zc.rank(nets, shape=SHAPE, proxies=["naswot"])
    assert set(alone.order) == {"relu", "wide"}
    assert alone["gelu"].reason == "no ReLU was seen in the forward pass"


def test_a_proxy_that_is_undefined_or_fails_for_all_has_no_part() -> None:
    dead = {"a": lambda: nn.Sequential(nn.Flatten(), Zero(), nn.Linear(192, 4)), "b": lambda: Zero.net(8)}
    found = zc.rank(dead, shape=SHAPE, proxies=["jacov", "params"])
    assert found.members == ["params"]
    assert found.dropped["jacov"].startswith("it is undefined for every candidate (")
    broken = zc.rank({"a": Failing(True), "b": Failing(True)}, shape=SHAPE, proxies=["jacov", "params"])
    assert broken.members == ["params"] and broken.dropped["jacov"].startswith("it failed for every candidate (")
    nothing = zc.rank(dead, shape=SHAPE, proxies=["jacov"])
    assert nothing.order == [] and nothing.rows[0].reason == "no proxy says anything of the candidates"
    assert "0 of 2 candidates ranked" in str(nothing)


class Zero(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x * 0

    @classmethod
    def net(cls, width: int) -> nn.Module:
        return nn.Sequential(nn.Flatten(), cls(), nn.Linear(192, width), nn.ReLU(), nn.Linear(width, 4))


# Recipes --------------------


@pytest.mark.parametrize("seeds", [1, 2])
def test_networks_of_every_kind_in_one_call(seeds: int) -> None:
    nets = {
        "mlp": mlp, "cnn": cnn, "deep": lambda: cnn(8, 4), "vit": Transformer, "encoder": lambda: Transformer(patch=0),
        "broken": refuses, "trained": trained(cnn()),
    }  # fmt: skip
    found = zc.rank(nets, shape=SHAPE, seeds=seeds)
    assert found.recipe.kind == "recommended_models" and set(found.order) == set(nets) - {"broken"}
    assert "differ in their skeleton" in found.why
    assert found["trained"].joint == found["cnn"].joint
    assert any(
        "fresh weights leave scales and tokens as they are held in vit, encoder (token)" in n for n in found.notes
    )
    assert all(read for name in found.order for read in found.modules_read(name).values())


def test_candidates_of_one_skeleton_have_the_recipe_of_one_space() -> None:
    nets = {"a": cnn, "b": lambda: cnn(12), "c": lambda: cnn(8, 3)}
    found = zc.rank(nets, shape=SHAPE)
    assert found.recipe.kind == "recommended"
    assert found.why == "the candidates have one skeleton, and 5 of 5 kinds of operations in common"
    assert f"recommended: {found.why}." in str(found)
    other = zc.rank(nets, shape=SHAPE, alike=False)
    assert other.recipe.kind == "recommended_models" and not other.why
    assert set(found["a"].scores) >= set(found.members) | {"params", "flops"}
    mixed = zc.rank({"a": cnn, "m": lambda: mlp(8)}, shape=SHAPE, alike=True)
    assert mixed.recipe.kind == "recommended"


def test_networks_with_few_operations_in_common_are_unlike() -> None:
    class Other(nn.Module):
        """Begins and ends as the rest, but in between has other operations."""

        def __init__(self) -> None:
            super().__init__()
            middle = [nn.GELU(), nn.GroupNorm(2, 8), nn.Conv2d(8, 8, 3, 1, 1, groups=8), nn.SiLU(), nn.Tanh(), nn.ELU()]
            self.body = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), *middle, nn.AdaptiveAvgPool2d(1))
            self.head = nn.Linear(8, 4)

        def forward(self, x: Tensor) -> Tensor:
            return self.head(self.body(x).flatten(1))

    found = zc.rank({"a": cnn, "other": Other}, shape=SHAPE)
    assert found.recipe.kind == "recommended_models"
    assert found.why == "the candidates have only 3 of 11 kinds of operations in common"


def test_a_recipe_or_a_kind_by_name() -> None:
    for name, kind in (("az_nas", "az_nas"), ("rank_sum:synflow,params", "rank_sum"), ("vote", "vote")):
        found = zc.rank({"a": cnn, "b": lambda: cnn(12)}, torch.randn(8, *SHAPE), name)
        assert found.recipe.kind == kind and len(found.order) == 2
    assert zc.rank({"a": cnn}, shape=SHAPE, proxies="tenas").recipe.kind == "tenas"


# Draws of weights --------------------


def test_draws_of_weights_say_what_is_stable() -> None:
    nets = {"a": lambda: mlp(8), "b": lambda: mlp(9), "big": lambda: mlp(64)}
    found = zc.rank(nets, shape=SHAPE, proxies=["synflow", "jacov"], seeds=4, seed=1)
    alone = [
        zc.rank(nets, shape=SHAPE, proxies=["synflow", "jacov"], seed=seed, samples=32)
        for seed in [1, *(derived_seed(1, number) for number in (1, 2, 3))]
    ]
    first = alone[0]
    for row in found:
        assert row.places[0] == first[row.name].place
        assert len(row.places) == 4
        spread = row.scores["synflow"].spread
        assert spread is not None and spread > 0
    for row, below in zip(found.rows, found.rows[1:]):
        ahead = [(a < b) + 0.5 * (a == b) for a, b in zip(row.places, below.places)]
        assert row.kept == pytest.approx(sum(ahead) / 4)
    assert found.rows[-1].kept is None
    assert "kept: share of the draws of weights" in str(found) and "kept" not in str(first)
    assert str(zc.rank(nets, shape=SHAPE, proxies="params", seeds=2)).count("100%") >= 2


# Resuming --------------------


def test_known_candidates_are_not_built_again() -> None:
    known: dict[str, Any] = {}
    built: list[str] = []

    def counted(name: str) -> Callable[[], nn.Module]:
        return lambda: (built.append(name), FOUR[name]())[1]

    options: dict[str, Any] = {"shape": SHAPE, "proxies": QUICK}
    zc.rank({name: counted(name) for name in ("a", "b")}, known=known, **options)
    stored = json.loads(json.dumps(known))
    seen: list[str] = []
    found = zc.rank({n: counted(n) for n in FOUR}, known=stored, report=lambda name, _: seen.append(name), **options)
    assert built == ["a", "b", "c", "d"] and seen == list(FOUR) == list(stored)
    whole = zc.rank(FOUR, **options)
    assert [(row.name, row.joint, row.place) for row in found] == [(r.name, r.joint, r.place) for r in whole]


def test_an_interrupt_leaves_what_was_done() -> None:
    known: dict[str, Any] = {}

    def stops() -> nn.Module:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        zc.rank({"a": cnn, "stop": stops, "b": cnn}, shape=SHAPE, proxies=QUICK, known=known)
    assert list(known) == ["a"]


def test_networks_are_let_go_one_by_one() -> None:
    alive: list[Any] = []

    def pairs() -> Any:
        for number in range(3):
            gc.collect()
            assert sum(each() is not None for each in alive) <= 1  # the last one, which the loop holds
            net = cnn()
            alive.append(weakref.ref(net))
            yield f"n{number}", net
            del net

    found = zc.rank(pairs(), shape=SHAPE, proxies=QUICK)
    gc.collect()
    assert not any(each() for each in alive)
    with pytest.raises(ValueError, match="the network is gone: rank a mapping"):
        found.modules_read("n0")


# Inputs --------------------


def test_batches_of_every_form() -> None:
    x, y = torch.randn(8, *SHAPE), torch.arange(8) % 4
    nets = {"a": cnn, "b": lambda: cnn(12)}
    alone = zc.rank(nets, x, ["jacov", "synflow"])
    for batch in ((x, None), (x, y), DataLoader(TensorDataset(x, y), batch_size=8)):
        found = zc.rank(nets, batch, ["jacov", "synflow"])
        assert {row.name: row.scores["jacov"].value for row in found} == {
            row.name: row.scores["jacov"].value for row in alone
        }
    assert zc.rank(nets, (x, y), ["snip"]).order and not zc.rank(nets, (x, None), ["snip"]).order
    assert not any("noise" in note for note in alone.notes)
    assert "without a batch: 32 samples of noise." in str(zc.rank(nets, shape=SHAPE, proxies="params"))


def test_noise_stands_in_for_inputs_and_tokens() -> None:
    example = {
        "ids": torch.tensor([[5, 7, 5], [9, 5, 5]]),
        "mask": torch.ones(2, 3, dtype=torch.long),
        "x": torch.ones(2, 4),
    }
    drawn = stand_in(None, example, 64, 0)
    assert drawn["ids"].shape == (64, 3) and set(drawn["ids"].flatten().tolist()) == {5, 7, 9}
    assert drawn["mask"].tolist() == [[1] * 3] * 64
    assert drawn["x"].shape == (64, 4) and 0.8 < drawn["x"].std() < 1.2
    assert stand_in(SHAPE, None, 4, 1).equal(stand_in(SHAPE, None, 4, 1))
    with pytest.raises(ValueError, match="there is no batch: give the shape of an input"):
        zc.rank({"a": cnn}, proxies="params")
    with pytest.raises(ValueError, match="there is no batch"):
        stand_in(SHAPE, torch.ones(2), 4, 0)
    with pytest.raises(ValueError, match="the example must be a tensor"):
        stand_in(None, "x", 4, 0)


def test_networks_of_tokens() -> None:
    def net(width: int) -> nn.Module:
        layer = nn.TransformerEncoderLayer(width, 2, 2 * width, activation="gelu", batch_first=True)
        return nn.Sequential(
            nn.Embedding(20, width),
            nn.TransformerEncoder(layer, 1, enable_nested_tensor=False),
            Mean(),
            nn.Linear(width, 3),
        )

    found = zc.rank({"small": lambda: net(8), "large": lambda: net(16)}, example=torch.randint(20, (4, 6)))
    assert len(found.order) == 2 and found.recipe.kind == "recommended_models"


class Mean(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.mean(1)


@pytest.mark.parametrize(
    ("given_", "error", "message"),
    [
        ({"candidates": [("a", cnn), ("a", cnn)]}, ValueError, "there are two candidates called 'a'"),
        ({"candidates": [cnn]}, TypeError, "a candidate must be a pair of its name"),
        ({"candidates": {"a": 3}}, TypeError, "a: a network, or a function that builds it, not a int"),
        ({"candidates": 3}, TypeError, "candidates must be a mapping"),
        ({"proxies": "naswott"}, ValueError, "unknown proxy 'naswott'"),
        ({"proxies": []}, ValueError, "no proxy to rank by"),
        ({"proxies": "rank_sum"}, ValueError, "needs one proxy or more"),
        ({"seeds": 0}, ValueError, "seeds must be at least 1"),
        ({"samples": 1}, ValueError, "samples at least 2"),
        ({"weights": "new"}, ValueError, "weights must be 'fresh' or 'given'"),
        ({"batch": "xy", "shape": None}, TypeError, "batch must be a pair"),
        ({"constraints": {"parms": "<= 3"}}, ValueError, "no limit is called 'parms'; did you mean params"),
        ({"constraints": {"latency": {"device": "raspi4", "max": 3}}}, ValueError, "no table has the latency"),
    ],
)
def test_what_is_wrong_is_told(given_: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        zc.rank(**{"candidates": {"a": cnn}, "shape": SHAPE, "proxies": "params", **given_})


# Limits --------------------


def test_what_is_beyond_a_limit_is_not_scored_and_named() -> None:
    nets = {f"w{width}": (lambda width=width: mlp(width)) for width in (2, 4, 8, 64)}
    sizes = {name: sum(each.numel() for each in build().parameters()) for name, build in nets.items()}
    known: dict[str, Any] = {}
    asked = {"params": f"<= {sizes['w8']}", "flops": ">= 1", "peak_activations": {"max": 1e9, "phase": "training"}}
    found = zc.rank(nets, shape=SHAPE, proxies=["synflow", "naswot"], constraints=asked, known=known)
    assert sorted(found.order) == ["w2", "w4", "w8"]
    assert found["w64"].reason == f"beyond a limit: params is {sizes['w64']}, the limit is <= {sizes['w8']}"
    assert found["w64"].scores == {}
    assert "3 of 4 candidates are within the limits" in found.notes[0]
    assert list(known["w8"]["known"]) == ["params", "flops", "peak_activations[phase=training]"]
    assert known["w64"]["known"] == {"params": [sizes["w64"]] * 2}  # what comes after it was not asked for
    unlimited = zc.rank({name: nets[name] for name in found.order}, shape=SHAPE, proxies=["synflow", "naswot"])
    assert [row.joint for row in unlimited] == [row.joint for row in found if row.place]


def test_a_measured_latency_limits_by_its_interval(monkeypatch: pytest.MonkeyPatch) -> None:
    references: list[float | None] = []

    def latency(net: nn.Module, inputs: Any, *, reference: float | None) -> Latency:
        references.append(reference)
        middle = sum(each.numel() for each in net.parameters()) / 10
        return Latency(middle, 0.8 * middle, 1.2 * middle, 0.5, 15, this_machine())

    monkeypatch.setattr(candidates, "latency_here", latency)
    nets = {f"w{width}": (lambda width=width: mlp(width)) for width in (2, 4, 8)}
    sizes = [sum(each.numel() for each in build().parameters()) / 10 for build in nets.values()]
    known: dict[str, Any] = {}
    found = zc.rank(
        nets, shape=SHAPE, proxies="params", constraints={"latency_here": {"max": sizes[1] * 0.9}}, known=known
    )
    assert found.order == ["w4", "w2"]  # the interval of w4 lies around the limit
    assert found["w8"].reason.startswith("beyond a limit: latency_here is between")
    assert references == [None, 0.5, 0.5]
    assert known["w4"]["known"]["latency_here"] == pytest.approx([0.8 * sizes[1], 1.2 * sizes[1]])
    zc.rank(nets, shape=SHAPE, proxies="params", constraints={"latency_here": "<= 1"}, known=known)
    assert len(references) == 3  # measured once


# What a member reads --------------------


def test_the_modules_that_each_member_reads() -> None:
    names = ["synflow", "naswot", "jacov", "params", "fisher", "gradsign", "meco", "az_expressivity"]
    batch = (torch.randn(8, *SHAPE), torch.arange(8) % 4)
    found = zc.rank({"net": cnn, "other": lambda: cnn(12)}, batch, names)
    read = found.modules_read("net")
    assert list(read) == found.members
    assert read["synflow"] == read["fisher"] == read["gradsign"] == ["0", "3", "6", "11"]
    assert read["naswot"] == ["2", "5", "8"]
    assert read["params"] == ["0", "1", "3", "4", "6", "7", "11"]
    assert read["jacov"] == [""]  # inputs and outputs of the network
    assert set(read["meco"]) <= {"", *map(str, range(12))} and read["meco"]
    with pytest.raises(KeyError):
        found.modules_read("nobody")


def test_functions_are_read_in_the_module_that_calls_them() -> None:
    class Block(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(192, 192)

        def forward(self, x: Tensor) -> Tensor:
            return torch.relu(self.layer(x.flatten(1)))

    net = nn.Sequential(Block(), Block(), nn.Linear(192, 4))
    assert zc.rank({"a": net}, shape=SHAPE, proxies="naswot").modules_read("a") == {"naswot": ["0", "1"]}


# Shown --------------------


def test_it_prints_as_a_table_and_in_notebooks() -> None:
    found = zc.rank({**FOUR, "broken": refuses}, shape=SHAPE, proxies=["synflow", "jacov"])
    title, header, *lines = str(found).split("\n")
    assert title == "4 of 5 candidates ranked by log_rank_sum(synflow, jacov)"
    assert header.split()[:7] == ["candidate", "place", "joint", "synflow", "jacov", "params", "flops"]
    assert [line.split()[0] for line in lines[:5]] == [*found.order, "broken"]
    first = found.rows[0]
    assert f"{first.scores['synflow'].value:.4g} ({first.ranks['synflow']:.3g})" in lines[0]
    assert lines[4].endswith("it cannot be built: ValueError: no such layer")
    page = found._repr_html_()
    assert "<table>" in page and "no such layer" in page
    assert len(found) == 5 and [row.name for row in found][-1] == "broken"


def test_frame_has_values_statuses_and_ranks() -> None:
    pd = pytest.importorskip("pandas")
    found = zc.rank({"a": cnn, "still": Failing("still"), "broken": refuses}, shape=SHAPE, proxies=["synflow", "jacov"])
    frame = found.to_frame()
    assert list(frame.index) == ["a", "still", "broken"] and frame["place"].tolist()[:2] == [1, 2]
    assert frame.loc["still", "jacov_status"] == "undefined" and frame.loc["still", "jacov_rank"] == 2
    assert pd.isna(frame.loc["broken", "place"]) and "no such layer" in frame.loc["broken", "reason"]
    assert frame.loc["a", "params"] == found["a"].scores["params"].value


def test_figure_shows_what_is_undefined(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    nets = {**FOUR, "still": Failing("still"), "raises": Failing("raises")}
    found = zc.rank(nets, shape=SHAPE, proxies=["synflow", "jacov"])
    figure = found.plot(path=tmp_path / "f.png")
    assert (tmp_path / "f.png").read_bytes().startswith(b"\x89PNG")
    (axes,) = figure.axes
    drawn = {text.get_text(): line.get_marker() for text, line in zip(axes.texts, axes.lines)}
    assert drawn == {**dict.fromkeys(FOUR, "o"), "still": "x", "raises": "s"}
    height = {text.get_text(): text.xy[1] for text in axes.texts}
    assert min(height, key=lambda name: height[name]) == "raises" and axes.get_title() == "no rank (grey): raises"
    assert found.plot("flops").axes[0].get_xlabel().startswith("multiply-accumulate")
    with pytest.raises(ValueError, match="size must be 'params' or 'flops'"):
        found.plot("depth")


# What a gap is worth --------------------


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=2, max_size=8))
def test_pairs_in_order_are_the_double_loop(pairs: list[tuple[int, int]]) -> None:
    joint, truth = (np.array(column, dtype=float) for column in zip(*pairs))
    edges: list[float | None] = [0, 0.5, 1, None]
    right, counts = [0.0] * 3, [0] * 3
    for i in range(len(pairs)):
        for j in range(i):
            if truth[i] == truth[j]:
                continue
            gap = abs(joint[i] - joint[j]) / 2
            place = next(k for k in range(3) if edges[k] <= gap < (edges[k + 1] or math.inf))  # type: ignore[operator]
            counts[place] += 1
            right[place] += 0.5 if not gap else float((joint[i] > joint[j]) == (truth[i] > truth[j]))
    assert pairs_in_order(joint, truth, 2, edges) == (right, counts)


def test_a_gap_says_what_was_measured_and_nothing_where_nothing_was(monkeypatch: pytest.MonkeyPatch) -> None:
    found = zc.rank(FOUR, shape=SHAPE, proxies="vote")
    assert "measured right" not in str(found)
    entry = {
        "recipe": "vote",
        "inputs": "images",
        "benchmark": "toys",
        "networks": 9,
        "edges": [0, 0.01, None],
        "right": [0, 3],
        "pairs": [0, 4],
    }
    others = [{**entry, "recipe": "az_nas", "benchmark": "no"}, {**entry, "inputs": "tokens", "benchmark": "no"}]
    monkeypatch.setattr(ranked, "measured_pairs", lambda: [entry, *others])
    lines = str(found).split("\n")
    assert "measured right" in lines[1] and "75% toys" in "".join(lines[2:6]) and "no" not in lines[2].split()
    assert "how often a gap of that size had the right order among trained networks" in str(found)


def test_the_packaged_measurements_are_well_formed() -> None:
    for entry in measured_pairs():
        assert set(entry) == {"recipe", "inputs", "benchmark", "networks", "edges", "right", "pairs"}
        assert entry["recipe"] in AGGREGATES.names()
        edges = [math.inf if edge is None else edge for edge in entry["edges"]]
        assert edges == sorted(set(edges)) and edges[0] == 0
        assert len(entry["right"]) == len(entry["pairs"]) == len(edges) - 1
        assert all(0 <= right <= pairs for right, pairs in zip(entry["right"], entry["pairs"]))
