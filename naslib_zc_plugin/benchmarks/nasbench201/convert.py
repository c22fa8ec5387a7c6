"""The official files of NATS-Bench's topology space and of NAS-Bench-201, read without trust.

``NATS-tss-v1_0-3ffb9-simple``, as a folder or as its ``.tar``, has a pickle of its own for each architecture, packed
with bz2; they are read one by one, in little memory, and the archive need not be unpacked.
``NATS-tss-v1_0-3ffb9.pickle.pbz2`` is one such pickle of all, and ``NAS-Bench-201-v1_1-096897.pth`` one that torch
saved: these are read into memory as a whole, which takes tens of gigabytes.

An architecture's results are, per training length, lists of seeds per data set and a record for each data set and
seed, with accuracies and times of each epoch. The official API means over seeds; so do the columns here.
"""

from __future__ import annotations

import bz2
import hashlib
import os
import re
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from io import BytesIO
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO, cast

from naslib_zc_plugin.benchmarks._table import Progress, Table
from naslib_zc_plugin.files import DataError, existing, inside, readable, real_number, shown, unpickle, whole_number
from naslib_zc_plugin.files.archives import open_zip, read_member, tar_members
from naslib_zc_plugin.files.limits import Meter
from naslib_zc_plugin.spaces.nasbench201 import SPACE, keys

_EXPECTED = "the files of NATS-Bench's topology space (.pickle.pbz2, -simple folder or .tar), or NAS-Bench-201's .pth"
_WHOLE = "a whole .tar archive"
_PACKED = ".pickle.pbz2"
_MEMBER = re.compile(r"\d{1,6}\.pickle\.pbz2")
_META = "meta.pickle.pbz2"
_TORCH_MAGIC = 0x1950A86A20F9469CFC6C
_LENGTHS = {12: ("12", "less"), 200: ("200", "full")}
"""Epochs → the names of that training in NATS-Bench and in NAS-Bench-201."""
_LEGACY_SEED = 888
"""Where the counts of runs disagree, by a fault of the benchmark's makers, this seed's are right, as in the API."""
_SEEDS = 3
_BLOCK = 512  # bytes of tar's

# Prefix of the columns → the official names of the data set and of the set of images.
_VALIDATION = {
    "cifar10": ("cifar10-valid", "x-valid"),
    "cifar100": ("cifar100", "x-valid"),
    "imagenet16": ("ImageNet16-120", "x-valid"),
}
_TEST = {
    "cifar10": ("cifar10", "ori-test"),
    "cifar100": ("cifar100", "x-test"),
    "imagenet16": ("ImageNet16-120", "x-test"),
}

Run = Mapping[str, Any]
Results = tuple[int, Mapping[str, Any]]
"""An architecture's official number and its results."""


def columns(table: Table, source: Path, partial: bool, progress: Progress) -> dict[str, list[Any]]:
    """Return the columns of the table, rows in the official order; call ``progress`` with each number read.

    Raises:
        DataError: no official file, damaged, of another checksum than the one in its name, with architectures
            or results that are not the benchmark's, or asking to run code.
    """
    rows = {}
    for number, results in _architectures(source):
        if number in rows:
            raise DataError(source, "each architecture once", f"number {number} twice")
        rows[number] = _row(source, number, results)
        progress(number)
    if not rows:
        raise DataError(source, _EXPECTED, "no architecture")
    ordered = [rows[number] for number in sorted(rows)]
    return {name: [row[name] for row in ordered] for name in ordered[0]}


def _architectures(source: Path) -> Iterator[Results]:
    """Return the results in official files, by the form of the source."""
    if source.is_dir():
        return _in_folder(source)
    existing(source, _EXPECTED)
    if source.name.endswith(".tar"):
        return _in_tar(source)
    if source.name.endswith(_PACKED):
        _check_name(source)
        return _in_one(source, _packed(source, source.open("rb"), Meter(source, unpickle.LIMITS)))
    if source.suffix == ".pth":
        _check_name(source)
        return _in_one(source, _torch_file(source, Meter(source, unpickle.LIMITS)))
    raise DataError(source, _EXPECTED, f"a file named {source.name!r}")


