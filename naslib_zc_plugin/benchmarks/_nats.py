"""The official files of NATS-Bench's topology space and of NAS-Bench-201, read without trust.

``NATS-tss-v1_0-3ffb9-simple``, as a folder or as its ``.tar``, has a pickle of its own for each architecture, packed
with bz2; they are read one by one, in little memory, and the archive need not be unpacked.
``NATS-tss-v1_0-3ffb9.pickle.pbz2`` is one such pickle of all, and ``NAS-Bench-201-v1_1-096897.pth`` one that torch
saved: these are whole in memory before their first number can be used, which takes tens of gigabytes.

An architecture's results are, per training length, lists of seeds per data set and a record for each data set and
seed, with accuracies and times of each epoch. The official API means over seeds; so do the columns here.
"""

from __future__ import annotations

import os
import re
import tarfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO, Callable, cast

from naslib_zc_plugin.benchmarks import _official as official
from naslib_zc_plugin.benchmarks import _runs
from naslib_zc_plugin.files import DataError, existing, inside, readable

_EXPECTED = "the files of NATS-Bench's topology space (.pickle.pbz2, -simple folder or .tar), or NAS-Bench-201's .pth"
_PACKED = ".pickle.pbz2"
_MEMBER = re.compile(r"\d{1,6}\.pickle\.pbz2")
_META = "meta.pickle.pbz2"

Progress = Callable[[int], None]
Results = tuple[int, Mapping[str, Any]]
"""An architecture's official number and its results."""


def columns(source: Path, progress: Progress) -> dict[str, list[Any]]:
    """The columns of the neutral table, rows in the official order; ``progress`` is called with each number read.

    Raises:
        DataError: no official file, damaged, of another content than its name's checksum says, with architectures
            or results that are not the benchmark's, or asking to run code.
    """
    rows = {}
    for number, results in _architectures(source):
        if number in rows:
            raise DataError(source, "each architecture once", f"number {number} twice")
        rows[number] = _runs.row(source, number, results)
        progress(number)
    if not rows:
        raise DataError(source, _EXPECTED, "no architecture")
    ordered = [rows[number] for number in sorted(rows)]
    return {name: [row[name] for row in ordered] for name in ordered[0]}


def _architectures(source: Path) -> Iterator[Results]:
    if source.is_dir():
        return _in_folder(source)
    existing(source, _EXPECTED)
    if source.name.endswith(".tar"):
        return _in_tar(source)
    if source.name.endswith(_PACKED):
        official.check_name(source)
        return _in_one(source, official.packed(source, source.open("rb")))
    if source.suffix == ".pth":
        official.check_name(source)
        return _in_one(source, official.torch_file(source))
    raise DataError(source, _EXPECTED, f"a file named {source.name!r}")


def _in_folder(folder: Path) -> Iterator[Results]:
    for path in sorted(folder.iterdir()):
        if path.name == _META or _MEMBER.fullmatch(path.name):
            yield from _one(path, path.open("rb"))


def _in_tar(source: Path) -> Iterator[Results]:
    with readable(source, "a whole .tar archive"), tarfile.open(source, "r|") as archive:
        for member in archive:
            name = inside(source, member.name).name
            if member.isfile() and (name == _META or _MEMBER.fullmatch(name)):
                stream = cast(BinaryIO, archive.extractfile(member))
                yield from _one(source / member.name, stream)
    _check_end(source)


def _check_end(source: Path) -> None:
    """A tar archive ends with blocks of zeros; without them it may be cut between two members."""
    with source.open("rb") as file:
        file.seek(-tarfile.BLOCKSIZE, os.SEEK_END)
        if any(file.read()):
            raise DataError(source, "a whole .tar archive", "one without an end")


def _one(path: Path, stream: BinaryIO) -> Iterator[Results]:
    """The results in an architecture's own file; none in the meta file, whose order of architectures is checked."""
    content = official.packed(path, stream)
    if path.name == _META:
        _runs.check_order(path, content)
    else:
        yield int(path.name[: -len(_PACKED)]), content


def _in_one(source: Path, content: Any) -> Iterator[Results]:
    _runs.check_order(source, content)
    results = content.get("arch2infos")
    if not isinstance(results, dict) or not all(type(number) is int for number in results):
        raise DataError(source, "'arch2infos' as a dict by number", type(results).__name__)
    # Each is let go when its row is done.
    for number in sorted(results):
        yield number, results.pop(number)
