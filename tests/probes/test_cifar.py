"""CIFAR's binary version, packed and unpacked, whole and damaged."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from naslib_zc_plugin.files import DataError
from naslib_zc_plugin.probes import probe

RECORDS = 10_000
FOLDERS = {10: "cifar-10-batches-bin", 100: "cifar-100-binary"}
TEST_FILES = {10: "test_batch.bin", 100: "test.bin"}


def records(classes: int) -> tuple[bytes, Any, Any]:
    """A test file of the official size, with its images and labels; all alike but the first hundred."""
    rng = np.random.default_rng(classes)
    labels = np.arange(RECORDS) % classes
    images = np.zeros((RECORDS, 32, 32, 3), np.uint8)
    images[:100] = rng.integers(0, 256, (100, 32, 32, 3))
    columns = [labels[:, None]] if classes == 10 else [labels[:, None] // 5, labels[:, None]]
    planes = images.transpose(0, 3, 1, 2).reshape(RECORDS, -1)
    return np.hstack([*(c.astype(np.uint8) for c in columns), planes]).tobytes(), images, labels


@pytest.fixture(scope="module", params=[10, 100])
def made(request: pytest.FixtureRequest) -> tuple[int, bytes, Any, Any]:
    return (request.param, *records(request.param))


def packed(path: Path, members: dict[str, bytes], link: str | None = None) -> Path:
    with tarfile.open(path, "w:gz", compresslevel=1) as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
        if link is not None:
            info = tarfile.TarInfo(link)
            info.type, info.linkname = tarfile.SYMTYPE, "/etc/passwd"
            archive.addfile(info)
    return path


def check(source: Path, classes: int, images: Any, labels: Any) -> None:
    p = probe(source, split="test")
    assert (p.name, p.classes) == (f"cifar{classes}", classes)
    np.testing.assert_array_equal(p.images, images)
    np.testing.assert_array_equal(p.labels, labels)


def test_an_archive_is_read_in_memory(
    tmp_path: Path, made: tuple[int, bytes, Any, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    classes, content, images, labels = made
    folder, file = FOLDERS[classes], TEST_FILES[classes]
    members = {
        f"other/{folder}/{file}": b"elsewhere",
        f"{folder}/readme.html": b"<html>",
        f"{folder}/{file}": content,
    }
    path = packed(tmp_path / f"cifar-{classes}-binary.tar.gz", members)
    monkeypatch.chdir(tmp_path)
    check(path, classes, images, labels)
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_is_read_from_itself_or_its_parent(tmp_path: Path, made: tuple[int, bytes, Any, Any]) -> None:
    classes, content, images, labels = made
    folder = tmp_path / FOLDERS[classes]
    folder.mkdir()
    (folder / TEST_FILES[classes]).write_bytes(content)
    check(folder, classes, images, labels)
    check(tmp_path, classes, images, labels)
    with pytest.raises(DataError, match="binary version.*found none of its files"):
        probe(folder, split="train")


def test_cifar10_trains_on_five_files_in_order(tmp_path: Path) -> None:
    for number in range(1, 6):
        file = tmp_path / f"data_batch_{number}.bin"
        with file.open("wb") as stream:
            stream.write(bytes([number]))
            stream.truncate(RECORDS * 3_073)
    p = probe(tmp_path)
    assert len(p) == 50_000
    assert p.labels[::RECORDS].tolist() == [1, 2, 3, 4, 5]
    assert not p.images.any()
    (tmp_path / "data_batch_3.bin").unlink()
    with pytest.raises(DataError, match="found no data_batch_3.bin"):
        probe(tmp_path)


def test_a_file_of_another_size_is_named(tmp_path: Path, made: tuple[int, bytes, Any, Any]) -> None:
    classes, content, _, _ = made
    name, record = f"{FOLDERS[classes]}/{TEST_FILES[classes]}", len(content) // RECORDS
    folder = tmp_path / FOLDERS[classes]
    folder.mkdir()
    for wrong in (b"", content[:-1], content[:-record], b"<html>404</html>"):
        (folder / TEST_FILES[classes]).write_bytes(wrong)
        archive = packed(tmp_path / "wrong.tar.gz", {name: wrong})
        for source in (folder, archive):
            fault = f"10000 records of {record} bytes; found {len(wrong)} bytes"
            with pytest.raises(DataError, match=fault):
                probe(source, split="test")


def test_an_archive_cut_anywhere_is_named(tmp_path: Path, made: tuple[int, bytes, Any, Any]) -> None:
    classes, content, _, _ = made
    name = f"{FOLDERS[classes]}/{TEST_FILES[classes]}"
    whole = packed(tmp_path / "whole.tar.gz", {name: content}).read_bytes()
    cut = tmp_path / "cut.tar.gz"
    for length in (0, 1, 5, 20, 300, len(whole) // 3, len(whole) // 2, len(whole) * 9 // 10):
        cut.write_bytes(whole[:length])
        with pytest.raises(DataError):
            probe(cut, split="test")


def test_a_label_out_of_range_is_named(tmp_path: Path) -> None:
    (tmp_path / "test_batch.bin").write_bytes(b"\x0a" + bytes(RECORDS * 3_073 - 1))
    with pytest.raises(DataError, match="labels in 0..9; found labels in 0..10"):
        probe(tmp_path, split="test")


def test_the_python_version_is_turned_away(tmp_path: Path) -> None:
    fault = "binary version, cifar-10-binary.tar.gz.*found the Python version"
    for name in ("cifar-10-batches-py/data_batch_1", "cifar-100-python/meta"):
        with pytest.raises(DataError, match=fault):
            probe(packed(tmp_path / "python.tar.gz", {name: b"\x80\x02."}))
        file = tmp_path / name
        file.parent.mkdir()
        file.write_bytes(b"\x80\x02.")
        for folder in (file.parent, tmp_path):
            with pytest.raises(DataError, match=fault):
                probe(folder)


def test_other_files_are_turned_away(tmp_path: Path) -> None:
    page = tmp_path / "cifar-10-binary.tar.gz"
    with pytest.raises(DataError, match="no such file"):
        probe(page)
    page.write_bytes(b"<!DOCTYPE html><html>404</html>")
    with pytest.raises(DataError, match="whole .tar.gz archive"):
        probe(page)
    with pytest.raises(DataError, match="found none of its files"):
        probe(packed(page, {"a.txt": b"a"}, link=f"{FOLDERS[10]}/test_batch.bin"), split="test")
    with pytest.raises(DataError, match="split 'train' or 'test'; found 'valid'"):
        probe(page, split="valid")


def test_both_in_one_folder_are_not_guessed_at(tmp_path: Path) -> None:
    for classes, record in ((10, 3_073), (100, 3_074)):
        folder = tmp_path / FOLDERS[classes]
        folder.mkdir()
        with (folder / TEST_FILES[classes]).open("wb") as stream:
            stream.truncate(RECORDS * record)
    with pytest.raises(DataError, match="found cifar-10-batches-bin and cifar-100-binary"):
        probe(tmp_path, split="test")
