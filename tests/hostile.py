"""Small files that ask for gigabytes, for hours, or for what no reader expects; and a process that has them read.

``python -m tests.hostile FOLDER`` reads each in a process of its own, below limits of the system, and prints a line of
JSON for each: the case, the error's type and text, seconds of the processor, and the memory at its highest in MiB.
"""

from __future__ import annotations

import bz2
import gzip
import io
import json
import os
import pickle
import resource
import struct
import sys
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Callable

import numpy as np
import pyarrow
import pyarrow.parquet as parquet

from naslib_zc_plugin.benchmarks import ColumnInfo, Table, benchmark, convert_benchmark
from naslib_zc_plugin.campaign.naslib_json import import_suite
from naslib_zc_plugin.campaign.plan import count
from naslib_zc_plugin.configuration import mapping
from naslib_zc_plugin.files import unpickle
from naslib_zc_plugin.probes import probe
from naslib_zc_plugin.spaces import space
from naslib_zc_plugin.store.parquet import read_parquet

Reader = Callable[[Path], Any]
Case = tuple[str, Path, Reader]
SECONDS, MEMORY = 20, 700
ZEROS = 1 << 20
_ZEROS = bytes(ZEROS)


def _write(folder: Path, name: str, content: bytes) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def _deflated(head: bytes, size: int) -> tuple[bytes, int]:
    """The head and so many zeros, packed by deflate, and their checksum; a block of zeros is packed but once."""
    packer, checksum = zlib.compressobj(9, wbits=-zlib.MAX_WBITS), zlib.crc32(head)
    begun = packer.compress(head) + packer.flush(zlib.Z_FULL_FLUSH)
    block = packer.compress(bytes(ZEROS)) + packer.flush(zlib.Z_FULL_FLUSH)
    for _ in range(size // ZEROS):
        checksum = zlib.crc32(_ZEROS, checksum)
    return begun + block * (size // ZEROS) + packer.flush(), checksum


def _gzip(head: bytes, size: int) -> bytes:
    """The head and so many zeros as a gzip file."""
    packed, checksum = _deflated(head, size)
    return b"\x1f\x8b\x08" + bytes(6) + b"\xff" + packed + struct.pack("<II", checksum, len(head) + size)


def _convert(name: str) -> Reader:
    return lambda path: convert_benchmark(name, path, path.parent / "data", partial=True)


def _read(name: str) -> Reader:
    return lambda path: benchmark(name, path.parents[1])


# Pickles --------------------


def _text(value: bytes) -> bytes:
    return b"\x8c" + bytes([len(value)]) + value


def _dag(depth: int) -> bytes:
    """A tuple that holds a tuple twice, and so on: its hash takes 2 ** depth steps."""
    made = b"K\x01\x85q\x00"
    for number in range(1, depth):
        made += bytes([ord("h"), number - 1, ord("h"), number - 1, 0x86, ord("q"), number])
    return made


def _lists(depth: int) -> bytes:
    made = b"]q\x00K\x01a"
    for number in range(1, depth):
        made += bytes([ord("]"), ord("q"), number, ord("("), *[ord("h"), number - 1] * 9, ord("e")])
    return made


def _array(data: bytes, shape: bytes, code: bytes = b"u1") -> bytes:
    dtype = b"cnumpy\ndtype\n(V" + code + b"\nI0\nI1\ntR"
    begun = b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(I0\ntVb\ntR"
    return begun + b"(I1\n" + shape + dtype + b"I00\n" + data + b"tb"


def pickles() -> Iterator[tuple[str, bytes]]:
    """Pickles by what they try."""
    large = struct.pack("<I", 2**31 - 1)
    yield "memo", b"\x80\x02K\x01r" + large + b"."
    yield "memo-text", b"K\x01p2000000000\n."
    yield "memo-after-text", b"\x80\x02X\x08\x00\x00\x00nor_conv0r" + struct.pack("<I", 2**30) + b"."
    yield "claims-bytes", b"\x80\x04\x8e" + struct.pack("<Q", 1 << 40) + b"abc."
    yield "claims-text", b"\x80\x02X\xff\xff\xff\x7fabc."
    yield "claims-frame", b"\x80\x04\x95" + struct.pack("<Q", 1 << 40) + b"N."
    yield "claims-integer", b"\x80\x02\x8b\xff\xff\xff\x7f1."
    yield "nested-key", b"\x80\x02}K\x01" + b"\x85" * 1_000_000 + b"K\x02s."
    yield "nested-key-marks", b"\x80\x02}" + b"(" * 200_000 + b"t" * 200_000 + b"K\x02s."
    yield "doubling-key", b"\x80\x02}(" + _dag(200) + b"tK\x02s."
    yield "dup", b"\x80\x02}K\x01\x85" + b"2\x86" * 60 + b"K\x02s."
    yield "colliding-keys", b"\x80\x02}(" + b"".join(
        pickle.dumps(n * (2**61 - 1), 2)[2:-1] + b"N" for n in range(1, 100_000)
    ) + b"u."  # fmt: skip
    yield "empty-sets", b"\x80\x04(" + b"\x8f" * 4_000_000 + b"l."
    yield "empty-dicts", b"\x80\x02(" + b"}" * 4_000_000 + b"l."
    yield "lists-of-lists", b"\x80\x02" + _lists(40) + b"."
    yield "deep-lists", b"\x80\x02" + b"]" * 500_000 + b"a" * 499_999 + b"."
    yield "shared-buffer", (
        b"\x80\x02" + b"B" + struct.pack("<I", 30 << 20) + bytes(30 << 20) + b"q\x010]q\x02("
        + (_array(b"h\x01", b"(I31457280\nt")) * 60 + b"e."
    )  # fmt: skip
    yield "many-buffers", (
        b"\x80\x02B" + struct.pack("<I", 8 << 20) + bytes(8 << 20) + b"q\x01}q\x02("
        + b"".join(b"I%d\n" % n + _array(b"h\x01", b"(I8388608\nt") for n in range(200)) + b"u\x86."
    )  # fmt: skip
    yield "newobj-array", b"\x80\x02cnumpy\nndarray\n)\x81."
    yield "newobj-in-dict", b"\x80\x02}Vdata\ncnumpy\nndarray\n)\x81s."
    dtype = b"cnumpy\ndtype\n)\x81"
    yield "newobj-dtype", b"\x80\x02cnumpy\nndarray\n(cnumpy\nndarray\nI0\nVb\ntR(I1\n(I1\nt" + dtype + b"I00\nVa\ntb."
    yield "shape", b"\x80\x02" + _array(b"Va\n", b"(I-1\nI1000000000\nt") + b"."
    yield "many-digits", b"I" + b"9" * 5_000_000 + b"\n."
    yield "long-digits", b"L" + b"9" * 5_000_000 + b"L\n."
    yield "names", b"c" + b"a" * 5_000_000 + b"\nb\n."
    yield "escape", b"c\x1b]0;title\x07\nb\n."
    yield "more", pickle.dumps(1) + bytes(1000)
    yield "nothing", b""
    yield "marks", b"(" * 3_000_000 + b"."
    yield "pops", b"K\x010" * 1_000_000 + b"K\x01."
    yield "labels", pickle.dumps({"data": np.zeros((1, 768), np.uint8), "labels": [2**70]}, 2)
    yield "float-labels", pickle.dumps({"data": np.zeros((1, 768), np.uint8), "labels": 10**400}, 2)


_EVERYWHERE = ("memo", "doubling-key", "newobj-array", "lists-of-lists", "empty-dicts", "names", "labels", "nothing")
"""Pickles that every reader of them is tried with; all are read by one function."""


def _zip(name: str, content: bytes, method: int = zipfile.ZIP_DEFLATED, copies: int = 1) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", method) as archive:
        for number in range(copies):
            archive.writestr(name.format(number), content)
    return target.getvalue()


def _big_member(name: str, head: bytes, size: int, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A zip archive with a member of zeros after its head."""
    if method == zipfile.ZIP_DEFLATED:
        packed, checksum = _deflated(head, size)
        facts = struct.pack("<HHHHHLLLHH", 20, 0, method, 0, 0, checksum, len(packed), len(head) + size, len(name), 0)
        member = b"PK\3\4" + facts + name.encode() + packed
        entry = b"PK\1\2" + struct.pack("<H", 20) + facts + bytes(14) + name.encode()
        return member + entry + b"PK\5\6" + struct.pack("<HHHHLLH", 0, 0, 1, 1, len(entry), len(member), 0)
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", method) as archive, archive.open(name, "w", force_zip64=True) as member:
        member.write(head)
        for _ in range(size // ZEROS):
            member.write(bytes(ZEROS))
    return target.getvalue()


def _pickled_cases(folder: Path) -> Iterator[Case]:
    for name, content in pickles():
        yield f"pickle {name}", _write(folder, f"{name}.pickle", content), unpickle.read_pickle
        if name not in _EVERYWHERE:
            continue
        yield f"imagenet16 {name}", _write(folder / name, "val_data", content), probe
        yield f"naslib {name}", _write(folder, f"nb201_{name}.pickle", content), _convert("nasbench201_naslib")
        packed = _write(folder, f"{name}.pickle.pbz2", bz2.compress(content, 1))
        yield f"nats {name}", packed, _convert("nasbench201")
        yield f"torch {name}", _write(folder, f"{name}.pth", content), _convert("nasbench201")
    zeros = bz2.compress(bytes(900_000)) * 1000  # 900 MB
    yield "nats zeros", _write(folder, "zeros.pickle.pbz2", zeros), _convert("nasbench201")
    one = bz2.compress(pickle.dumps(1)) + zeros
    yield "nats zeros after", _write(folder, "after.pickle.pbz2", one), _convert("nasbench201")
    whole = _big_member("archive/data.pkl", pickle.dumps({"meta_archs": []}, 2), 512 << 20)
    yield "torch zip zeros", _write(folder, "zeros.pth", whole), _convert("nasbench201")
    sparse = _write(folder, "sparse.pth", pickle.dumps(0x1950A86A20F9469CFC6C, 2) + pickle.dumps(1, 2) * 4)
    os.truncate(sparse, 8 << 30)
    yield "torch sparse", sparse, _convert("nasbench201")
    yield "imagenet16 sparse", _sparse(folder / "images", "val_data", pickle.dumps({}), 8 << 30), probe
    (folder / "pipe").mkdir()
    os.mkfifo(folder / "pipe" / "000001.pickle.pbz2")
    yield "nats pipe", folder / "pipe", _convert("nasbench201")


def _sparse(folder: Path, name: str, content: bytes, size: int) -> Path:
    path = _write(folder, name, content)
    os.truncate(path, size)
    return path


# Archives of images, texts and tables --------------------


def _npy(shape: Any, descr: str = "|u1", length: int | None = None, version: bytes = b"\1\0") -> bytes:
    text = repr({"descr": descr, "fortran_order": False, "shape": shape}).encode()
    size = len(text) if length is None else length
    return b"\x93NUMPY" + version + size.to_bytes(2 if version == b"\1\0" else 4, "little") + text


def _npz_cases(folder: Path) -> Iterator[Case]:
    gigabytes = _npy((4 << 20, 32, 32, 1))
    labels = _npy((1,), "<i8") + bytes(8)
    for name, content in {
        "claims": _zip("images.npy", gigabytes),
        "zeros": _big_member("images.npy", gigabytes, 512 << 20),
        "header": _big_member("images.npy", _npy((1,), length=1 << 30, version=b"\2\0"), 1 << 30),
        "nested header": _zip("images.npy", _npy((1,))[:10] + b"(" * 9000),
        "no npy": _zip("images", b"\0" * 100),
        "other npy": _zip("images.npy", b"no array"),
        "huge count": _zip("images.npy", _npy((10**400,))),
        "empty text": _zip("classes.npy", _npy((10**15,), "<U0")),
        "negative": _zip("images.npy", _npy((-1, -1))),
        "bz2": _big_member("images.npy", gigabytes, 256 << 20, zipfile.ZIP_BZIP2),
        "members": _zip("{}", b"", zipfile.ZIP_STORED, 60_000),
        "vocabulary": _zip("vocabulary_size.npy", _npy((), "<i8") + (2**62).to_bytes(8, "little")),
        "labels alone": _zip("labels.npy", labels),
    }.items():
        yield f"npz {name}", _write(folder, f"{name}.npz", content), probe
    loop = folder / "loop.npz"
    loop.symlink_to(loop)
    yield "npz loop", loop, probe
    yield "npz sparse", _sparse(folder, "sparse.npz", b"PK", 8 << 30), probe


def _tar(members: Iterator[tuple[tarfile.TarInfo, bytes]] | list[tuple[tarfile.TarInfo, bytes]]) -> bytes:
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for info, content in members:
            archive.addfile(info, io.BytesIO(content))
    return target.getvalue()


def _header(kind: bytes, size: int) -> bytes:
    info = tarfile.TarInfo("header")
    info.type, info.size = kind, size
    return info.tobuf(tarfile.GNU_FORMAT)


def _tar_cases(folder: Path) -> Iterator[Case]:
    kinds = {"pax": tarfile.XHDTYPE, "global": tarfile.XGLTYPE, "long name": tarfile.GNUTYPE_LONGNAME}
    for name, kind in kinds.items():
        content = _gzip(_header(kind, 3 << 30), 512 << 20)
        yield f"cifar {name}", _write(folder, f"{name}.tar.gz", content), probe
        yield f"nats {name}", _sparse(folder, f"{name}.tar", _header(kind, 3 << 30), 4 << 30), _convert("nasbench201")
    yield "cifar zeros", _write(folder, "zeros.tar.gz", _gzip(b"", 1 << 30)), probe
    empty = tarfile.TarInfo("a").tobuf(tarfile.GNU_FORMAT)
    many = gzip.compress(empty * 400_000, 1)
    yield "cifar members", _write(folder, "members.tar.gz", many), probe
    digits = _header(tarfile.XHDTYPE, 8000) + (b"1" * 8000).ljust(8192, b"\0")
    yield "cifar digits", _write(folder, "digits.tar.gz", gzip.compress(digits * 100)), probe
    info = tarfile.TarInfo("x/000003.pickle.pbz2")
    hostile = bz2.compress(bytes(900_000)) * 3000
    info.size = len(hostile)
    yield "nats member", _write(folder, "member.tar", _tar([(info, hostile)])), _convert("nasbench201")
    (folder / "fifo").mkdir()
    os.mkfifo(folder / "fifo" / "cifar-10-binary.tar.gz")
    yield "cifar pipe", folder / "fifo" / "cifar-10-binary.tar.gz", probe


def _text_cases(folder: Path) -> Iterator[Case]:
    line = _write(folder, "line.txt", b"a " * (100 << 20))
    yield "words line", line, probe
    yield "words many", _write(folder, "many.txt", b"".join(b"%x\n" % n for n in range(1_100_000))), probe
    yield "words sparse", _sparse(folder, "sparse.txt", b"a\n", 8 << 30), probe
    pieces = folder / "pieces"
    _write(pieces, "vocab.txt", b"[PAD]\n[UNK]\n[CLS]\n[SEP]\na\n")
    _write(pieces, "text.txt", b"a\n\n" * 3_000_000)
    yield "wordpiece documents", pieces, probe
    _write(folder / "long", "vocab.txt", b"[PAD]\n[UNK]\n[CLS]\n[SEP]\na\n")
    _write(folder / "long", "text.txt", b"a " * (50 << 20) + b"\n")
    yield "wordpiece line", folder / "long", probe

    def keys(path: Path) -> Any:
        return count(str(path), space("nasbench201"))

    yield "keys line", _write(folder, "line.keys", b"|nor_conv_3x3~0|+" * (12 << 20)), keys
    yield "keys sparse", _sparse(folder, "sparse.keys", b"\n", 8 << 30), keys
    yield "keys blank", _write(folder, "blank.gz", gzip.compress(b"\n" * (100 << 20))), keys
    yield "keys long", _write(folder, "long.keys", b"|" * (4 << 20) + b"\n"), keys


def _json_texts() -> Iterator[tuple[str, bytes]]:
    yield "lists", b"[" + b"[]," * 7_000_000 + b"[]]"
    yield "objects", b"[" + b'{"":0},' * 2_500_000 + b"{}]"
    yield "deep", b"[" * 3_000_000
    yield "deep objects", b'{"":' * 1_000_000
    yield "digits", b"[" + b"9" * 5_000_000 + b"]"
    yield "line", b'"' + b"a" * (100 << 20) + b'"'
    yield "large", b'[{"id": 1' + b"0" * 400 + b"}]"
    yield "half", rb'{"\ud800": {"(2, 1, 0, 3, 4, 2)": {"\ud800": {"score": 1, "time": 1}}}}'
    yield "spaces", b" " * (50 << 20)
    yield "key", b'{"cifar10": {"' + b"(" * 3_000_000 + b'": {}}}'
    yield "large score", b'{"cifar10": {"(2, 1, 0, 3, 4, 2)": {"a": {"score": 1' + b"0" * 400 + b', "time": 1}}}}'
    yield "outside", b'{"x/../../../../outside": {"(2, 1, 0, 3, 4, 2)": {"nwot": {"score": 1.0, "time": 1.0}}}}'
    yield "utf-16", "[]".encode("utf-16")
    yield "none", b""


def _json_cases(folder: Path) -> Iterator[Case]:
    for name, content in _json_texts():
        path = _write(folder, f"{name}.json", content)
        yield f"flexibert {name}", path, _convert("flexibert")
        yield f"nds {name}", path, _convert("nds_darts")
        yield f"suite {name}", path, lambda path: import_suite(path, "nasbench201", path.parent / "data")
        lines = _write(folder / name / "flexibert", "architectures.jsonl.gz", gzip.compress(content, 1))
        yield f"table {name}", lines, _read("flexibert")
        packed = gzip.compress(b'{"recipe":' + content, 1)
        cells = _write(folder / name / "nasbench_nlp", "architectures.jsonl.gz", packed)
        yield f"cells {name}", cells, _read("nasbench_nlp")
        if len(content) < 1 << 26:
            logs = _write(folder / name, "logs.zip", _zip("log.json", content))
            yield f"logs {name}", logs, _convert("nasbench_nlp")
            record = struct.pack("<Q", len(content)) + bytes(4) + content + bytes(4)
            yield f"records {name}", _write(folder, f"{name}.tfrecord", record), _convert("nasbench101")
    bomb = _big_member("log.json", b"", 256 << 20)
    yield "logs zeros", _write(folder, "zeros.zip", bomb), _convert("nasbench_nlp")
    yield "logs many", _write(folder, "many.zip", _zip("{}.json", b"{}", 0, 200_000)), _convert("nasbench_nlp")
    zeros = _write(folder / "gzip/flexibert", "architectures.jsonl.gz", _gzip(b"", 512 << 20))
    yield "table gzip", zeros, _read("flexibert")


def _csv_cases(folder: Path) -> Iterator[Case]:
    def read(path: Path) -> Any:
        return Table("toy", {"accuracy": ColumnInfo("accuracy")}, file=path).read()

    for name, content in {
        "line": b"key,accuracy\n" + b"a" * (200 << 20),
        "field": b"key,accuracy\n" + b"a" * 200_000 + b",1\n",
        "rows": b"key,accuracy\n" + b"a,1\n" * 2_100_000,
        "columns": b"key,accuracy," + b",".join(b"%d" % n for n in range(500_000)) + b"\n",
        "nul": b"key,accuracy\na\0,1\n",
        "quote": b'key,accuracy\n"a,1\n' + b"\n" * 5_000_000,
        "number": b"key,accuracy\na,1" + b"0" * 5000 + b"\n",
        "return": b"key,accuracy\na\r\rb,1\n",
    }.items():
        yield f"csv {name}", _write(folder, f"{name}.csv", content), read


def _parquet_cases(folder: Path) -> Iterator[Case]:
    def read(path: Path) -> Any:
        return Table("toy", {"accuracy": ColumnInfo("accuracy")}, file=path).read()

    facts = {"proxies": {"p": {"name": "p", "version": 1, "higher_is_better": True, "options": {}}}}

    def write(name: str, columns: dict[str, Any], told: Any = facts) -> Path:
        path = folder / f"{name}.parquet"
        table = pyarrow.table(columns).replace_schema_metadata({"naslib_zc_plugin": json.dumps(told)})
        parquet.write_table(table, path, compression="zstd")
        return path

    def same(text: str, rows: int) -> Any:
        return pyarrow.DictionaryArray.from_arrays(pyarrow.array(np.zeros(rows, np.int32)), [text])

    rows = 9_000_000
    values = {"value": np.ones(rows), "seconds": np.ones(rows)}
    of_export = {"key": same("a", rows), "proxy": same("p", rows), "status": same("ok", rows), **values}
    equal = write("equal", of_export)
    yield "export equal rows", equal, read_parquet
    yield "parquet equal rows", write("rows", {"key": same("a", rows), "accuracy": np.ones(rows)}), read
    long = write("long", {"key": same("a" * 1_000_000, 100_000), "accuracy": np.ones(100_000)})
    yield "parquet long texts", long, read
    dates = pyarrow.array([1], pyarrow.date32())
    one: dict[str, Any] = {"key": ["a"], "proxy": ["p"], "status": ["ok"], "value": [1.0], "seconds": [1.0]}
    for name, column in {
        "date": dates, "list": pyarrow.array([[1]]), "struct": pyarrow.array([{"a": 1}]),
        "binary": pyarrow.array([b"a"]),
        "decimal": pyarrow.array([1], pyarrow.decimal128(38)), "null": pyarrow.nulls(1), "bool": pyarrow.array([True]),
        "text": pyarrow.array(["x"]), "dates": pyarrow.DictionaryArray.from_arrays(pyarrow.array([0]), dates),
    }.items():  # fmt: skip
        yield f"parquet {name}", write(f"of {name}", {"key": pyarrow.array(["a"]), "accuracy": column}), read
        yield f"parquet key {name}", write(f"key {name}", {"key": column, "accuracy": pyarrow.array([1.0])}), read
        yield f"export key {name}", write(f"export {name}", {**one, "key": column}), read_parquet
    wide = {"proxies": {str(n): facts["proxies"]["p"] for n in range(20_000)} | facts["proxies"]}
    many = {"key": [str(n) for n in range(20_000)], **{n: v * 20_000 for n, v in one.items() if n != "key"}}
    yield "export wide", write("wide", many, wide), read_parquet
    for number, told in enumerate([[], {"proxies": []}, {"proxies": {"p": []}}, {"proxies": {"p": {"name": 1}}}, 1]):
        yield f"export facts {number}", write(f"facts {number}", one, told), read_parquet


def _yaml_cases(folder: Path) -> Iterator[Case]:
    laughs = "a0: &a0 [x, x]\n" + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 30))
    for name, text in {
        "aliases": laughs,
        "line": "a: " + "x" * (200 << 20),
        "lists": "a: [" + "[]," * 1_300_000 + "]",
        "dashes": "- " * 1_000_000,
        "deep": "[" * 100_000,
        "itself": "a: &a [*a]",
        "key itself": "? &a [*a]\n: 1",
        "merge itself": "a: &a {<<: *a}",
        "sexagesimal": "a: 1" + ":1" * 1_000_000,
        "twice": "a: 1\na: 2",
        "digits": "a: 0x" + "f" * 1_000_000,
        "sets": "a: !!set {b, c}\n? [a]\n: 1",
        "date": "a: 2001-99-99",
        "binary": "a: !!binary '###'",
    }.items():
        yield f"yaml {name}", _write(folder, f"{name}.yaml", text.encode()), mapping
    yield "yaml sparse", _sparse(folder, "sparse.yaml", b"a: 1\n", 8 << 30), mapping


def cases(folder: Path) -> Iterator[Case]:
    """Every case: its name, its file, made in ``folder``, and what is to read it."""
    for kind in (
        _pickled_cases, _npz_cases, _tar_cases, _text_cases, _json_cases, _csv_cases, _parquet_cases, _yaml_cases,
    ):  # fmt: skip
        place = folder / kind.__name__
        place.mkdir()
        yield from kind(place)


# Reading them --------------------


def _status(name: str) -> int:
    """A number of kB in the process's status."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return int(next(line for line in lines if line.startswith(name)).split()[1])


def _told(path: Path, read: Reader) -> dict[str, Any]:
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS + 5, SECONDS + 5))
    resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # the highest memory is counted anew
    before, error = _status("VmRSS"), None
    try:
        read(path)
    except BaseException as caught:
        error = caught
    return {
        "error": type(error).__name__ if error else "", "text": str(error)[:1000],
        "about": str(getattr(error, "path", "")),
        "memory": (_status("VmHWM") - before) / 1024,
    }  # fmt: skip


def _apart(path: Path, read: Reader) -> dict[str, Any]:
    """What reading gives in a process of its own, and what it takes."""
    receive, send = os.pipe()
    child = os.fork()
    if not child:
        os.write(send, json.dumps(_told(path, read)).encode())
        os._exit(0)
    os.close(send)
    with os.fdopen(receive, "rb") as answer:
        told = answer.read()
    _, status, used = os.wait4(child, 0)
    killed = {"error": f"signal {os.WTERMSIG(status)}", "text": "", "about": "", "memory": 0}
    return {**(json.loads(told) if told else killed), "seconds": used.ru_utime + used.ru_stime}


def main(folder: Path, only: str = "") -> None:
    """Read every case and print what it gave; its file is removed at once."""
    usual = _status("VmRSS") / 1024
    for name, path, read in cases(folder):
        if only in name:
            found = _apart(path, read)
            found["memory"] += usual
            print(json.dumps({"case": name, "file": str(path), **found}), flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
