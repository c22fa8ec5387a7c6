"""Probes in numpy archives: good ones, damaged ones, hostile ones."""

from __future__ import annotations

import io
import os
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from naslib_zc_plugin.files import DataError
from naslib_zc_plugin.probes import Tokens, images, probe

IMAGES = np.random.default_rng(0).integers(0, 256, (6, 4, 5, 3), dtype=np.uint8)
LABELS = np.array([0, 1, 2, 0, 1, 2])
REAL = Path(__file__).resolve().parents[3] / "shared/data/probes"


def saved(path: Path, **arrays: Any) -> Path:
    np.savez_compressed(path, **arrays)
    return path


@pytest.mark.parametrize(("classes", "count"), [(None, 3), (np.int64(7), 7), (np.array(["a", "b", "c", "d"]), 4)])
@pytest.mark.parametrize("dtype", [np.uint8, np.int32, np.int64])
def test_what_is_saved_is_read(tmp_path: Path, classes: Any, count: int, dtype: Any) -> None:
    arrays = {"images": IMAGES, "labels": LABELS.astype(dtype), "other": np.zeros(3)}
    if classes is not None:
        arrays["classes"] = classes
    p = probe(saved(tmp_path / "some.npz", **arrays))
    np.testing.assert_array_equal(p.images, IMAGES)
    np.testing.assert_array_equal(p.labels, LABELS)
    assert (p.classes, p.labels.dtype) == (count, np.int64)


TEXT = np.random.default_rng(1).integers(0, 30, (9, 4))


@pytest.mark.parametrize("dtype", [np.uint8, np.int64])
def test_a_text_is_sequences_whose_targets_are_the_next_tokens(tmp_path: Path, dtype: Any) -> None:
    arrays = {"tokens": TEXT.astype(dtype), "vocabulary_size": np.int64(40)}
    found = probe(saved(tmp_path / "text.npz", **arrays))
    assert isinstance(found, Tokens) and (len(found), found.vocabulary_size, found.classes) == (4, 40, 40)
    x, y = found.batch([2, 0])
    assert y is not None and x.tolist() == [TEXT[:-1, 2].tolist(), TEXT[:-1, 0].tolist()]
    assert y.tolist() == [TEXT[1:, 2].tolist(), TEXT[1:, 0].tolist()]
    assert len(probe(saved(tmp_path / "no_size.npz", tokens=TEXT)).batch(3)[0]) == 3


def test_input_ids_are_sequences_without_targets(tmp_path: Path) -> None:
    found = probe(saved(tmp_path / "pieces.npz", input_ids=TEXT, vocabulary_size=np.int64(30)))
    x, y = found.batch(9)
    assert y is None and x.tolist() == TEXT.tolist()
    for wrong in ([], [9], [-1], 10):
        with pytest.raises(ValueError, match="9 sequences, asked for .*; ask for 1 to 9"):
            found.batch(wrong)


@pytest.mark.parametrize(
    ("arrays", "fault"),
    [
        ({"tokens": TEXT / 2}, "integer type, of two dimensions; found float64"),
        ({"tokens": TEXT[0]}, "integer type, of two dimensions; found int64 \\(4,\\)"),
        ({"tokens": TEXT[:1]}, "at least two steps"),
        ({"tokens": TEXT, "vocabulary_size": np.int64(5)}, "tokens in 0..4"),
        ({"tokens": TEXT, "vocabulary_size": np.float64(40)}, "a vocabulary_size, an integer; found float64"),
        ({"tokens": TEXT, "vocabulary_size": np.array([40, 41])}, "a vocabulary_size, an integer"),
        ({"input_ids": TEXT - 1, "vocabulary_size": np.int64(30)}, "tokens in 0..29; found tokens in -1..28"),
        (
            {"x": IMAGES, "y": LABELS},
            "arrays 'images' and 'labels', 'tokens', or 'input_ids'; found arrays \\['x', 'y'\\]",
        ),
        ({"images": IMAGES}, "arrays 'images' and 'labels', 'tokens', or 'input_ids'; found arrays \\['images'\\]"),
        ({"images": IMAGES, "labels": LABELS / 2}, "integer type; found float64"),
        ({"images": IMAGES, "labels": LABELS[:5]}, "labels of shape \\(6,\\); found \\(5,\\)"),
        ({"images": IMAGES, "labels": np.int64(3)}, "labels of shape \\(6,\\); found \\(\\)"),
        ({"images": IMAGES, "labels": LABELS - 1}, "found labels in -1..1"),
        ({"images": IMAGES, "labels": LABELS, "classes": np.int64(2)}, "in 0..1; found labels in 0..2"),
        ({"images": IMAGES, "labels": LABELS, "classes": np.float64(3)}, "'classes' as a number or a list"),
        ({"images": IMAGES.transpose(0, 3, 1, 2), "labels": LABELS}, "images of shape"),
        ({"images": IMAGES / 255, "labels": LABELS}, "uint8 or float32; found float64"),
        ({"images": IMAGES[:0], "labels": LABELS[:0]}, "images of shape"),
    ],
)
def test_wrong_arrays_are_named(tmp_path: Path, arrays: dict[str, Any], fault: str) -> None:
    with pytest.raises(DataError, match=fault):
        probe(saved(tmp_path / "wrong.npz", **arrays))


