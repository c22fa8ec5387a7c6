"""NAS-Bench-101's official files: read, converted, and refused record by record."""

from __future__ import annotations

import base64
import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import spearmanr

from naslib_zc_plugin.benchmarks import Benchmark, benchmark, convert_benchmark, nasbench101
from naslib_zc_plugin.benchmarks.nasbench101 import convert
from naslib_zc_plugin.files import DataError
from naslib_zc_plugin.spaces import space
from naslib_zc_plugin.spaces.nasbench101 import keys
from naslib_zc_plugin.spaces.nasbench101.keys import hash_of
from tests.benchmarks import made, tfrecords

SPACE = space("nasbench101")


def test_checksums_are_those_of_the_standard() -> None:
    """RFC 3720, appendix B.4."""
    texts = [b"123456789", bytes(32), b"\xff" * 32, bytes(range(32)), bytes(range(31, -1, -1))]
    wanted = [0xE3069283, 0x8A9136AA, 0x62A8AB43, 0x46DD794E, 0x113FDB5C]
    assert convert.checksums(texts).tolist() == wanted
    assert [tfrecords.crc32c(text) for text in texts] == wanted


@given(st.lists(st.binary(min_size=4, max_size=40), min_size=1, max_size=9))
def test_checksums_of_many_are_those_of_each(contents: list[bytes]) -> None:
    assert convert.checksums(contents).tolist() == list(map(tfrecords.crc32c, contents))


@settings(max_examples=20)
@given(st.lists(st.binary(min_size=4, max_size=60), min_size=1, max_size=5))
def test_records_are_read_as_they_were_written(tmp_path_factory: pytest.TempPathFactory, contents: list[bytes]) -> None:
    path = tfrecords.write(tmp_path_factory.mktemp("records") / "some.tfrecord", contents)
    assert list(convert.records(path)) == contents


def test_a_long_record_among_short_ones_takes_little_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    contents = [b"%05d" % number for number in range(40)] + [bytes(3_000)] + [b"%05d" % number for number in range(40)]
    path = tfrecords.write(tmp_path / "some.tfrecord", contents)
    sizes: list[int] = []
    true = convert.checksums

    def measured(parts: Sequence[bytes]) -> Any:
        sizes.append(len(parts) * max(map(len, parts)))
        return true(parts)

    monkeypatch.setattr(convert, "checksums", measured)
    monkeypatch.setattr(convert, "_BLOCK", 6_000)
    assert list(convert.records(path)) == contents
    assert max(sizes) <= 6_000


def test_more_records_than_are_checked_at_once(tmp_path: Path) -> None:
    contents = [f"{number:05d}".encode() for number in range(2_500)]
    path = tfrecords.write(tmp_path / "many.tfrecord", contents)
    assert list(convert.records(path)) == contents
    data = bytearray(path.read_bytes())
    data[2_100 * 21 + 14] ^= 1
    path.write_bytes(data)
    with pytest.raises(DataError, match="checksum of each record's content; found another one in record 2100"):
        list(convert.records(path))


def test_a_length_beyond_all_measure_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "long.tfrecord"
    for size in (0, 3, 2**20 + 1, 2**63):
        path.write_bytes(size.to_bytes(8, "little") + bytes(100))
        with pytest.raises(DataError, match="no length of a record where record 0 should begin"):
            list(convert.records(path))


@given(st.binary(max_size=60))
def test_any_bytes_are_a_message_or_a_value_error(content: bytes) -> None:
    try:
        found = convert.message_fields(content)
    except ValueError:
        return
    assert sum(map(len, found.values())) >= (1 if content else 0) and 0 not in found


