"""A page is computed again where anything behind it has changed, and only there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.examples import pages


@pytest.fixture
def checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Pages that were computed; the page of this test is right where it says ``| 1 |``."""
    computed: list[str] = []
    results = tmp_path / "results"
    for folder in ("scores", "printed"):
        (results / folder).mkdir(parents=True)
    (results / "scores" / "a.parquet").write_bytes(b"scores")
    (results / "one.md").write_text("<!-- table -->\n\n| 1 |\n\n", encoding="utf-8")

    def tables(data: Path) -> dict[str, Any]:
        computed.append("one")
        return {"table": "| 1 |\n"}

    monkeypatch.setattr(pages, "RESULTS", results)
    monkeypatch.setattr(pages, "KNOWN", tmp_path / "fingerprints.json")
    monkeypatch.setattr(pages, "PAGES", {"one": ("epsilon_results", tables)})
    monkeypatch.setattr(pages, "_numbers", pages._numbers.__wrapped__)
    hashes = {"one": pages.fingerprint("one", tmp_path)}
    (tmp_path / "fingerprints.json").write_text(json.dumps(hashes), encoding="utf-8")
    return computed


def test_nothing_is_computed_where_nothing_has_changed(checked: list[str], tmp_path: Path) -> None:
    pages.check("one", tmp_path)
    assert checked == []


def test_other_scores_are_computed(checked: list[str], tmp_path: Path) -> None:
    (tmp_path / "results" / "scores" / "a.parquet").write_bytes(b"others")
    with pytest.warns(UserWarning, match="renews its hash"):
        pages.check("one", tmp_path)
    assert checked == ["one"]


def test_a_page_that_says_something_else_is_refused(checked: list[str], tmp_path: Path) -> None:
    (tmp_path / "results" / "one.md").write_text("<!-- table -->\n\n| 2 |\n\n", encoding="utf-8")
    with pytest.raises(AssertionError, match="one.md says something else than the scores"):
        pages.check("one", tmp_path)
