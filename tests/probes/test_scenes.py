"""Scenes: where the digit lies, what lies beside it, and that parts share no digit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from naslib_zc_plugin.files import DataError
from naslib_zc_plugin.probes import images, probe
from naslib_zc_plugin.search.config import SearchConfig
from naslib_zc_plugin.search.evaluators.training import TrainingEvaluator

pytest.importorskip("sklearn")
DIGITS = images("digits")
KNOWN: dict[bytes, list[int]] = {}
for place, each in enumerate(DIGITS.images):
    KNOWN.setdefault(each[..., 0].tobytes(), []).append(place)


def digits_of(scene: np.ndarray, label: int) -> list[int]:
    """The digits that lie whole in a scene, and have its label."""
    room = len(scene) - 8 + 1
    squares = (scene[top : top + 8, left : left + 8, 0] for top in range(room) for left in range(room))
    found = [place for square in squares for place in KNOWN.get(square.tobytes(), ())]
    return [place for place in found if DIGITS.labels[place] == label]


@pytest.mark.parametrize(("size", "pieces"), [(12, 1), (8, 0), (16, 3)])
def test_a_scene_is_a_whole_digit_and_pieces_of_others(size: int, pieces: int) -> None:
    scenes = images("scenes", n=60, size=size, pieces=pieces)
    assert scenes.images.shape == (60, size, size, 3) and scenes.images.dtype == np.uint8
    assert (scenes.images == scenes.images[..., :1]).all()
    assert np.bincount(scenes.labels).tolist() == [6] * 10
    for scene, label in zip(scenes.images, scenes.labels):
        assert digits_of(scene, label)
        if pieces == 0:
            places = digits_of(scene, label)
            assert int(scene[..., 0].sum()) == int(DIGITS.images[places[0], ..., 0].sum())
    if pieces:
        plain = images("digits").images[..., 0].sum((1, 2)).mean()
        assert scenes.images[..., 0].sum((1, 2)).mean() > plain + 50 * pieces  # there is more than the digit


def test_digits_lie_everywhere() -> None:
    scenes = images("scenes", n=400, pieces=0).images[..., 0] > 0
    assert scenes.any(0)[[0, 0, -1, -1], [2, -3, 2, -3]].all()
    centres = [np.argwhere(scene).mean(0) for scene in scenes]
    assert (np.std(centres, 0) > 1).all()  # five places along each axis: 1.41


def test_scenes_follow_their_seed() -> None:
    first, same, other = (images("scenes", n=20, seed=seed) for seed in (3, 3, 4))
    assert (first.images == same.images).all() and (first.images != other.images).any()
    parts = [images("scenes", n=50).split(20, 10, seed=seed) for seed in (0, 0, 1)]
    assert all((a.images == b.images).all() for a, b in zip(parts[0], parts[1]))
    assert (parts[0][0].images != parts[2][0].images).any()


def test_no_digit_is_in_two_parts() -> None:
    parts = images("scenes", n=900, pieces=0).split(500, 200, seed=0)
    assert [len(part) for part in parts] == [500, 200, 200]
    shown = [
        {place for scene, label in zip(part.images, part.labels) for place in digits_of(scene, label)} for part in parts
    ]
    assert not shown[0] & shown[1] and not shown[0] & shown[2] and not shown[1] & shown[2]
    assert min(len(each) for each in shown) > 100


@pytest.mark.parametrize("options", [{"n": 0}, {"size": 7}, {"pieces": -1}])
def test_other_numbers_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(DataError, match="n of at least 1, size of at least 8, pieces of at least 0"):
        probe("scenes", **options)
    with pytest.raises(ValueError, match="leave none"):
        images("scenes", n=30).split(20, 10, seed=0)


def test_training_is_on_scenes_unless_told_otherwise() -> None:
    evaluator = TrainingEvaluator(SearchConfig(space="nasbench201", seed=2), None, None)
    provenance = evaluator.provenance()
    assert provenance["images"]["name"] == "scenes" and provenance["sizes"] == [7680, 2000]
    assert provenance["network"] == {"num_classes": 10, "C": 8, "N": 1}
    assert provenance["recipe"] == {"epochs": 1, "learning_rate": 0.1, "batch_size": 64}  # 7,680 / 64: 120 steps
    whole = TrainingEvaluator(SearchConfig(space="nasbench201"), None, None, network={})
    assert whole.provenance()["network"] == {"num_classes": 10}
    digits = TrainingEvaluator(SearchConfig(space="nasbench201"), None, None, images="digits", train=90, validate=90)
    assert digits.provenance()["network"] == {"num_classes": 10}  # as before there were scenes


def test_scenes_can_be_learnt() -> None:
    """Accuracy after a few steps is far above chance, and the same at each time."""
    options = {"images": {"source": "scenes", "n": 3200, "pieces": 0, "size": 8}, "train": 2400, "validate": 400}
    torch.manual_seed(0)
    evaluator = TrainingEvaluator(SearchConfig(space="nasbench201"), None, None, **options)  # type: ignore[arg-type]
    key = "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|skip_connect~0|nor_conv_3x3~1|nor_conv_3x3~2|"
    found = evaluator(key)
    assert found.fitness is not None and found.fitness > 60
