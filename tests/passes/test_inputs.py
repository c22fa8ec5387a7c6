"""Batches: trees of tensors, classes, moves and the default loss."""

from __future__ import annotations

from collections import namedtuple
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

import naslib_zc_plugin as zc
from naslib_zc_plugin.passes import Batch
from naslib_zc_plugin.passes.inputs import cross_entropy, tensors, tree_map
from naslib_zc_plugin.passes.network import pick_logits

ONE, TWO = torch.arange(3), torch.zeros(3, 2)
Pair = namedtuple("Pair", "one two")


@pytest.mark.parametrize(
    "tree",
    [[ONE, {"x": TWO}], (ONE, (TWO,)), {"a": ONE, "b": [TWO, None, "text"]}, Pair(ONE, TWO), Pair(one=ONE, two=[TWO])],
)
def test_trees_keep_their_form(tree: Any) -> None:
    assert [id(tensor) for tensor in tensors(tree)] == [id(ONE), id(TWO)]
    mapped = tree_map(lambda tensor: tensor + 1, tree)
    assert type(mapped) is type(tree)
    assert all(torch.equal(a, b + 1) for a, b in zip(tensors(mapped), tensors(tree)))


def test_a_batch_is_moved_and_taken_from() -> None:
    batch = Batch({"ids": ONE, "x": TWO}, ONE)
    moved = batch.to(torch.device("cpu"), torch.float64)
    assert moved.inputs["x"].dtype == torch.float64
    assert moved.inputs["ids"].dtype == moved.labels.dtype == torch.int64
    part = batch.take(torch.tensor([2, 0]))
    assert part.labels.tolist() == [2, 0]
    assert part.inputs["x"].shape == (2, 2)
    assert (batch.size, part.size) == (3, 2)


@pytest.mark.parametrize(
    ("labels", "classes"),
    [
        (ONE, True),
        (ONE.int(), True),
        (ONE.float(), False),
        (TWO, False),
        (ONE[:, None], False),
        (None, False),
        ({"y": ONE}, False),
    ],
)
def test_classes_are_one_index_per_sample(labels: Any, classes: bool) -> None:
    assert (Batch(TWO, labels).classes is not None) == classes


def test_the_default_loss_is_cross_entropy() -> None:
    logits = torch.randn(5, 4)
    for labels in (torch.arange(5) % 4, torch.softmax(torch.randn(5, 4), 1)):
        assert torch.equal(Batch(logits, labels).objective()(logits, labels), F.cross_entropy(logits, labels))
    maps, positions = torch.randn(5, 4, 3), torch.arange(15).view(5, 3) % 4
    assert torch.equal(Batch(maps, positions).objective()(maps, positions), F.cross_entropy(maps, positions))
    with pytest.raises(ValueError, match="label 4 needs at least 5 outputs, the network has 4"):
        Batch(logits, torch.full((5,), 4)).objective()(logits, torch.full((5,), 4))


def test_labels_for_every_position_are_scored() -> None:
    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Conv1d(2, 6, 3, padding=1), torch.nn.ReLU(), torch.nn.Conv1d(6, 4, 1))
    x, y = torch.randn(8, 2, 5), torch.randint(0, 4, (8, 5))
    scores = zc.score(net, (x, y), ["grad_norm", "snip", "gradsign", "fisher", "jacov"])
    assert {score.status for score in scores.values()} == {"ok"}


class Attributed:
    """An output object as some libraries return, with a mapping's and an attribute's access."""

    def __init__(self, logits: Tensor) -> None:
        self.logits = logits


def test_logits_may_be_an_attribute() -> None:
    assert pick_logits(Attributed(TWO), "logits") is TWO
    assert pick_logits(Pair(ONE, TWO), "two") is TWO
    with pytest.raises(ValueError, match="no tensor"):
        pick_logits(Attributed(TWO), None)


def test_classes_may_come_last_where_that_is_the_one_reading() -> None:
    logits, words = torch.randn(4, 5, 7), torch.randint(0, 7, (4, 5))
    assert torch.equal(cross_entropy(logits, words), F.cross_entropy(logits.flatten(0, 1), words.flatten()))
    maps, labels = torch.randn(4, 3, 6), torch.randint(0, 3, (4, 6))
    assert torch.equal(cross_entropy(maps, labels), F.cross_entropy(maps, labels))
    both = torch.randn(4, 5, 5), torch.randint(0, 5, (4, 5))
    assert torch.equal(cross_entropy(*both), F.cross_entropy(*both))
    with pytest.raises(ValueError, match="label 7 needs"):
        cross_entropy(logits, words, highest=7)