def test_what_takes_images_takes_no_tokens(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="expected images; found tokens"):
        images(saved(tmp_path / "text.npz", tokens=TEXT))


def test_what_is_no_archive_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such file"):
        probe(tmp_path / "absent.npz")
    for content in (b"", b"<!DOCTYPE html><html><body>404</body></html>", b"\x93NUMPY\x01\x00"):
        path = tmp_path / "page.npz"
        path.write_bytes(content)
        with pytest.raises(DataError, match="no zip archive") as caught:
            probe(path)
        assert caught.value.path == path


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_a_file_cut_anywhere_is_named(tmp_path: Path, save: Any) -> None:
    whole = tmp_path / "whole.npz"
    save(whole, images=IMAGES, labels=LABELS)
    content = whole.read_bytes()
    cut = tmp_path / "cut.npz"
    for length in range(0, len(content), 7):
        cut.write_bytes(content[:length])
        with pytest.raises(DataError):
            probe(cut)


def test_damaged_bytes_are_named_or_harmless(tmp_path: Path) -> None:
    whole = saved(tmp_path / "whole.npz", images=IMAGES, labels=LABELS).read_bytes()
    damaged = tmp_path / "damaged.npz"
    rng, refused = np.random.default_rng(0), 0
    for _ in range(300):
        content = bytearray(whole)
        content[rng.integers(len(content))] ^= 1 << rng.integers(8)
        damaged.write_bytes(content)
        try:
            p = probe(damaged)
        except DataError:
            refused += 1
        else:
            np.testing.assert_array_equal(p.images, IMAGES)
    assert refused > 200


def test_a_header_that_claims_too_much_is_named(tmp_path: Path) -> None:
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        header, {"descr": "|u1", "fortran_order": False, "shape": (10**9, 10**9, 32, 3)}
    )
    path = tmp_path / "huge.npz"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("images.npy", header.getvalue())
    with pytest.raises(DataError, match="images.npy: expected numpy's .npy format.*0 bytes for an array of shape"):
        probe(path)


class Canary:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return os.makedirs, (str(self.path), 0o777, True)


@pytest.mark.parametrize("name", ["images", "labels", "classes"])
def test_objects_in_an_archive_never_come_alive(tmp_path: Path, name: str) -> None:
    canary = tmp_path / "canary"
    arrays: dict[str, Any] = {"images": IMAGES, "labels": LABELS}
    arrays[name] = np.array([Canary(canary)] * 6, dtype=object)
    path = saved(tmp_path / "hostile.npz", **arrays)
    with pytest.raises(DataError, match="numpy's .npy format, of numbers or texts; found .*values of type object"):
        probe(path)
    assert not canary.exists()
    np.load(path, allow_pickle=True)[name]
    assert canary.exists()  # so the archive was truly hostile


@pytest.mark.parametrize(("name", "n", "classes"), [("cifar10", 1_000, 10), ("cifar100", 592, 100)])
def test_real_images_are_read(name: str, n: int, classes: int) -> None:
    path = REAL / f"{name}.npz"
    if not path.exists():
        pytest.skip("the real images are not at hand")
    p = probe(path)
    assert (len(p), p.classes, p.images.shape[1:]) == (n, classes, (32, 32, 3))
    even = np.bincount(p.balanced(classes, seed=0).labels, minlength=classes)
    assert (even == 1).all()


@pytest.mark.parametrize(
    ("name", "shape", "size"),
    [("ptb_test_71x50", (50, 70), 10_000), ("wikitext2_wordpiece_128x512", (128, 512), 30_522)],
)
def test_real_texts(name: str, shape: tuple[int, int], size: int) -> None:
    path = REAL / f"{name}.npz"
    if not path.exists():
        pytest.skip("the real texts are not at hand")
    found = probe(path)
    assert isinstance(found, Tokens) and (found.tokens.shape, found.vocabulary_size) == (shape, size)
    assert (found.targets is None) == (size == 30_522)


@pytest.mark.parametrize("names", [("input_ids", "images"), ("tokens", "input_ids"), ("images", "labels", "tokens")])
def test_images_and_tokens_in_one_file_are_refused(tmp_path: Path, names: tuple[str, ...]) -> None:
    made = {
        "images": np.zeros((2, 4, 4, 3), np.uint8),
        "labels": np.zeros(2, int),
        "tokens": np.zeros((3, 2), int),
        "input_ids": np.zeros((2, 3), int),
    }
    np.savez(tmp_path / "mixed.npz", **{name: made[name] for name in names})
    with pytest.raises(DataError, match="arrays 'images' and 'labels', 'tokens', or 'input_ids'; found arrays"):
        probe(tmp_path / "mixed.npz")


def test_labels_of_texts_are_left_alone(tmp_path: Path) -> None:
    np.savez(tmp_path / "text.npz", input_ids=np.zeros((2, 3), int), labels=np.zeros(2, int))
    assert isinstance(probe(tmp_path / "text.npz"), Tokens)


def test_a_vocabulary_of_less_than_a_word_is_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "few.npz", input_ids=np.zeros((2, 3), int), vocabulary_size=-3)
    with pytest.raises(DataError, match="a vocabulary_size of at least 1; found -3"):
        probe(tmp_path / "few.npz")
