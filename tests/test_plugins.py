"""Entry points of other distributions, by group."""

from __future__ import annotations

from pathlib import Path

import pytest

from naslib_zc_plugin.plugins import registered


def test_a_group_that_nobody_uses_is_empty() -> None:
    assert registered("naslib_zc_plugin.no_such_group") == []


def test_a_group_holds_what_all_distributions_register(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("one", "two"):
        information = tmp_path / f"{name}-1.dist-info"
        information.mkdir()
        (information / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1\n", encoding="utf-8")
        entries = f"[a.group]\n{name} = os.path:join\n[another]\nno = os:sep\n"
        (information / "entry_points.txt").write_text(entries, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    found = {point.name: point for point in registered("a.group")}
    assert set(found) == {"one", "two"} and all(point.value == "os.path:join" for point in found.values())