def _in_folder(folder: Path) -> Iterator[Results]:
    meter = Meter(folder, unpickle.LIMITS)
    with os.scandir(folder) as entries:
        names = sorted(each.name for each in entries if each.name == _META or _MEMBER.fullmatch(each.name))
    for name in names:
        meter.take("members")
        yield from _one(folder / name, existing(folder / name, "a whole bz2 file").open("rb"), meter)


def _in_tar(source: Path) -> Iterator[Results]:
    meter = Meter(source, unpickle.LIMITS)
    with source.open("rb") as file:
        for member, _, content in tar_members(source, _WHOLE, file, meter):
            name = PurePosixPath(member).name
            if name == _META or _MEMBER.fullmatch(name):
                yield from _one(source / member, content, meter)
        file.seek(-_BLOCK, os.SEEK_END)  # without blocks of zeros at the end it may be cut between two members
        if any(file.read()):
            raise DataError(source, _WHOLE, "one without an end")


def _one(path: Path, stream: BinaryIO, meter: Meter) -> Iterator[Results]:
    """Yield the results in an architecture's own file; check the order of architectures in the meta file."""
    content = _packed(path, stream, meter.part(path))
    if path.name == _META:
        _check_order(path, content)
    else:
        yield int(path.name[: -len(_PACKED)]), content


def _in_one(source: Path, content: Any) -> Iterator[Results]:
    """Yield the results in a file of all architectures."""
    _check_order(source, content)
    results = content.get("arch2infos")
    if not isinstance(results, dict) or not all(type(number) is int for number in results):
        raise DataError(source, "'arch2infos' as a dict by number", type(results).__name__)
    # Each is let go when its row is done.
    for number in sorted(results):
        yield number, results.pop(number)


class _Dict(dict[Any, Any], unpickle.StandIn):
    """``collections.OrderedDict``, made from pairs or empty."""

    def __init__(self, pairs: Sequence[Any] = ()) -> None:
        self.meter.take("memory", 100 * len(pairs))
        super().__init__(pairs)


class _Set(unpickle.StandIn):
    """``set``, which old protocols make from a list."""

    def __new__(cls, values: Sequence[Any] = ()) -> Any:
        cls.meter.take("memory", 100 * len(values))
        return set(values)


_STAND_INS: unpickle.StandIns = {
    ("collections", "OrderedDict"): _Dict,
    ("builtins", "set"): _Set,
    ("__builtin__", "set"): _Set,
}


def _packed(path: Path, stream: BinaryIO, meter: Meter) -> Any:
    """Read the pickle in a bz2 stream, to its end, where bz2 has its checksum."""
    with readable(path, "a whole bz2 file"), stream, bz2.open(stream) as unpacked:
        return unpickle.read_pickle(path, cast(BinaryIO, unpacked), _STAND_INS, meter)


def _torch_file(path: Path, meter: Meter) -> Any:
    """Read a file of ``torch.save``: a zip archive with one pickle, or, before torch 1.6, the last of several."""
    if zipfile.is_zipfile(path):
        with open_zip(path, "a whole file of torch", meter) as archive:
            names = [name for name in archive.namelist() if inside(path, name).name == "data.pkl"]
            if len(names) != 1:
                raise DataError(path, "one data.pkl in the archive", f"{len(names)}")
            content = read_member(path, archive, names[0], meter)
        return unpickle.read_pickle(path, BytesIO(content), _STAND_INS, meter)
    magic, _version, _system, content, _storages = unpickle.read_pickles(path, 5, None, _STAND_INS, meter)
    if magic != _TORCH_MAGIC:
        raise DataError(path, "a file of torch", "a pickle of another kind")
    return content


def _check_name(path: Path) -> None:
    """Check the digits that end an official name: the last ones of the file's MD5 sum, or the first in old names."""
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


def _row(source: Path, number: int, results: Any) -> dict[str, Any]:
    """Return an architecture's row.

    Raises:
        DataError: naming ``source``: the results are not of the official form, or of another architecture.
    """
    if not 0 <= number < SPACE.size:
        raise DataError(source, f"architectures 0 to {SPACE.size - 1}", f"number {number}")
    key = SPACE.key(number)
    try:
        named = {results[name]["arch_str"] for names in _LENGTHS.values() for name in names if name in results}
        if named == {key}:
            return {"index": number, "arch_str": key, "unique_str": class_text(key), **_numbers(results)}
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        found = f"{type(error).__name__}: {error}"
        raise DataError(source, f"architecture {number} with results of the official form", found) from error
    raise DataError(source, f"architecture {number} to be {key}", ", ".join(map(shown, named)) or "no results")