@pytest.mark.parametrize("lengths", [(108,), tfrecords.LENGTHS])
def test_an_official_file_becomes_the_table(tmp_path: Path, lengths: tuple[int, ...]) -> None:
    source, seen = tfrecords.write(tmp_path / "some.tfrecord", tfrecords.content(lengths)), list[int]()
    path = convert_benchmark("nasbench101", source, tmp_path / "data", partial=True, progress=seen.append)
    found = benchmark("nasbench101", tmp_path / "data")
    assert path == found.path == tmp_path / "data/nasbench101/accuracies.parquet" and found.partial
    assert found.keys == tuple(SPACE.key(number) for number in tfrecords.CHOSEN) and seen == list(range(6))
    assert list(nasbench101.hashes(path).values()) == list(found.keys)
    assert set(found.columns) == {
        name
        for name in nasbench101.TABLE.columns
        if len(lengths) > 1 or "108" in name or name in ("params", "train_time_s")
    }
    for number, key in zip(tfrecords.CHOSEN, found.keys):
        assert found.column("params")[key] == 1_000_000 + number
        for epochs in lengths:
            runs = np.array([tfrecords.measured(number, epochs, run) for run in range(3)])
            time_column = "train_time_s" if epochs == 108 else f"train_time_{epochs}_s"
            assert found.column(time_column)[key] == pytest.approx(runs[:, 1].mean())
            for part, name in enumerate(("train", "val", "test"), start=2):
                assert found.column(f"{name}_acc_{epochs}")[key] == pytest.approx(runs[:, part].mean())
                # The file mixes the runs; which is the first is its order.
                each = [found.column(f"{name}_acc_{epochs}_run{run}")[key] for run in range(3)]
                assert sorted(each) == sorted(runs[:, part].tolist())
    assert found.training_seconds("test_acc_108") == found.column("train_time_s")


def test_a_file_that_lacks_cells_or_runs_is_no_whole_table(tmp_path: Path) -> None:
    source = tfrecords.write(tmp_path / "some.tfrecord", tfrecords.content((108,)))
    with pytest.raises(DataError, match="all 423624 architectures, unless a partial table is asked for; found 6"):
        convert_benchmark("nasbench101", source, tmp_path / "data")
    tfrecords.write(source, tfrecords.content((108,))[1:])
    with pytest.raises(DataError, match="3 runs of each training, unless a partial table is asked for"):
        convert_benchmark("nasbench101", source, tmp_path / "data")
    assert not (tmp_path / "data").exists()
    convert_benchmark("nasbench101", source, tmp_path / "data", partial=True)
    found = benchmark("nasbench101", tmp_path / "data")
    assert len(found) == 6 and len(found.column("val_acc_108_run2")) == 5


def _broken(**changes: Any) -> bytes:
    return tfrecords.record(60, 108, 0, **changes)


MESSAGE = tfrecords.message(60, 108, 0)


