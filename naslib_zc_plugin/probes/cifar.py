"""CIFAR-10 and CIFAR-100 (Krizhevsky, 2009) in their official binary version, packed or unpacked.

A record is one label byte (CIFAR-100: coarse, then fine) and 3,072 bytes of a 32×32 image, channel by
channel.
"""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO, cast

import numpy as np

from naslib_zc_plugin.files import DataError, existing, readable
from naslib_zc_plugin.files.archives import tar_members
from naslib_zc_plugin.files.limits import Limits, Meter
from naslib_zc_plugin.probes.base import Probe

_SIDE = 32
_LIMITS = Limits(members=1000)  # the archives hold fewer than ten, of 185 MB


@dataclass(frozen=True)
class _Layout:
    name: str
    folder: str
    files: dict[str, tuple[str, ...]]
    records: dict[str, int]
    label_bytes: int
    classes: int

    @property
    def record(self) -> int:
        """Bytes of a record."""
        return self.label_bytes + 3 * _SIDE * _SIDE


_LAYOUTS = (
    _Layout(
        "cifar10",
        "cifar-10-batches-bin",
        {"train": tuple(f"data_batch_{number}.bin" for number in range(1, 6)), "test": ("test_batch.bin",)},
        {"train": 10_000, "test": 10_000},
        label_bytes=1,
        classes=10,
    ),
    _Layout(
        "cifar100",
        "cifar-100-binary",
        {"train": ("train.bin",), "test": ("test.bin",)},
        {"train": 50_000, "test": 10_000},
        label_bytes=2,
        classes=100,
    ),
)
_BY_FOLDER = {layout.folder: layout for layout in _LAYOUTS}
_PYTHON_FOLDERS = ("cifar-10-batches-py", "cifar-100-python")
_EXPECTED = "the binary version, cifar-10-binary.tar.gz or cifar-100-binary.tar.gz, packed or unpacked"

_WHOLE = "a whole .tar.gz archive"


def recognises(source: str | Path) -> bool:
    """Return whether the source is a ``.tar.gz`` archive, or a folder with files named as in CIFAR."""
    path = Path(source)
    if path.is_dir():
        return _is_python_version(path) or any(True for _ in _in_folder(path, ("train", "test")))
    return path.name.endswith((".tar.gz", ".tgz"))


def load(source: str | Path, split: str = "train") -> Probe:
    """Return all images of a split in the official order, with fine labels; nothing is written to disk.

    Args:
        source: the archive, its unpacked folder, or the folder that holds that one.
        split: ``"train"`` (50,000 images) or ``"test"`` (10,000).

    Raises:
        DataError: no such file, damaged, the Python version (whose files could run code), or a file that is
            missing or has another than the official size.
    """
    path = Path(source)
    if split not in ("train", "test"):
        raise DataError(path, "split 'train' or 'test'", repr(split))
    parts = _read_folder(path, split) if path.is_dir() else _read_archive(existing(path, _EXPECTED), split)
    folders = {folder for folder, _ in parts}
    if len(folders) != 1:
        raise DataError(path, _EXPECTED, " and ".join(sorted(folders)) or "none of its files")
    layout = _BY_FOLDER[folders.pop()]
    missing = [file for file in layout.files[split] if (layout.folder, file) not in parts]
    if missing:
        raise DataError(path, f"{', '.join(layout.files[split])}", f"no {', '.join(missing)}")
    data = b"".join(parts[layout.folder, file] for file in layout.files[split])
    records = np.frombuffer(data, dtype=np.uint8).reshape(-1, layout.record)
    images = records[:, layout.label_bytes :].reshape(-1, 3, _SIDE, _SIDE).transpose(0, 2, 3, 1)
    labels = records[:, layout.label_bytes - 1].astype(np.int64)
    return Probe(layout.name, np.ascontiguousarray(images), labels, layout.classes)


def _read_folder(path: Path, split: str) -> dict[tuple[str, str], bytes]:
    """Return the contents of a split's files by their official folder and name."""
    parts = {}
    for layout, file in _in_folder(path, (split,)):
        _check_size(layout, split, file, file.stat().st_size)
        parts[layout.folder, file.name] = file.read_bytes()
    if not parts and _is_python_version(path):
        raise DataError(path, _EXPECTED, "the Python version")
    return parts


def _in_folder(path: Path, splits: tuple[str, ...]) -> Iterator[tuple[_Layout, Path]]:
    for layout in _LAYOUTS:
        for split in splits:
            for name in layout.files[split]:
                for file in (path / name, path / layout.folder / name):
                    if file.is_file():
                        yield layout, file


def _is_python_version(path: Path) -> bool:
    folders = [path, *(path / name for name in _PYTHON_FOLDERS)]
    return any((f / "data_batch_1").is_file() or (f / "meta").is_file() for f in folders)


class _Metered:
    """The unpacked bytes of a gzip file; they count as memory even where they are passed over."""

    def __init__(self, stream: BinaryIO, meter: Meter) -> None:
        self._stream, self._meter = stream, meter

    def read(self, size: int) -> bytes:
        """Read as a file does."""
        content = self._stream.read(size)
        self._meter.take("memory", len(content))
        return content


def _read_archive(path: Path, split: str) -> dict[tuple[str, str], bytes]:
    """Return the contents of a split's members by folder and name, after reading the whole archive."""
    parts = {}
    meter = Meter(path, _LIMITS)
    # Tar looks at no checksum and stops at its last member; gzip has one for all, at the end.
    with readable(path, _WHOLE), gzip.open(path) as unpacked:
        stream = cast(BinaryIO, _Metered(cast(BinaryIO, unpacked), meter))
        for member, size, content in tar_members(path, _WHOLE, stream, meter):
            place = PurePosixPath(member)
            folder, name = str(place.parent), place.name
            if folder in _PYTHON_FOLDERS:
                raise DataError(path, _EXPECTED, "the Python version")
            layout = _BY_FOLDER.get(folder)
            if layout is None or name not in layout.files[split]:
                continue
            _check_size(layout, split, path / member, size)
            parts[folder, name] = content.read()
        while stream.read(2**20):
            pass
    return parts


def _check_size(layout: _Layout, split: str, file: Path, size: int) -> None:
    if size != layout.records[split] * layout.record:
        expected = f"{layout.records[split]} records of {layout.record} bytes"
        raise DataError(file, expected, f"{size} bytes")
