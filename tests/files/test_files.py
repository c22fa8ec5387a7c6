"""The one error, names inside archives, the data directory, and files that are whole or not there."""

from __future__ import annotations

import ast
import copy
import os
import pickle
import signal
import subprocess
import sys
import zlib
from pathlib import Path, PurePosixPath

import pytest

from naslib_zc_plugin.files import DataError, data_folder, existing, inside, readable, replacing

ROOT = Path(__file__).resolve().parents[2]


def test_the_error_tells_three_things_and_survives_copies() -> None:
    error = DataError("some/file", "this", "that")
    for one in (error, copy.copy(error), pickle.loads(pickle.dumps(error))):
        assert (one.path, one.expected, one.found) == ("some/file", "this", "that")
        assert str(one) == "some/file: expected this; found that"


def test_what_is_no_file_is_named(tmp_path: Path) -> None:
    file = tmp_path / "file"
    with pytest.raises(DataError, match="file: expected a table; found no such file"):
        existing(file, "a table")
    with pytest.raises(DataError, match="expected a table; found a folder"):
        existing(tmp_path, "a table")
    file.touch()
    assert existing(str(file), "a table") == file


def test_damage_becomes_the_one_error_and_other_faults_do_not() -> None:
    told = "x: expected a whole file; found error: Error -3"
    with pytest.raises(DataError, match=told) as caught, readable("x", "a whole file"):
        zlib.decompress(b"no")
    assert isinstance(caught.value.__cause__, zlib.error)
    with pytest.raises(DataError, match="y: expected this; found that"), readable("x", "a whole file"):
        raise DataError("y", "this", "that")
    with pytest.raises(ZeroDivisionError), readable("x", "a whole file"):
        raise ZeroDivisionError


@pytest.mark.parametrize("name", ["a", "a/b.txt", "./a/b.txt", "a\\b.txt", "a..b/..c", ".hidden"])
def test_members_that_lie_inside(name: str) -> None:
    assert inside("x.tar", name) == PurePosixPath(name.replace("\\", "/"))


@pytest.mark.parametrize("name", ["../a", "a/../../b", "/a", "//host/a", "..\\a", "\\a", "C:\\a", "C:a", "a/.."])
def test_members_that_lead_outside(name: str) -> None:
    with pytest.raises(DataError, match="x.tar: expected members that lie in the archive's own folders"):
        inside("x.tar", name)


def test_the_data_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NAS_ZC_DATA", str(tmp_path))
    assert data_folder() == tmp_path and data_folder(str(ROOT)) == ROOT
    with pytest.raises(ValueError, match=r"`data` \(--data\) names .*absent"):
        data_folder(tmp_path / "absent")
    monkeypatch.setenv("NAS_ZC_DATA", "")
    with pytest.raises(ValueError, match=r"by the argument `data` \(--data DIR\) or by NAS_ZC_DATA"):
        data_folder()


@pytest.mark.parametrize("before", [None, "old"])
def test_a_file_is_replaced_when_it_is_whole(tmp_path: Path, before: str | None) -> None:
    path = tmp_path / "folder" / "file.txt"
    if before is not None:
        path.parent.mkdir()
        path.write_text(before)
    for stop in (ValueError, KeyboardInterrupt):
        with pytest.raises(stop), replacing(path) as draft:
            draft.write_text("half")
            raise stop
        assert list(path.parent.iterdir()) == ([path] if before else [])
        assert before is None or path.read_text() == before
    with replacing(path) as draft:
        draft.write_text("new")
        assert not path.exists() if before is None else path.read_text() == before
    assert path.read_text() == "new" and list(path.parent.iterdir()) == [path]
    assert path.stat().st_mode & 0o777 == 0o644


@pytest.mark.skipif(os.name != "posix", reason="kills with a POSIX signal")
def test_a_killed_writer_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "file.txt"
    path.write_text("old")
    code = (
        "import os, pathlib, signal\nfrom naslib_zc_plugin.files import replacing\n"
        f"with replacing(pathlib.Path({str(path)!r})) as draft:\n"
        "    draft.write_text('half')\n    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False)
    assert done.returncode == -signal.SIGKILL
    assert path.read_text() == "old"


def _written_in_place(path: Path) -> list[str]:
    """Calls that write to a file, and not to a draft or into memory."""
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
            continue
        texts = [ast.unparse(each) for each in (node.func.value, *node.args, *node.keywords)]
        opens = node.func.attr == "open" and any(text.startswith(("'w", "'x", "mode='w")) for text in texts[1:])
        writes = node.func.attr in ("write_text", "write_bytes", "savefig", "to_csv", "to_parquet", "write_table")
        if (opens or writes) and not {"draft", "writer", "drawn"} & set(texts):
            found.append(f"{path.relative_to(ROOT)}:{node.lineno} {ast.unparse(node):.60}")
    return found


def test_no_published_file_is_written_in_place() -> None:
    sources = [path for folder in ("naslib_zc_plugin", "examples") for path in (ROOT / folder).rglob("*.py")]
    found = [line for path in sources for line in _written_in_place(path) if "/proc/" not in line]
    assert [line for line in found if "_RESET.write_text" not in line] == []


def test_what_a_link_leads_to_is_replaced_and_not_the_link(tmp_path: Path) -> None:
    real, link = tmp_path / "real" / "x.csv", tmp_path / "x.csv"
    link.symlink_to(real)
    for text in ("first", "second"):
        with replacing(link) as draft:
            draft.write_text(text)
        assert link.is_symlink() and real.read_text() == text
    assert [each.name for each in real.parent.iterdir()] == ["x.csv"]
