"""Probe batches: checks, draws, tensors; the made ones and the digits; dispatch by source."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from naslib_zc_plugin.files import DataError
from naslib_zc_plugin.probes import PROBES, Probe, Tokens, images, probe


def numbered(labels: list[int], classes: int = 5) -> Probe:
    """Image i is filled with i."""
    images = np.arange(len(labels), dtype=np.uint8).repeat(12).reshape(-1, 2, 2, 3)
    return Probe("numbered", images, np.array(labels, dtype=np.int64), classes)


def shown(p: Probe) -> list[int]:
    return [int(image[0, 0, 0]) for image in p.images]


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"images": np.zeros((3, 2, 2), np.uint8)}, "images of shape .* found \\(3, 2, 2\\)"),
        ({"images": np.zeros((3, 3, 2, 2), np.uint8)}, "images of shape .* found \\(3, 3, 2, 2\\)"),
        ({"images": np.zeros((0, 2, 2, 3), np.uint8)}, "images of shape .* found \\(0, 2, 2, 3\\)"),
        ({"images": np.zeros((3, 2, 2, 3))}, "type uint8 or float32; found float64"),
        ({"images": np.full((3, 2, 2, 3), np.nan, np.float32)}, "finite images"),
        ({"labels": np.zeros(2, np.int64)}, "labels of shape \\(3,\\); found \\(2,\\)"),
        ({"labels": np.zeros(3, np.int32)}, "type int64; found int32"),
        ({"labels": np.array([0, 1, 5])}, "labels in 0..4; found labels in 0..5"),
        ({"labels": np.array([0, -1, 2])}, "labels in 0..4; found labels in -1..2"),
    ],
)
def test_a_probe_is_checked_when_made(change: dict[str, Any], fault: str) -> None:
    fields: dict[str, Any] = {"images": np.zeros((3, 2, 2, 3), np.uint8), "labels": np.zeros(3, np.int64)}
    with pytest.raises(DataError, match=fault):
        Probe("made", **{**fields, **change}, classes=5)


def test_take_keeps_order_and_refuses_what_is_not_there() -> None:
    p = numbered([0, 1, 2, 3, 4])
    taken = p.take([3, 0, 3])
    assert shown(taken) == [3, 0, 3] == taken.labels.tolist()
    for outside in ([5], [-1], []):
        with pytest.raises(ValueError, match="indices 0..4"):
            p.take(outside)
    for other in ([True] * 5, [0.5], [[0]]):
        with pytest.raises(ValueError, match="flat sequence of integers"):
            p.take(other)


@given(st.lists(st.integers(0, 4), min_size=1, max_size=60), st.integers(0, 2**32), st.data())
def test_draws_are_of_different_images_and_as_even_as_can_be(labels: list[int], seed: int, data: Any) -> None:
    p = numbered(labels)
    n = data.draw(st.integers(1, len(labels)))
    assert set(shown(p.random(n, seed))) <= set(range(len(labels)))
    for drawn in (p.random(n, seed), p.balanced(n, seed)):
        assert len(drawn) == len(set(shown(drawn))) == n
        assert [labels[i] for i in shown(drawn)] == drawn.labels.tolist()
    counts = np.bincount(p.balanced(n, seed).labels, minlength=5)
    for label in range(5):  # a class may be behind another only by one, or because it has no more
        assert counts[label] >= min(counts.max() - 1, labels.count(label))


def test_draws_follow_the_seed() -> None:
    p = numbered(list(range(5)) * 20)
    for draw in (p.random, p.balanced):
        assert shown(draw(20, 1)) == shown(draw(20, 1)) == shown(draw(40, 1))[:20]
        assert shown(draw(20, 1)) != shown(draw(20, 2))
    with pytest.raises(ValueError, match="has 100 images, asked for 101"):
        p.random(101, 0)
    with pytest.raises(ValueError, match="asked for 0"):
        p.balanced(0, 0)


def test_the_last_round_falls_on_random_classes() -> None:
    p = numbered(list(range(5)) * 2)
    assert len({tuple(sorted(p.balanced(2, seed).labels)) for seed in range(200)}) == 10


def test_a_batch_is_normalised_channel_by_channel() -> None:
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (4, 2, 3, 3), dtype=np.uint8)
    p = Probe("made", images, np.array([0, 1, 2, 1]), 3)
    x, y = p.batch([2, 0], mean=(0.1, 0.2, 0.3), std=(0.5, 1.0, 2.0))
    assert (x.shape, x.dtype, y.dtype) == ((2, 3, 2, 3), torch.float32, torch.int64)
    assert y.tolist() == [2, 0]
    for n, i in enumerate([2, 0]):
        for c, (mean, std) in enumerate([(0.1, 0.5), (0.2, 1.0), (0.3, 2.0)]):
            np.testing.assert_allclose(x[n, c], (images[i, :, :, c] / 255 - mean) / std, rtol=1e-5, atol=1e-6)
    plain, _ = p.batch(4)
    np.testing.assert_array_equal((plain * 255).round(), images.transpose(0, 3, 1, 2))
    assert plain.min() >= 0
    assert plain.max() <= 1
    plain.zero_()
    assert p.images.any()
    for bad in ((0.1, 0.2), (0.1,) * 4):
        with pytest.raises(ValueError, match="3 channels"):
            p.batch(4, mean=bad)
    with pytest.raises(ValueError, match="has 4 images, asked for 5"):
        p.batch(5)


def test_float_images_are_taken_as_they_are() -> None:
    pytest.importorskip("torch")
    p = probe("synthetic:normal", n=3, size=4)
    x, y = p.batch(np.int64(3))
    np.testing.assert_array_equal(x, p.images.transpose(0, 3, 1, 2))
    x.zero_()
    y.zero_()
    assert p.images.any()
    assert p.labels.any()


def test_grey_runs_evenly_from_black_to_white() -> None:
    images = probe("synthetic:grey", n=11, size=5).images
    for i in range(11):
        np.testing.assert_allclose(images[i], i / 10, rtol=1e-6)


@pytest.mark.parametrize(
    ("kind", "mean", "std", "low", "high"),
    [("normal", 0, 1, -9, 9), ("uniform", 0, 3**-0.5, -1, 1), ("uniform01", 0.5, 12**-0.5, 0, 1)],
)
def test_random_images_have_their_distribution(kind: str, mean: float, std: float, low: float, high: float) -> None:
    p = probe(f"synthetic:{kind}", n=64, size=16, classes=7, seed=3)
    values = p.images.astype(np.float64)
    assert p.images.shape == (64, 16, 16, 3)
    assert abs(values.mean() - mean) < 5 * std / values.size**0.5
    assert abs(values.std() / std - 1) < 0.02
    assert low <= values.min() < values.max() <= high
    assert sorted(np.bincount(p.labels)) == [9] * 6 + [10]
    assert np.array_equal(values, probe(f"synthetic:{kind}", n=64, size=16, seed=3).images)
    assert not np.array_equal(values, probe(f"synthetic:{kind}", n=64, size=16, seed=4).images)


def test_made_images_refuse_other_kinds_and_sizes() -> None:
    assert len(probe("synthetic:grey")) == 256
    with pytest.raises(DataError, match="grey, normal, uniform, uniform01; found 'gray'"):
        probe("synthetic:gray")
    with pytest.raises(DataError, match="at least 1; found n=0"):
        probe("synthetic:normal", n=0)


def test_digits_are_enlarged_by_repetition() -> None:
    datasets = pytest.importorskip("sklearn.datasets")
    original = datasets.load_digits()
    small, large = probe("digits"), probe("digits", size=32)
    assert small.images.shape == (1_797, 8, 8, 3)
    assert large.images.shape == (1_797, 32, 32, 3)
    assert (small.images.dtype, small.images.min(), small.images.max()) == (np.uint8, 0, 255)
    np.testing.assert_array_equal(small.labels, original.target)
    for channel in range(3):
        np.testing.assert_array_equal(np.round(small.images[..., channel] / 255 * 16), original.images)
        np.testing.assert_array_equal(large.images[:, 3::4, ::4, channel], small.images[..., channel])
    with pytest.raises(DataError, match="size of at least 8; found size=7"):
        probe("digits", size=7)


def test_digits_without_scikit_learn_name_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sklearn", None)
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    with pytest.raises(DataError, match="naslib-zc-plugin\\[cli\\]"):
        probe("digits")


def test_an_unknown_source_lists_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="'digits'.*; found no such file or folder"):
        probe("mnist")
    with pytest.raises(DataError, match="a file or folder of another kind"):
        probe(tmp_path)
    with pytest.raises(TypeError, match="size"):
        probe(tmp_path / "a.npz", size=3)


def test_import_needs_numpy_only() -> None:
    code = (
        "import sys; from naslib_zc_plugin.probes import probe; probe('synthetic:grey', n=4).random(2, 0);"
        "assert not {'torch', 'sklearn', 'scipy', 'pandas'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).resolve().parents[2])


def test_an_option_that_a_source_does_not_take_is_named() -> None:
    with pytest.raises(TypeError, match="^digits has no option 'sise'; did you mean size"):
        probe("digits", sise=16)


CODE = """
import numpy as np
from naslib_zc_plugin.probes import Probe


