"""Limits of readers: they are kept while a file is read, grow with what a file occupies, and can be raised."""

from __future__ import annotations

import io
import json
import os
import sys
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from naslib_zc_plugin.files import DataError, csv_cell, path_part, shown, visible
from naslib_zc_plugin.files.archives import npy_array, open_zip, read_member, tar_members
from naslib_zc_plugin.files.limits import Limits, Meter, occupied
from naslib_zc_plugin.files.texts import LONGEST_LINE, json_memory, lines_of, read_json


def test_what_is_taken_is_counted_until_the_limit(tmp_path: Path) -> None:
    meter = Meter(tmp_path / "x", Limits(rows=3, memory=10))
    meter.take("rows", 3)
    meter.take("memory", 10)
    with pytest.raises(DataError, match="x: expected at most 3 rows; found 4 or more .*NAS_ZC_LIMITS=rows=8"):
        meter.take("rows")
    with pytest.raises(DataError, match="at most 10 bytes of memory; found 11 or more"):
        meter.take("memory")
    meter.part(tmp_path / "member").take("memory", 10)  # counted anew


def test_time_is_of_the_processor_and_shared_by_members(tmp_path: Path) -> None:
    meter = Meter(tmp_path / "x", Limits(seconds=1e-9))
    for each in (meter, meter.part("member")):
        with pytest.raises(DataError, match="at most 0 seconds of processor time"):
            for _ in range(1000):
                each.check_time()


def test_large_files_may_take_more_but_holes_do_not_count(tmp_path: Path) -> None:
    small, large, holes = (tmp_path / name for name in ("small", "large", "holes"))
    small.write_bytes(b"x" * 1000)
    large.write_bytes(b"x" * (33 << 20))
    holes.touch()
    os.truncate(holes, 1 << 34)
    limits = Limits(memory=100, growth=2)
    assert limits.of(small).memory == limits.of(holes).memory == 100
    assert limits.of(large).memory == 100 + 2 * (1 << 20)
    assert limits.of(large).seconds > limits.of(small).seconds
    assert occupied(tmp_path) == occupied(small) + occupied(large) + occupied(holes)


@pytest.mark.parametrize("given", ["memory=4G, rows=1e3", "rows=1000,memory=4.0G"])
def test_the_environment_raises_limits_and_never_lowers_them(monkeypatch: pytest.MonkeyPatch, given: str) -> None:
    monkeypatch.setenv("NAS_ZC_LIMITS", given)
    assert (Limits(rows=10).of("x").memory, Limits(rows=10).of("x").rows) == (4 << 30, 1000)
    assert Limits(rows=5000).of("x").rows == 5000


@pytest.mark.parametrize("given", ["memory", "growth=3", "rows=x", "rows=-1", "4G"])
def test_a_mistaken_limit_is_named(monkeypatch: pytest.MonkeyPatch, given: str) -> None:
    monkeypatch.setenv("NAS_ZC_LIMITS", given)
    with pytest.raises(ValueError, match="NAS_ZC_LIMITS: .* is no limit; write NAME=NUMBER, of memory, members, rows"):
        Meter("x")


SIMPLE = st.none() | st.integers() | st.floats() | st.text(max_size=5)
JSON = st.recursive(SIMPLE, lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=5), inner))


@given(JSON)
def test_memory_of_json_is_never_estimated_too_low(value: object) -> None:
    def size(each: object) -> int:
        inner = each if isinstance(each, list) else [*each, *each.values()] if isinstance(each, dict) else []
        return sys.getsizeof(each) + sum(map(size, inner))

    text = json.dumps(value, ensure_ascii=False)
    texts = sum(4 for sign in text if ord(sign) > 127) + 80 * text.count('"')  # wide characters take up to four bytes
    assert size(json.loads(text)) <= json_memory(text) + texts


def test_lines_are_read_whole_and_no_longer_than_their_limit(tmp_path: Path) -> None:
    path = tmp_path / "lines.txt"
    path.write_bytes(b"a\nb\r\nc\rd")
    assert list(lines_of(path, "lines", Meter(path))) == ["a\n", "b\n", "c\n", "d"]
    assert list(lines_of(path, "lines", Meter(path), newline="")) == ["a\n", "b\r\n", "c\r", "d"]
    path.write_bytes(b"x" * (LONGEST_LINE + 1))
    with pytest.raises(DataError, match="lines of at most 4,194,304 characters"):
        list(lines_of(path, "lines", Meter(path)))
    with pytest.raises(DataError, match="at most 2 rows"):
        path.write_bytes(b"1\n2\n3\n")
        list(lines_of(path, "lines", Meter(path, Limits(rows=2))))
    path.write_bytes(b"[1, 2]")
    assert read_json(path, "JSON", Meter(path)) == [1, 2]


def test_members_of_archives(tmp_path: Path) -> None:
    path = tmp_path / "x.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a/b", b"content")
    with open_zip(path, "a zip", Meter(path)) as archive:
        assert read_member(path, archive, "a/b", Meter(path)) == b"content"
        with pytest.raises(DataError, match="at most 6 bytes of memory; found 7"):
            read_member(path, archive, "a/b", Meter(path, Limits(memory=6)))
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as made:
        info = tarfile.TarInfo("long/" + "n" * 300)
        info.size = 3
        made.addfile(info, io.BytesIO(b"abc"))
    packed.seek(0)
    for place, size, content in tar_members(path, "a tar", packed, Meter(path)):
        assert (place, size, content.read()) == ("long/" + "n" * 300, 3, b"abc")


ARRAYS = [np.arange(6).reshape(2, 3), np.asfortranarray(np.ones((2, 3))), np.array("ab"), np.zeros((0, 2))]


@pytest.mark.parametrize("array", ARRAYS)
def test_arrays_come_back(array: np.ndarray) -> None:  # type: ignore[type-arg]
    target = io.BytesIO()
    np.save(target, array)
    found = npy_array(Path("x"), bytearray(target.getvalue()))
    np.testing.assert_array_equal(found, array)
    assert found.dtype == array.dtype and found.flags.writeable
    with pytest.raises(DataError, match="x: expected numpy's .npy format"):
        npy_array(Path("x"), bytearray(target.getvalue() + b"0"))


def test_values_are_shown_short() -> None:
    value: object = [1]
    for _ in range(60):
        value = [value] * 9
    assert len(shown(value)) < 500 and len(shown("a" * 10**6)) < 110 and len(shown(10**6000)) < 50
    assert [shown(each) for each in ("a", None, True, [])] == ["'a'", "None", "True", "[]"]


@given(st.text())
def test_what_is_visible_has_no_control_characters_and_makes_no_formula(text: str) -> None:
    seen = visible(text)
    assert seen.isprintable() or not any(sign < " " or "\x7f" <= sign <= "\x9f" for sign in seen)
    seen.encode()
    cell = csv_cell(text)
    assert not cell.lstrip().startswith(("=", "@")) and "\t" not in cell


@given(st.text(max_size=20))
def test_a_part_of_a_path_stays_in_its_folder(text: str) -> None:
    try:
        part = path_part("x", text, "a name")
    except DataError:
        return
    assert part == text and Path("/a", part).parent == Path("/a")
    assert os.path.normpath(f"/a/{part}") == f"/a/{part}"