def _check_order(source: Path, content: Any) -> None:
    """Check that the list of architectures is the official one."""
    order = content.get("meta_archs") if isinstance(content, dict) else None
    if not isinstance(order, list):
        raise DataError(source, "a dict with 'meta_archs', a list", type(content).__name__)
    if order != [SPACE.key(number) for number in range(SPACE.size)]:
        raise DataError(source, f"the {SPACE.size} architectures in the official order", f"{len(order)} others")


def _numbers(results: Mapping[str, Any]) -> dict[str, Any]:
    """Return the columns' numbers for one architecture."""
    halved = _runs(results, 200, "cifar10-valid")
    whole = _runs(results, 200, "cifar10")
    found: dict[str, Any] = {"n_seeds_200": len(halved)}
    for prefix in _TEST:
        for name, sets in (("val", _VALIDATION), ("test", _TEST)):
            dataset, images = sets[prefix]
            for epochs in (200, 12):
                found[f"{prefix}_{name}_{epochs}"] = _mean(_accuracies(_runs(results, epochs, dataset), images))
        trained = _runs(results, 200, _VALIDATION[prefix][0])
        found[f"{prefix}_traintime_200_s"] = _training_time(trained)
        found[f"{prefix}_params_M"] = _count(_runs(results, 200, _TEST[prefix][0]), "params")
    found["cifar10_flops_M"] = _count(whole, "flop")
    found["cifar10_test_200_half_train"] = _mean(_accuracies(halved, "ori-test"))
    for name, accuracies in (("val", _accuracies(halved, "x-valid")), ("test", _accuracies(whole, "ori-test"))):
        for run in range(_SEEDS):
            found[f"cifar10_{name}_200_run{run}"] = accuracies[run] if run < len(accuracies) else None
    return found


def _runs(results: Mapping[str, Any], epochs: int, dataset: str) -> dict[int, Run]:
    """Return the runs of a training length on a data set, by seed."""
    name, older = _LENGTHS[epochs]
    training = results[name if name in results else older]
    seeds = map(whole_number, training["dataset_seed"][dataset])
    return {seed: training["all_results"][dataset, seed] for seed in sorted(seeds)}


def _accuracies(runs: Mapping[int, Run], images: str) -> list[float]:
    """Return accuracies after the last epoch, in percent."""
    return [real_number(run["eval_acc1es"][f"{images}@{run['epochs'] - 1}"]) for run in runs.values()]


def _training_time(runs: Mapping[int, Run]) -> float | None:
    """Return the seconds of all epochs, mean over the runs; None where the file does not have them."""
    times = [[run["train_times"], run["epochs"]] for run in runs.values()]
    if any(seconds is None for seconds, _ in times):
        return None
    return _mean([sum(real_number(seconds[epoch]) for epoch in range(epochs)) for seconds, epochs in times])


def _count(runs: Mapping[int, Run], name: str) -> float:
    """Return weights or operations in millions, mean over the runs."""
    counts = {seed: real_number(run[name]) for seed, run in runs.items()}
    agree = len({f"{count:.5f}" for count in counts.values()}) == 1
    return _mean(list(counts.values())) if agree else counts[_LEGACY_SEED]


def _mean(values: Sequence[float]) -> float:
    if not values:
        raise ValueError("no run")
    return sum(values) / len(values)


def class_text(key: str) -> str:
    """Return the benchmark's text for a class of isomorphic cells: nodes as sorted sums of ``(source)@operation``.

    A ``skip_connect`` stands for its source, ``none`` for ``#``; 6,466 texts in all.
    """
    operations = keys.parse(key)
    nodes = ["0"]
    for target in range(1, 4):
        edges = [(nodes[a], operation) for (a, b), operation in zip(keys.EDGES, operations) if b == target]
        nodes.append("+".join(sorted(_term(*edge) for edge in edges)))
    return nodes[-1]


def _term(source: str, operation: str) -> str:
    if operation == "none" or source == "#":
        return "#"
    return source if operation == "skip_connect" else f"({source})@{operation}"
