"""Batches: trees of tensors, classes, moves and the default loss."""

from __future__ import annotations

import re
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


# Logits, labels and losses --------------------


def classifier(outputs: int = 5) -> torch.nn.Module:
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Linear(12, 8), torch.nn.ReLU(), torch.nn.Linear(8, outputs))


def scored(net: torch.nn.Module, y: Any, names: list[str], **given: Any) -> dict[str, Any]:
    x = torch.randn(8, 12, generator=torch.Generator().manual_seed(1))
    return {name: score.value or score.reason for name, score in zc.score(net, (x, y), names, **given).items()}


LOSSES = ["grad_norm", "grasp", "gradsign"]
Y = torch.arange(8) % 5


class TwoHeads(torch.nn.Module):
    """A classifier with an auxiliary head in train mode, as GoogLeNet has one."""

    def __init__(self, auxiliary: bool) -> None:
        super().__init__()
        self.first, self.second, self.auxiliary = classifier(), classifier(), auxiliary
        self.head, self.extra = torch.nn.Linear(5, 3), torch.nn.Linear(5, 3)

    def forward(self, x: Tensor) -> Any:
        hidden = self.first(x)
        logits = self.head(hidden.relu() + self.second(x))
        return Pair(logits, self.extra(hidden)) if self.auxiliary and self.training else logits


@pytest.mark.parametrize("logits", [0, "one", lambda found: found if isinstance(found, Tensor) else found.one])
def test_a_tensor_alone_is_the_logits_whatever_is_named(logits: Any) -> None:
    names = ["epsilon", "synflow", "grad_norm", "naswot"]
    assert scored(TwoHeads(True), Y % 3, names, logits=logits) == scored(TwoHeads(False), Y % 3, names)
    assert pick_logits(TWO, 0) is pick_logits(TWO, "one") is TWO


@pytest.mark.parametrize("kind", [torch.int8, torch.uint8, torch.int16, torch.int32])
def test_class_indices_are_integers_of_any_type(kind: torch.dtype) -> None:
    names = [*LOSSES, "gradalign1", "epe_nas"]
    assert scored(classifier(), Y.to(kind), names) == scored(classifier(), Y, names)


def test_two_classes_may_be_true_and_false() -> None:
    assert scored(classifier(), Y < 2, LOSSES) == scored(classifier(), (Y < 2).long(), LOSSES)


@pytest.mark.parametrize(
    ("labels", "outputs", "reason"),
    [
        (Y.float(), 5, r"ValueError: float32 \(8,\) labels and float32 \(8, 5\) outputs have no cross-entropy"),
        (Y[:, None], 5, r"ValueError: int64 \(8, 1\) labels and .* Pass loss="),
        (F.one_hot(Y), 5, r"ValueError: int64 \(8, 5\) labels and .*probabilities"),
        ({"y": Y}, 5, "ValueError: labels are a dict"),
        (Y - 1, 5, "ValueError: label -1: class indices begin with 0"),
        (Y, 4, "ValueError: label 4 needs at least 5 outputs"),
    ],
)
def test_labels_that_do_not_fit_are_refused_in_words(labels: Any, outputs: int, reason: str) -> None:
    found = scored(classifier(outputs), labels, LOSSES)
    assert all("labels" in str(each) or "label " in str(each) for each in found.values())
    assert re.match(reason, str(found["grad_norm"]))


def test_labels_that_cross_entropy_leaves_out_are_none() -> None:
    ignored = torch.where(Y == 3, -100, Y)
    value = Batch(TWO, ignored).objective()(torch.zeros(8, 5), ignored)
    assert torch.equal(value, F.cross_entropy(torch.zeros(8, 5), ignored))
    every = torch.full((8,), -100)
    assert Batch(TWO, every).objective()(torch.zeros(8, 5), every).isnan()


def test_a_single_row_of_outputs_is_no_batch_of_classes() -> None:
    with pytest.raises(ValueError, match=r"float32 \(8,\) labels and float32 \(8,\) outputs"):
        cross_entropy(torch.zeros(8), torch.zeros(8))


def vectors(output: Tensor, y: Tensor) -> Tensor:
    return F.cross_entropy(output, y, reduction="none")


@pytest.mark.parametrize("shape", [lambda found: found, lambda found: found[:, None]])
def test_the_mean_of_a_loss_per_sample_is_taken(shape: Any) -> None:
    assert scored(classifier(), Y, LOSSES, loss=lambda o, y: shape(vectors(o, y))) == scored(classifier(), Y, LOSSES)


@pytest.mark.parametrize(
    ("loss", "reason"),
    [
        (lambda o, y: o, "numbers: return one, or one per sample"),
        (lambda o, y: float(F.cross_entropy(o.detach(), y)), "the loss returned float: return a tensor"),
        (lambda o, y: (o.argmax(-1) == y).sum(), "the loss returned int64"),
        (lambda o, y: F.cross_entropy(o.detach(), y), "the loss does not depend on the outputs"),
    ],
)
def test_a_loss_that_is_no_number_of_the_outputs_is_refused_in_words(loss: Any, reason: str) -> None:
    for name in ("grad_norm", "grasp"):
        assert reason in str(scored(classifier(), Y, [name], loss=loss)[name])


def shifting(output: Tensor, y: Tensor) -> Tensor:
    return F.cross_entropy(output, y.sub_(1))


def scaling(output: Tensor, y: Tensor) -> Tensor:
    return F.cross_entropy(output.mul_(1), y - 1)


@pytest.mark.parametrize("loss", [shifting, scaling])
@pytest.mark.parametrize("name", [*LOSSES, "ntk"])
def test_a_loss_may_write_to_what_it_is_given(loss: Any, name: str) -> None:
    labels, company = Y + 1, [*LOSSES, "jacov", "ntk"]
    right = scored(classifier(), labels, [name], loss=lambda o, y: F.cross_entropy(o, y - 1))[name]
    assert isinstance(right, float)
    for names in ([name], company):
        found = scored(classifier(), labels, names, loss=loss)[name]
        assert found == right
    assert torch.equal(labels, Y + 1)
