"""The numbers are those of the record."""

from __future__ import annotations

from typing import Any

import pytest

from . import compare, record

RECORD: dict[str, Any] = record.read()
QUICK = ("0",)
"""Last part of the names of the sections that are compared each time; the others are marked slow."""


def _marked(name: str) -> Any:
    return pytest.param(name, marks=[] if name.endswith(QUICK) else [pytest.mark.slow])


def test_the_record_has_every_section() -> None:
    assert set(record.sections()) == set(RECORD["entries"])


@pytest.mark.parametrize("name", [_marked(name) for name in record.sections()])
def test_numbers(name: str) -> None:
    (found,) = [made for section, made in record.entries(name) if section == name]
    same = compare.bitwise if record.machine() == RECORD["machine"] else compare.near
    result = same({name: RECORD["entries"][name]}, {name: found})
    assert not result.differences, result.report()
    assert result.compared > 0
