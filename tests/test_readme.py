"""The README says what is: its table names every proxy with its facts, its Python runs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import naslib_zc_plugin as zc

README = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")
ROWS = {
    name: (direction, needs)
    for name, direction, needs in re.findall(r"^\| `(\w+)` \| (higher|lower) \| ([^|]*) \|", README, re.MULTILINE)
}
BLOCKS = re.findall(r"```python\n(.*?)```", README, re.DOTALL)


def test_the_table_names_every_proxy() -> None:
    assert sorted(ROWS) == zc.proxies()


@pytest.mark.parametrize("name", zc.proxies())
def test_directions_and_needs_are_the_records(name: str) -> None:
    info = zc.describe(name)
    needs = set(info.needs) - ({"gradients"} if "second order" in info.needs else set())
    assert ROWS[name][0] == ("higher" if info.higher_is_better else "lower")
    assert set(re.findall(r"[a-z][a-z ]*", ROWS[name][1])) == needs


@pytest.mark.parametrize("block", BLOCKS, ids=[block.partition("\n")[0] for block in BLOCKS])
def test_the_python_in_it_runs(block: str) -> None:
    exec(compile(block, "README.md", "exec"), {})