@pytest.mark.parametrize(
    ("record", "fault"),
    [
        (b"{ not JSON }", "Expecting property name"),
        (b"\xff\xfe\x00\xd8\x00", "in record 1"),
        (b"[" * 100_000, "in record 1"),
        (b'{"a": 1}', "no list of hash, epochs"),
        (_broken(epochs="108"), "no list of hash, epochs"),
        (_broken(epochs=100), "a training of 100 epochs"),
        (_broken(matrix="01" * 5_001), f"the matrix {'01' * 49!r:.99}"),
        (_broken(metrics=base64.b64encode(MESSAGE[: MESSAGE.index(b"\x10\xfc")]).decode()), "no number of parameters"),
        (_broken(metrics=base64.b64encode(tfrecords.message(60, 108, 0, (1.0,))).decode()), "1 evaluations, not 3"),
        (
            _broken(metrics=base64.b64encode(tfrecords.message(60, 108, 0, lacking=4)).decode()),
            "no validation accuracy",
        ),
        (_broken(name="0" * 32), f"the hash {'0' * 32} for the cell"),
        (_broken(matrix="0"), "need a matrix"),
        (_broken(matrix="01x00"), "the matrix '01x00'"),
        (_broken(matrix="0100101000010000"), "lead to later vertices"),
        (_broken(operations="input,avgpool3x3,maxpool3x3,output"), "unknown operation 'avgpool3x3'"),
        (_broken(metrics="?"), "in record 1"),
        (_broken(metrics=base64.b64encode(MESSAGE[:-3]).decode()), "cut short"),
        (_broken(metrics=base64.b64encode(b"\x07").decode()), "unknown kind 7"),
        (_broken(metrics=base64.b64encode(b"\xff" * 11).decode()), "does not end"),
        (_broken(metrics=base64.b64encode(MESSAGE[: len(MESSAGE) // 2 - 10]).decode()), "in record 1"),
        (_broken(metrics=base64.b64encode(b"\x08\x01" * 3 + b"\x10\x05").decode()), "no message"),
        (_broken(metrics=base64.b64encode(b"\x0a\x02\x10\x01" * 3 + b"\x10\x05").decode()), "in record 1"),
        (_broken(metrics=base64.b64encode(tfrecords.message(61, 108, 1)).decode()), "1000061 parameters of"),
        (tfrecords.record(60, 108, 0), "more than 3 runs of 108 epochs"),
    ],
)
def test_a_record_that_is_none_is_named(tmp_path: Path, record: bytes, fault: str) -> None:
    first = [tfrecords.record(60, 108, 0)] * (3 if fault.startswith("more") else 1)
    source = tfrecords.write(tmp_path / "some.tfrecord", [*first, record])
    with pytest.raises(DataError, match="expected records of NAS-Bench-101's form; found in record") as caught:
        convert_benchmark("nasbench101", source, tmp_path / "data", partial=True)
    assert fault in caught.value.found and not (tmp_path / "data").exists()


CELL = ("n_vertices", "adj_upper_rowmajor", "ops")


def test_runs_of_another_cell_under_one_name_are_refused(tmp_path: Path) -> None:
    name = json.loads(tfrecords.record(60, 108, 0))[0]
    wrong = json.loads(tfrecords.record(61, 108, 1, name=name))
    wrong[4] = json.loads(tfrecords.record(60, 108, 1))[4]
    records = [tfrecords.record(60, 108, 0), json.dumps(wrong).encode()]
    with pytest.raises(DataError, match=f"in record 1: the hash {name} for the cell"):
        convert_benchmark("nasbench101", tfrecords.write(tmp_path / "some.tfrecord", records), tmp_path, partial=True)


def _set(columns: dict[str, Any], name: str, value: Any) -> None:
    columns[name] = list(columns[name])
    columns[name][0] = value


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (lambda c: c.pop("ops"), "no column 'ops'"),
        (lambda c: _set(c, "ops", "avgpool3x3"), "'avgpool3x3' as an operation"),
        (lambda c: _set(c, "ops", "maxpool3x3"), "a cell of 2 vertices with the operations 'maxpool3x3'"),
        (lambda c: _set(c, "adj_upper_rowmajor", "11"), "'11' as the matrix of 2 vertices"),
        (lambda c: _set(c, "adj_upper_rowmajor", "0"), "not connected to the input"),
        (lambda c: _set(c, "hash", "0" * 32), f"the hash {'0' * 32} in row 0 of the cell output"),
        (lambda c: _set(c, "hash", c["hash"][1]), "1 hashes more than once"),
        (lambda c: c.update({name: c[name][1:2] * 20 for name in CELL}), "the hash"),
    ],
)
def test_a_table_of_other_cells_is_refused(tmp_path: Path, change: Any, fault: str) -> None:
    columns = made.nasbench101_columns(20)
    change(columns)
    made.unchecked(tmp_path, columns, nasbench101.TABLE, **{"naslib_zc_plugin.partial": "20"})
    with pytest.raises(DataError, match="the architectures of nasbench101") as caught:
        benchmark("nasbench101", tmp_path)
    assert fault in caught.value.found


def test_the_whole_table_goes_before_the_sample(shared: Path, tmp_path: Path) -> None:
    sample = nasbench101.TABLE.sample
    assert sample is not None
    (tmp_path / "nasbench101").mkdir()
    shutil.copy(shared / "data" / sample.file, tmp_path / sample.file)
    assert len(benchmark("nasbench101", tmp_path)) == 20_001
    made.written(tmp_path, made.nasbench101_columns(30), nasbench101.TABLE)
    assert len(benchmark("nasbench101", tmp_path)) == 30


@pytest.fixture(scope="module")
def real(shared: Path) -> Benchmark:
    return benchmark("nasbench101", shared / "data")


def test_the_real_sample(real: Benchmark, shared: Path, tmp_path: Path) -> None:
    assert len(real) == 20_001 and real.partial
    columns = [list(real.column(name).values()) for name in ("params", "val_acc_108")]
    assert spearmanr(*columns).statistic == pytest.approx(0.446, abs=1e-3)
    assert set(real.columns) == {*(f"val_acc_{epochs}" for epochs in tfrecords.LENGTHS), "params", "train_time_s"}
    hashes = nasbench101.hashes(real.path)
    assert tuple(hashes.values()) == real.keys
    for name in list(hashes)[::400]:
        assert hash_of(keys.parse(hashes[name])) == name
    # Its cells are written as the benchmark's own list has them.
    assert all(SPACE.key(SPACE.index(key)) == key for key in real.keys[::20])
