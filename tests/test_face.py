"""The face: the field's other spellings are accepted."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import naslib_zc_plugin as zc
from naslib_zc_plugin.protocols import protocol
from naslib_zc_plugin.proxies import PROXIES

ALIASES = {alias: name for name in zc.list_proxies() for alias in zc.describe(name).aliases}


def case() -> tuple[nn.Module, tuple[torch.Tensor, torch.Tensor]]:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(3, 6, 3), nn.BatchNorm2d(6), nn.ReLU(), nn.Flatten(), nn.Linear(96, 3))
    return net, (torch.randn(6, 3, 6, 6), torch.arange(6) % 3)


def test_other_spellings_are_told_apart() -> None:
    assert {"jacob_cov", "nwot", "zen_score", "relu_score", "synflow_bn"} <= set(ALIASES)
    assert not set(ALIASES) & set(zc.list_proxies())
    every = [alias for name in zc.list_proxies() for alias in zc.describe(name).aliases]
    assert len(every) == len(set(every))


@pytest.mark.parametrize("alias", ALIASES)
def test_another_spelling_is_accepted_everywhere(alias: str) -> None:
    name = ALIASES[alias]
    assert zc.describe(alias) == zc.describe(name)
    request = zc.proxy(alias)
    assert (request.name, request.label) == (name, alias)
    assert PROXIES.load(alias) is PROXIES.load(name)
    (usual,) = protocol("zerocost").requests([alias], "nasbench201")
    assert (usual.name, usual.label) == (name, alias)


def test_the_label_is_the_spelling_asked_for() -> None:
    scores = zc.score(*case(), ["nwot", "naswot", zc.proxy("jacob_cov", label="mine"), zc.ProxyRequest("synflow_bn")])
    assert list(scores) == ["nwot", "naswot", "mine", "synflow_bn"]
    assert [score.name for score in scores.values()] == ["naswot", "naswot", "jacov", "synflow"]
    plain, kept = (zc.score(*case(), zc.proxy("synflow", keep_norm=norm))["synflow"].value for norm in ("", "*"))
    assert scores["synflow_bn"].value == kept != plain


def test_asking_for_both_spellings_is_asking_once(monkeypatch: pytest.MonkeyPatch) -> None:
    record, calls = PROXIES.load("naswot"), []
    function = record.function
    monkeypatch.setitem(record.__dict__, "function", lambda *seen: calls.append(1) or function(*seen))
    scores = zc.score(*case(), ["nwot", "naswot", "relu_score"], repeats=2)
    assert len(calls) == 2
    assert scores["nwot"] == scores["naswot"] == scores["relu_score"]


def test_a_name_that_is_nobodys_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown proxy 'jacob_cow'"):
        zc.score(*case(), ["jacob_cow"])
    with pytest.raises(ValueError, match="'nwot' is asked for twice"):
        zc.score(*case(), ["nwot", "nwot"])