def recognises(source):
    return str(source).startswith("checkers")


def load(source, n=2):
    return Probe(str(source), np.zeros((n, 2, 2, 1), np.uint8), np.zeros(n, np.int64), 1)


class Angry:
    @staticmethod
    def recognises(source):
        raise RuntimeError("never")

    load = None.__class__
"""


def test_another_distributions_source_is_tried_after_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "checker_probes.py").write_text(CODE, encoding="utf-8")
    information = tmp_path / "checkers-1.dist-info"
    information.mkdir()
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: checkers\nVersion: 1\n", encoding="utf-8")
    entries = "angry = checker_probes:Angry\nchecker = checker_probes\nlost = checker_probes:LOST\n"
    (information / "entry_points.txt").write_text(f"[naslib_zc_plugin.probes]\n{entries}", encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert {"angry", "checker", "lost", "digits", "cifar"} <= set(PROBES.names())
    assert len(probe("checkers", n=3)) == 3
    assert len(images("synthetic:grey", n=4)) == 4
    with pytest.raises(TypeError, match="checkers has no option 'm'"):
        probe("checkers", m=3)
    caplog.clear()
    with pytest.raises(DataError, match="no such file or folder"):
        probe("chess")
    assert [name in caplog.text for name in ("'angry'", "'lost'", "'checker'")] == [True, True, False]


def test_every_source_is_found_by_its_name() -> None:
    assert PROBES.names() == ["cifar", "digits", "imagenet16", "npz", "scenes", "synthetic", "wordpiece", "words"]
    assert isinstance(probe("synthetic:grey", n=2), Probe) and not isinstance(probe("synthetic:grey"), Tokens)
