"""How the makers of NATS-Bench and NAS-Bench-201 packed their files: pickles by bz2 or by torch, read without trust."""

from __future__ import annotations

import bz2
import hashlib
import re
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any, BinaryIO, cast

from naslib_zc_plugin.files import DataError, inside, readable, unpickle

_TORCH_MAGIC = 0x1950A86A20F9469CFC6C


class _Dict(dict[Any, Any], unpickle.StandIn):
    """``collections.OrderedDict``, made from pairs or empty."""

    def __init__(self, pairs: Iterable[Any] = ()) -> None:
        super().__init__(pairs)


class _Set(unpickle.StandIn):
    """``set``, which old protocols make from a list."""

    def __new__(cls, values: Iterable[Any] = ()) -> Any:
        return set(values)


_STAND_INS: unpickle.StandIns = {
    ("collections", "OrderedDict"): _Dict,
    ("builtins", "set"): _Set,
    ("__builtin__", "set"): _Set,
}


def packed(path: Path, stream: BinaryIO) -> Any:
    """The pickle in a bz2 stream, which is read to its end, where bz2 has its checksum."""
    with readable(path, "a whole bz2 file"), stream, bz2.open(stream) as unpacked:
        content = unpickle.load(path, cast(BinaryIO, unpacked), _STAND_INS)
        rest = unpacked.read(1)
    if rest:
        raise DataError(path, "one pickle", "more after it")
    return content


def torch_file(path: Path) -> Any:
    """What ``torch.save`` wrote: a zip archive with one pickle, or, before torch 1.6, the last of several pickles."""
    if zipfile.is_zipfile(path):
        with readable(path, "a whole file of torch"), zipfile.ZipFile(path) as archive:
            names = [name for name in archive.namelist() if inside(path, name).name == "data.pkl"]
            if len(names) != 1:
                raise DataError(path, "one data.pkl in the archive", f"{len(names)}")
            with archive.open(names[0]) as stream:
                content = unpickle.load(path, cast(BinaryIO, stream), _STAND_INS)
                stream.read()  # to its checksum
        return content
    with path.open("rb") as file:
        magic = unpickle.load(path, file, _STAND_INS)
        if magic != _TORCH_MAGIC:
            raise DataError(path, "a file of torch", "a pickle of another kind")
        _version, _system, content, _storages = (unpickle.load(path, file, _STAND_INS) for _ in range(4))
    return content


def check_name(path: Path) -> None:
    """Official names end with digits of the file's MD5 sum: the last ones of it, in old names perhaps the first."""
    stem = path.name.split(".")[0]
    named = re.search(r"-v\d+_\d+-([0-9a-f]{5,6})$", stem)
    if named is None:
        return
    digest = hashlib.md5(usedforsecurity=False)
    with path.open("rb") as file:
        while block := file.read(2**20):
            digest.update(block)
    found = digest.hexdigest()
    if not (found.endswith(named[1]) or found.startswith(named[1])):
        raise DataError(path, f"the MD5 sum to end with {named[1]}, as its name says", found)
