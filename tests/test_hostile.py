"""Hostile files of every kind, each read in a process of its own: the one error, soon, and in little memory."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.hostile import MEMORY, SECONDS

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="memory is read from Linux' /proc")
ROOT = Path(__file__).resolve().parents[1]
# Files that may be read: they hold plain values that the reader's caller checks, or what the format allows.
HARMLESS = {
    "pickle lists-of-lists", "pickle deep-lists", "pickle labels", "pickle float-labels", "csv nul", "parquet key text",
    "export key text", "yaml binary",
}  # fmt: skip


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """What each case gave; beside the folder of the cases nothing is made."""
    outer = tmp_path_factory.mktemp("outer")
    (outer / "cases").mkdir()
    command = [sys.executable, "-m", "tests.hostile", str(outer / "cases")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=900)
    assert done.returncode == 0, done.stderr[-2000:]
    assert [path.name for path in outer.iterdir()] == ["cases"]
    assert not [path for path in outer.rglob("data/**/*") if path.is_file()]
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_every_reader_has_its_cases(found: list[dict[str, Any]]) -> None:
    pickled, archived = "pickle imagenet16 naslib nats torch".split(), "npz cifar logs".split()
    written = "words wordpiece flexibert nds suite table cells records csv parquet export yaml keys".split()
    assert {each["case"].partition(" ")[0] for each in found} == {*pickled, *archived, *written}


def test_each_is_refused_by_the_one_error_that_names_the_file(found: list[dict[str, Any]]) -> None:
    wrong = {
        each["case"]: f"{each['error']}: {each['text'][:200]}"
        for each in found
        if each["case"] not in HARMLESS
        and (each["error"] not in ("DataError", "ConfigurationError") or Path(each["file"]).name not in each["text"])
    }
    assert wrong == {}


def test_what_may_be_read_is_read(found: list[dict[str, Any]]) -> None:
    given = {each["case"]: each["error"] for each in found if each["case"] in HARMLESS}
    # Older versions of Python refuse a NUL in CSV.
    assert given.keys() == HARMLESS and set(given.values()) <= {"", "DataError"}


def test_none_takes_long_or_much_memory(found: list[dict[str, Any]]) -> None:
    wrong = {
        each["case"]: (each["seconds"], each["memory"])
        for each in found
        if each["seconds"] > SECONDS or each["memory"] > MEMORY
    }
    assert wrong == {}


def test_limits_name_the_way_to_raise_them(found: list[dict[str, Any]]) -> None:
    for each in found:
        if ": expected at most " in each["text"] and "or more" in each["text"]:
            assert "raise the limit by NAS_ZC_LIMITS=" in each["text"], each
