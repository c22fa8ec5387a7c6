"""Published protocols: batches, options and truth as the papers' codes have them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

import naslib_zc_plugin as zc
from naslib_zc_plugin.benchmarks import flexibert, nasbench201, nasbench_nlp, timm
from naslib_zc_plugin.probes import Probe, Tokens, probe
from naslib_zc_plugin.protocols import LOSSES, PROTOCOLS, protocol

IMAGES = np.random.default_rng(0).integers(0, 256, (300, 32, 32, 3), dtype=np.uint8)
LIGHTWEIGHT = protocol("lightweight")
CIFAR = Probe("some/where/cifar10.npz", IMAGES, np.arange(300, dtype=np.int64) % 10, 10)


@pytest.mark.parametrize("name", PROTOCOLS)
def test_batches_have_the_protocols_size_and_depend_on_seed_and_key_alone(name: str) -> None:
    rules = protocol(name)
    first, again, other_key, other_seed = (
        rules.batch(CIFAR, "nasbench201", seed, key) for seed, key in ((1, "a"), (1, "a"), (1, "b"), (2, "a"))
    )
    assert first[0].shape == (rules.batch_size, 3, 32, 32) and first[0].dtype == torch.float32
    assert torch.equal(first[0], again[0]) and torch.equal(first[1], again[1])
    assert torch.equal(first[0], other_key[0]) == rules.same_batch
    assert not torch.equal(first[0], other_seed[0])


def test_a_batch_without_augmentation_is_made_of_the_probes_normalised_images() -> None:
    x, y = protocol("naswot").batch(CIFAR, "nasbench201", seed=1)
    mean, std = (np.array(values) / 255 for values in ((125.3, 123.0, 113.9), (63.0, 62.1, 66.7)))
    own = {((image / 255 - mean) / std).transpose(2, 0, 1).astype(np.float32).round(3).tobytes(): label
           for image, label in zip(CIFAR.images, CIFAR.labels)}  # fmt: skip
    found = [own.get(image.numpy().round(3).tobytes()) for image in x]
    assert sum(label is not None for label in found) > 0.9 * len(x)  # rounding may fall on either side
    assert all(label is None or label == int(expected) for label, expected in zip(found, y))


def test_augmented_images_are_shifted_and_flipped_originals() -> None:
    ramp = np.broadcast_to(np.arange(1, 33, dtype=np.uint8)[:, None, None], (64, 32, 32, 3)) * 7
    ramps = Probe("cifar10", np.ascontiguousarray(ramp), np.zeros(64, dtype=np.int64), 10)
    rules = protocol("naslib")
    x, _ = rules.batch(ramps, "nasbench201", seed=0)
    mean, std = rules.normalisation["cifar10"]
    pixels = ((x * torch.tensor(std)[:, None, None] + torch.tensor(mean)[:, None, None]) * 255).round()
    middle = pixels[:, 0, :, 16]
    shifts = {int((rows[rows > 0] / 7)[0] - (rows > 0).nonzero()[0] - 1) for rows in middle}
    assert shifts <= set(range(-4, 5)) and len(shifts) > 5
    assert bool((pixels[:, :, :, [0, 31]] == 0).any()), "zeros come in from the sides"


def test_lightweight_nas_neither_normalises_nor_augments() -> None:
    x, _ = protocol("lightweight").batch(CIFAR, "nasbench201", seed=0)
    assert float(x.min()) >= 0 and float(x.max()) <= 1


def test_another_data_set_or_too_few_images_get_a_clear_error() -> None:
    digits = Probe("digits", IMAGES, CIFAR.labels, 10)
    with pytest.raises(ValueError, match="normalises cifar10, cifar100, imagenet16_120, not 'digits'"):
        protocol("naswot").batch(digits, "nasbench201", seed=0)
    with pytest.raises(ValueError, match="draws 256 images, the probe holds 300|draws 256"):
        protocol("zerocost").batch(CIFAR.take(range(200)), "nasbench101", seed=0)
    with pytest.raises(ValueError, match="^unknown protocol 'naslab'; did you mean naslib"):
        protocol("naslab")


def test_images_are_enlarged_and_shrunk() -> None:
    rules = protocol("lightweight")
    own, _ = rules.batch(CIFAR, "nasbench201", seed=0)
    large, _ = replace(rules, size=64).batch(CIFAR, "nasbench201", seed=0)
    small, _ = replace(rules, size=8).batch(CIFAR, "nasbench201", seed=0)
    assert large.shape == (128, 3, 64, 64) and small.shape == (128, 3, 8, 8)
    # Of twice the size, a point between four pixels: 9/16 of the nearest, 3/16 of two, 1/16 of the last.
    near, right, below, last = (own[:, :, 5 + i, 7 + j] for i, j in ((0, 0), (0, 1), (1, 0), (1, 1)))
    torch.testing.assert_close(large[:, :, 11, 15], (9 * near + 3 * right + 3 * below + last) / 16)
    torch.testing.assert_close(small.mean((2, 3)), own.mean((2, 3)), atol=0.02, rtol=0)
    assert torch.equal(replace(rules, size=32).batch(CIFAR, "nasbench201", seed=0)[0], own)
    with pytest.raises(ValueError, match="labelled images, text holds tokens"):
        text = Tokens("text", np.arange(768, dtype=np.int64).reshape(128, 6), 768)
        replace(rules, size=64).batch(text, "any", seed=0)


def test_networks_unlike_each_other_see_four_images_of_each_of_four_classes() -> None:
    noise = probe("synthetic:normal", n=16, size=8, classes=4)
    x, y = protocol("timm").batch(noise, "timm", seed=0)
    assert x.shape == (16, 3, 8, 8) and sorted(y.tolist()) == [label for label in range(4) for _ in range(4)]
    assert sorted(x.sum((1, 2, 3)).tolist()) == pytest.approx(sorted(noise.images.sum((1, 2, 3)).tolist()), abs=1e-3)


def test_a_protocol_differs_between_spaces_where_its_code_does() -> None:
    rules = protocol("zerocost")
    assert (rules.within("nasbench201").batch_size, rules.within("nasbench101").batch_size) == (64, 256)
    assert protocol("naswot").within("nasbench101").truth_of("cifar10") == "val_acc_108"
    assert not rules.requests(["synflow"], "nasbench101")[0].options


def test_tokens_are_drawn_as_images_are_and_only_where_a_protocol_takes_them() -> None:
    text = Tokens("text", np.arange(120, dtype=np.int64).reshape(20, 6), 120)
    rules = replace(protocol("lightweight"), batch_size=7)
    x, y = rules.batch(text, "any", seed=0)
    assert y is None and x.shape == (7, 6) and {row[0] % 6 for row in x.tolist()} == {0}
    assert torch.equal(x, rules.batch(text, "any", seed=0)[0])
    with pytest.raises(ValueError, match="normalises cifar10, .* not 'text'"):
        protocol("naswot").batch(text, "any", seed=0)
    with pytest.raises(ValueError, match="labelled images, text holds tokens"):
        replace(rules, balanced=7).batch(text, "any", seed=0)


def test_losses() -> None:
    logits, targets = torch.randn(2, 5, 7), torch.randint(7, (2, 5))
    of_tokens, total = replace(LIGHTWEIGHT, loss="tokens").objective(), replace(LIGHTWEIGHT, loss="sum").objective()
    assert LIGHTWEIGHT.objective() is None and of_tokens is not None and total is not None
    each = [-logits[i, j].log_softmax(0)[targets[i, j]] for i in range(2) for j in range(5)]
    torch.testing.assert_close(of_tokens(logits, targets), torch.stack(each).mean())
    assert torch.equal(total(logits, None), logits.sum())


def test_options_are_those_of_the_space_and_exist() -> None:
    asked = {request.name: request for request in protocol("epsilon").requests(["epsilon", "naswot"], "nasbench101")}
    assert asked["epsilon"].options == {"weights": (1e-4, 10.0)} and not asked["naswot"].options
    assert protocol("zerocost").requests(["synflow"], "nasbench201")[0].options == {"keep_norm": "*reduction*"}
    for rules in PROTOCOLS.values():
        for request in rules.requests(zc.list_proxies(), "nasbench201"):
            zc.proxy(request.name, **request.options)


def test_real_probes_serve_the_protocols(shared: Path) -> None:
    for name in ("cifar10", "cifar100", "imagenet16_120"):
        images = probe(shared / "data" / "probes" / f"{name}.npz")
        for rules in PROTOCOLS.values():
            x, y = rules.batch(images, "nasbench201", rules.seed)
            assert x.isfinite().all() and int(y.max()) < images.classes


def test_truth_columns_exist() -> None:
    tables = (each.TABLE for each in (nasbench201, nasbench_nlp, flexibert, timm))
    columns = {column for table in tables for column in table.columns}
    assert {rules.truth for rules in PROTOCOLS.values()} <= columns


def test_tokens_without_targets_are_scored_by_losses_that_need_none() -> None:
    text = Tokens("made", np.arange(256 * 4).reshape(256, 4) % 7, 7)
    for name in ("flexibert", "flexibert_nominal"):
        tokens, targets = protocol(name).batch(text, "flexibert", seed=0)
        assert tokens.shape == (128, 4) and targets is not None and targets.tolist() == [0] * 128
    outputs = torch.nn.functional.layer_norm(torch.randn(5, 4, 6), (6,)).requires_grad_()
    total = LOSSES["signs"]
    assert total is not None
    value = total(outputs, None)
    assert value.item() == pytest.approx(sum(total(output[None], None).item() for output in outputs), abs=1e-4)
    (gradient,) = torch.autograd.grad(value, outputs)
    assert gradient.abs().eq(1).all() and gradient.sum(-1).any()


def test_balanced_batches_have_as_many_images_of_each_class() -> None:
    rules = replace(protocol("gradalign"), balanced=16)
    _, labels = rules.batch(CIFAR, "nasbench201", seed=3)
    found, counts = labels.unique(return_counts=True)
    assert len(found) == 8 and counts.tolist() == [16] * 8
    assert torch.equal(labels, rules.batch(CIFAR, "nasbench201", seed=3)[1])
    assert not torch.equal(labels, rules.batch(CIFAR, "nasbench201", seed=4)[1])
    for size, number in ((128, 12), (128, 4)):  # not a whole number of classes; more classes than there are
        with pytest.raises(ValueError, match=f"a batch of {size} with {number} images of each class needs"):
            replace(rules, balanced=number).batch(CIFAR, "nasbench201", seed=0)
