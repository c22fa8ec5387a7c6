"""The page of third-party architectures: it says what the scores say, and the oracles agree on a network at hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from naslib_zc_plugin import list_proxies
from tests.examples import EXAMPLES, example

LATER = set(
    "activations az_expressivity az_progressivity az_trainability depth dss layers logsynflow meco near ntk_trace "
    "peak_activations swap total_width vkdnw width_depth wpca wrcor zico".split()
)
ON_THE_PAGE = set(list_proxies()) - LATER
"""All proxies but those that came after the page was made, which have no oracles for its networks."""
RESULTS = EXAMPLES.parent / "docs" / "results"


@pytest.fixture(scope="module")
def found() -> Any:
    return example("architectures_page").read(RESULTS / "architectures.csv")


def test_the_page_says_what_the_scores_say(found: Any) -> None:
    architectures = example("architectures")
    page = example("architectures_page").page(found, architectures.SAME, architectures.WITHIN)
    assert (RESULTS / "architectures.md").read_text(encoding="utf-8") == page


def test_every_network_has_every_proxy_and_is_left_as_it_was(found: Any) -> None:
    networks = {name: rows for name, rows in found.items() if name != "versions"}
    assert len(networks) >= 100
    for name, (touched, *scores) in networks.items():
        assert touched["status"] == "yes", name
        assert {row["proxy"] for row in scores} == ON_THE_PAGE, name


def test_no_value_is_other_than_the_oracle_says_and_none_is_without_a_reason(found: Any) -> None:
    scores = [row for rows in found.values() for row in rows if row["proxy"] in set(list_proxies())]
    assert not [(row["network"], row["proxy"]) for row in scores if row["verdict"] == "wrong"]
    assert not [(row["network"], row["proxy"]) for row in scores if row["status"] == "failed"]
    assert all(row["reason"] for row in scores if row["status"] != "ok")


def _network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(inplace=True), nn.Conv2d(4, 6, 3, groups=2), nn.ReLU(),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(6, 4),
    )  # fmt: skip


def test_scores_are_the_oracles(monkeypatch: pytest.MonkeyPatch) -> None:
    zoo, architectures = example("architectures_zoo"), example("architectures")
    case = zoo.Case(_network(), torch.randn(6, 3, 8, 8), torch.arange(6) // 2)
    monkeypatch.setattr(architectures, "build", lambda name: case)
    touched, *rows = architectures.sweep("tiny")
    assert touched["status"] == "yes"
    verdicts = {row["proxy"]: row["verdict"] for row in rows}
    # One path alone: epsilon is 0 but for rounding.
    assert {proxy for proxy, found in verdicts.items() if found not in ("right", "undefined")} <= {"epsilon", *LATER}
    assert list(verdicts.values()).count("right") >= 18


def test_a_network_that_was_touched_is_found() -> None:
    zoo, architectures = example("architectures_zoo"), example("architectures")
    case = zoo.Case(_network(), torch.randn(6, 3, 8, 8), torch.arange(6) // 2)
    before = architectures.picture(case.net, case)
    assert architectures.picture(case.net, case) == before
    case.net(case.inputs)  # moves the statistics of batch norm
    after = architectures.picture(case.net, case)
    changed = {key for key in before if before[key] != after[key]}
    assert any("running_mean" in key for key in changed) and not any("weight" in key for key in changed)


def test_files_of_scores_are_read_as_they_were_written(tmp_path: Path) -> None:
    page = example("architectures_page")
    row = dict.fromkeys(page.COLUMNS, "") | {"network": "a b", "proxy": "snip", "reason": 'with, a "comma" and | a bar'}
    page.write(tmp_path / "a.csv", {"a b": [row]})
    assert page.read(tmp_path / "a.csv") == {"a b": [row]}
