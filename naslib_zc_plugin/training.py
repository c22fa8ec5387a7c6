"""Training a network for real: a plain loop, for the accuracies that proxies are compared with.

Stochastic gradient descent with Nesterov momentum, weight decay and a learning rate that a cosine takes to zero, as
the benchmarks of the field train; without augmentation.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from naslib_zc_plugin.passes.seeding import Turn, kept_random_states


def train(
    net: nn.Module,
    images: Tensor,
    labels: Tensor,
    *,
    epochs: int,
    batch_size: int = 64,
    learning_rate: float = 0.1,
    seed: int = 0,
    momentum: float = 0.9,
    weight_decay: float = 5e-4,
) -> None:
    r"""Train ``net`` in place, on its own device, by the mean cross-entropy of its logits.

    Step t of T has the learning rate :math:`\eta (1 + \cos(\pi t / T)) / 2`. The order of the images and whatever the
    network draws (dropout) depend on ``seed``; global random states are afterwards what they were. The network is
    left in train mode, without gradients.

    Args:
        net: returns logits (n, classes).
        images: (n, ...), on any device.
        labels: (n,), classes as int64.
        epochs: passes over the images, each in a new order.
        batch_size: largest number of images in a step; the batches of an epoch are as equal as they can be.
        learning_rate: that of the first step.
        seed: of the order of the images, and of the network's own draws.
        momentum: Nesterov's.
        weight_decay: L2 penalty on all parameters.

    Raises:
        ValueError: images and labels of different number, none of them, or epochs or batch_size below one.

    >>> net = nn.Linear(2, 2)
    >>> images, labels = torch.tensor([[0.0, 4.0], [4.0, 0.0]]).repeat(8, 1), torch.tensor([0, 1]).repeat(8)
    >>> train(net, images, labels, epochs=10)
    >>> accuracy(net, images, labels)
    100.0
    """
    _check(images, labels, batch_size)
    if epochs < 1:
        raise ValueError(f"epochs must be at least 1, not {epochs}")
    steps = -(-len(images) // batch_size)
    optimiser = torch.optim.SGD(
        net.parameters(), learning_rate, momentum, weight_decay=weight_decay, nesterov=momentum > 0
    )
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, epochs * steps)
    device = device_of(net)
    net.train()
    with _seeded(seed, device):
        order = torch.Generator().manual_seed(seed)
        for _ in range(epochs):
            for chosen in torch.randperm(len(images), generator=order).tensor_split(steps):
                logits = net(images[chosen].to(device))
                F.cross_entropy(logits, labels[chosen].to(device)).backward()
                optimiser.step()
                schedule.step()
                optimiser.zero_grad(set_to_none=True)


@torch.no_grad()
def accuracy(net: nn.Module, images: Tensor, labels: Tensor, *, batch_size: int = 512) -> float:
    """Return the percentage of images whose largest logit is that of their label, in eval mode.

    A prediction with a logit that is not finite is wrong. The modes of all modules are afterwards what they were.

    Args:
        net: the network.
        images: (N, C, H, W).
        labels: class indices, (N,).
        batch_size: images in one forward run.

    Returns:
        0 to 100.

    Raises:
        ValueError: images and labels of different number, none of them, or batch_size below one.

    >>> logits = torch.tensor([[2.0, 1.0], [0.0, 3.0], [1.0, 0.0], [5.0, 0.0]])
    >>> accuracy(nn.Identity(), logits, torch.tensor([0, 1, 1, 0]))
    75.0
    """
    _check(images, labels, batch_size)
    device = device_of(net)
    modes = [(module, module.training) for module in net.modules()]
    net.eval()
    try:
        correct = 0
        for x, y in zip(images.split(batch_size), labels.split(batch_size)):
            logits = net(x.to(device))
            right = (logits.argmax(1) == y.to(device)) & torch.isfinite(logits).all(1)
            correct += int(right.sum())
    finally:
        for module, mode in modes:
            module.training = mode
    return 100 * correct / len(images)


def device_of(net: nn.Module) -> torch.device:
    """Return the device of the parameters; the CPU for a network without any."""
    return next((parameter.device for parameter in net.parameters()), torch.device("cpu"))


def _check(images: Tensor, labels: Tensor, batch_size: int) -> None:
    if len(images) != len(labels) or not len(images):
        raise ValueError(f"{len(images)} images and {len(labels)} labels: give one label per image, at least one")
    if batch_size < 1:
        raise ValueError(f"batch_size must be at least 1, not {batch_size}")


@contextmanager
def _seeded(seed: int, device: torch.device) -> Iterator[None]:
    """Seed the generators that modules draw from, and put their states back afterwards; threads take turns."""
    with Turn("states"), kept_random_states(device):
        torch.default_generator.manual_seed(seed)
        if device.type == "cuda":
            with torch.cuda.device(device):
                torch.cuda.manual_seed(seed)
        np.random.seed(seed % 2**32)
        random.seed(seed)
        yield
