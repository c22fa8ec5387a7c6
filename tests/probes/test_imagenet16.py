"""ImageNet16-120 from the official pickles, which are never trusted."""

from __future__ import annotations

import os
import pickle
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from naslib_zc_plugin.files import DataError
from naslib_zc_plugin.probes import probe

REAL = Path(__file__).resolve().parents[3] / "shared/data/probes/imagenet16_120.npz"


def content(labels: list[int], seed: int = 0) -> dict[str, Any]:
    data = np.random.default_rng(seed).integers(0, 256, (len(labels), 768), dtype=np.uint8)
    return {"data": data, "labels": labels, "mean": data.mean(0)}


def dumped(path: Path, value: Any, protocol: int = 2) -> Path:
    path.write_bytes(pickle.dumps(value, protocol=protocol))
    return path


@pytest.mark.parametrize("protocol", [0, 1, 2, 3, 4])
def test_the_first_120_classes_are_kept(tmp_path: Path, protocol: int) -> None:
    made = content([1, 1000, 120, 121, 7])
    p = probe(dumped(tmp_path / "val_data", made, protocol))
    assert (p.name, p.classes) == ("imagenet16_120", 120)
    assert p.labels.tolist() == [0, 119, 6]
    for image, row in zip(p.images, made["data"][[0, 2, 4]]):
        for c in range(3):
            np.testing.assert_array_equal(image[:, :, c].ravel(), row[c * 256 : (c + 1) * 256])


def test_pickles_of_python_2_are_read(tmp_path: Path) -> None:
    """Python 2 wrote array bytes as texts: the opcodes here are those of its protocol 2, memo left out."""
    data = bytes(range(256)) * 3
    body = b"T" + struct.pack("<i", len(data)) + data
    array = (
        b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R"
        b"(K\x01K\x01M\x00\x03\x86cnumpy\ndtype\nU\x02u1K\x00K\x01\x87R"
        b"(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89" + body + b"tb"
    )
    path = tmp_path / "val_data"
    path.write_bytes(b"\x80\x02}(U\x04data" + array + b"U\x06labels]K\x05au.")
    p = probe(path)
    assert p.labels.tolist() == [4]
    np.testing.assert_array_equal(p.images[0, :, :, 2].ravel(), np.arange(256))


def test_a_split_is_all_of_its_files_in_order(tmp_path: Path) -> None:
    for number in range(1, 11):
        dumped(tmp_path / f"train_data_batch_{number}", content([number, 500], seed=number))
    dumped(tmp_path / "val_data", content([100] * 3))
    assert probe(tmp_path).labels.tolist() == list(range(10))
    assert probe(tmp_path, split="val").labels.tolist() == [99] * 3
    assert probe(tmp_path / "train_data_batch_7").labels.tolist() == [6]
    (tmp_path / "train_data_batch_4").unlink()
    with pytest.raises(DataError, match="train_data_batch_4: expected an official file.*no such file"):
        probe(tmp_path)
    with pytest.raises(DataError, match="split 'train' or 'val'; found 'test'"):
        probe(tmp_path, split="test")


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"labels": [0, 5]}, "labels in 1..1000; found labels in 0..5"),
        ({"labels": [1, 1001]}, "labels in 1..1000; found labels in 1..1001"),
        ({"labels": [1]}, "2 labels; found 1"),
        ({"labels": [1.5, 2.0]}, "list of integers"),
        ({"labels": "ab"}, "list of integers; found str"),
        ({"data": np.zeros((2, 3_072), np.uint8)}, "shape \\(n, 768\\); found uint8 of shape \\(2, 3072\\)"),
        ({"data": np.zeros((2, 768))}, "found float64"),
        ({"data": [[0] * 768] * 2}, "found list"),
        ({"labels": [121, 122]}, "images of shape"),
    ],
)
def test_wrong_contents_are_named(tmp_path: Path, change: dict[str, Any], fault: str) -> None:
    with pytest.raises(DataError, match=fault):
        probe(dumped(tmp_path / "val_data", {**content([1, 2]), **change}))


def test_other_pickles_are_named(tmp_path: Path) -> None:
    for value, fault in (([1, 2], "found list"), ({"fine_labels": [1]}, "found keys \\['fine_labels'\\]")):
        with pytest.raises(DataError, match=f"a dict with 'data' and 'labels'; {fault}"):
            probe(dumped(tmp_path / "val_data", value))


