"""What the first commit of the lock left half done, every later one continues, and ends with what that one had."""

from __future__ import annotations

import math
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from . import compare, continued, histories, hosted, record

SAME_MACHINE = record.machine() == record.read()["machine"]


def _expected(kind: str) -> list[list[str]]:
    import csv

    with (continued.STORES / f"{kind}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


def _copied(folder: Path, kind: str) -> Path:
    for name in (f"{kind}.yaml", f"{kind}.db"):
        shutil.copy(continued.STORES / name, folder)
    if not SAME_MACHINE:
        continued.on_this_torch(folder, kind)
    return folder


def _number(text: str) -> float | None:
    return float(text) if text not in ("", "None") else None


def _equal(found: str, expected: str, tolerance: float, rounded: bool = False) -> bool:
    """Two texts of numbers: the same on the machine that made them, elsewhere, or where meant to be, about the same."""
    if (SAME_MACHINE and not rounded) or found == expected:
        return found == expected
    one, other = _number(found), _number(expected)
    return one is not None and other is not None and math.isclose(one, other, rel_tol=tolerance)


def test_a_campaign_is_continued(tmp_path: Path) -> None:
    pytest.importorskip("typer", reason="needs the extra [cli]")
    folder, expected = _copied(tmp_path, "campaign"), _expected("campaign")
    before = {(key, proxy): rest for key, proxy, *rest in continued.campaign_rows(folder)}
    assert 0 < len(before) < len(expected)
    scores = continued.rows(folder / "campaign.db", "SELECT * FROM score")
    continued.go_on(folder, "campaign")
    assert set(scores) <= set(continued.rows(folder / "campaign.db", "SELECT * FROM score"))
    found = continued.campaign_rows(folder)
    assert [row[:3] for row in found] == [row[:3] for row in expected]
    for (key, proxy, _, value, status), (*_, old, was) in zip(found, expected):
        if (key, proxy) in before:
            assert [value, status] == before[key, proxy][1:] == [old, was]
        name = {"narrow": "epsilon"}.get(proxy, proxy)
        tolerance = compare.COUNTS.get(name, compare.TOLERANCE)
        assert status == was or not SAME_MACHINE
        assert status != was or _equal(value, old, tolerance, name in compare.ROUNDED)


@pytest.mark.slow
def test_searches_are_continued(tmp_path: Path) -> None:
    pytest.importorskip("typer", reason="needs the extra [cli]")
    folder, expected = _copied(tmp_path, "search"), _expected("search")
    before = continued.search_rows(folder)
    assert 0 < len(before) < len(expected)
    continued.go_on(folder, "search")
    found = continued.search_rows(folder)
    assert all(row in found for row in before)
    assert [row[:4] for row in found] == [row[:4] for row in expected]
    assert all(_equal(row[4], old[4], compare.TOLERANCE) for row, old in zip(found, expected))


@pytest.mark.parametrize(("label", "kept"), continued.strategy_states().items())
def test_a_strategy_goes_on_from_its_state(label: str, kept: Mapping[str, Any]) -> None:
    search = histories.strategies()[label]("nasbench201")
    search.load_state_dict(kept["state"])
    assert histories.history(search, 30) == kept["next"]


def _resumed(host: str, name: str, folder: Path) -> None:
    """From the copied checkpoint, which holds the first eight evaluations, to the end."""
    target = hosted.checkpoint(host, folder)
    target.parent.mkdir(parents=True)
    shutil.copy(hosted.STORES / f"{host}_{name}.ckpt", target)
    run = {"nni": hosted.in_nni, "naslib": hosted.in_naslib}[host]
    expected = hosted.histories(host)[name]
    assert run(name, folder, resume=True) == expected
    assert {key for key, _ in expected[8:]} <= set(hosted.ASKED)
    assert not {key for key, _ in expected[:8]} <= set(hosted.ASKED), "it began anew"


@pytest.mark.slow
@pytest.mark.parametrize("name", hosted.WAYS)
def test_nni_goes_on_from_its_checkpoint(name: str, tmp_path: Path) -> None:
    for each in ("nni", "pytorch_lightning"):
        pytest.importorskip(each, reason="needs NNI, the extra [nni]")
    _resumed("nni", name, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("name", hosted.WAYS)
def test_naslib_goes_on_from_its_checkpoint(name: str, tmp_path: Path) -> None:
    if not hosted.naslib_is_there():
        pytest.skip(f"needs NASLib, on sys.path or in {hosted.TREE}")
    pytest.importorskip("fvcore", reason="needs the extra [naslib]")
    _resumed("naslib", name, tmp_path)