def test_labels_may_be_an_array_or_numpy_numbers(tmp_path: Path) -> None:
    for labels in (np.array([3, 4]), [np.int64(3), np.int64(4)]):
        p = probe(dumped(tmp_path / "val_data", {**content([1, 2]), "labels": labels}))
        assert p.labels.tolist() == [2, 3]


@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_a_file_cut_anywhere_is_named(tmp_path: Path, protocol: int) -> None:
    whole = dumped(tmp_path / "val_data", content([1, 2]), protocol).read_bytes()
    for length in range(0, len(whole), max(13, len(whole) // 300)):
        (tmp_path / "val_data").write_bytes(whole[:length])
        with pytest.raises(DataError):
            probe(tmp_path / "val_data")


def test_a_web_page_is_named(tmp_path: Path) -> None:
    (tmp_path / "val_data").write_bytes(b"<!DOCTYPE html><html>404</html>")
    with pytest.raises(DataError, match="val_data: expected a pickle of plain values"):
        probe(tmp_path / "val_data")


class Call:
    """Pickles as a call of a function."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.call = function, arguments

    def __reduce__(self) -> Any:
        return self.call


@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_a_hostile_file_never_acts(tmp_path: Path, protocol: int) -> None:
    canary = tmp_path / "canary"
    calls = [
        Call(os.system, f"touch {canary}"),
        Call(os.mkdir, str(canary)),
        Call(exec, f"open({str(canary)!r}, 'w')"),
        Call(open, str(canary), "w"),
        Call(np.memmap, str(canary), "uint8", "w+", 0, (1,)),
        Call(np.save, str(canary), [1]),
        Call(np.load, str(canary)),
    ]
    for call in calls:
        dumped(tmp_path / "val_data", {**content([1, 2]), "labels": [call]}, protocol)
        with pytest.raises(DataError, match="the file asks for "):
            probe(tmp_path / "val_data")
        assert not canary.exists()
    pickle.loads(pickle.dumps(calls[1], protocol))
    assert canary.exists()  # so the files were truly hostile


@pytest.mark.parametrize(
    ("stream", "fault"),
    [
        (b"c_codecs\nencode\n(Vabc\nVbz2_codec\ntR.", "unexpected codec"),
        (b"cnumpy\ndtype\n(VO\ntR.", "unexpected type 'O'"),
        (b"cnumpy\ndtype\n(VV8\ntR.", "unexpected type 'V8'"),
        (b"cnumpy\ndtype\n(Vi8\ntR(K\x03VO\ntb.", "unexpected byte order 'O'"),
        (b"cnumpy\nndarray\n}Vx\nK\x01sb.", "TypeError"),
        (b"cnumpy\ndtype\nN}V__init__\nK\x01s\x86b.", "TypeError"),
        (b"c_codecs\nencode\nN}V__new__\nK\x01s\x86b.", "TypeError"),
        (b"cnumpy.core.multiarray\nscalar\nN}V__new__\nK\x01s\x86b.", "TypeError"),
        (b"cbuiltins\ngetattr\n(cos\npath\nVjoin\ntR.", "the file asks for builtins.getattr"),
        (b"\x80\x04cnumpy\nndarray.tofile\n.", "the file asks for numpy.ndarray.tofile"),
        (b"Pid\n.", "UnpicklingError"),
        (b"\x82\x01.", "unexpected operation b'.x82'"),
    ],
)
def test_hand_made_streams_get_nothing(tmp_path: Path, stream: bytes, fault: str) -> None:
    (tmp_path / "val_data").write_bytes(stream)
    with pytest.raises(DataError, match=fault):
        probe(tmp_path / "val_data")
    assert probe(dumped(tmp_path / "val_data", content([1, 2]))).labels.tolist() == [0, 1]  # nothing has changed


def test_real_images_are_read_back_through_the_official_form(tmp_path: Path) -> None:
    if not REAL.exists():
        pytest.skip("the real images are not at hand")
    real = probe(REAL)
    data = real.images.transpose(0, 3, 1, 2).reshape(len(real), 768)
    p = probe(dumped(tmp_path / "val_data", {"data": data, "labels": [int(y) + 1 for y in real.labels]}))
    np.testing.assert_array_equal(p.images, real.images)
    np.testing.assert_array_equal(p.labels, real.labels)
