"""Networks whose parameters are out of the ordinary: shared, computed, frozen, not finite, double."""

from __future__ import annotations

import warnings

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrizations, parametrize

from naslib_zc_plugin.testing.case import Case, Maker, classifier, images
from naslib_zc_plugin.testing.convolutional import conv_bn_relu


class Shared(nn.Module):
    """One convolution, one norm and one ReLU, called three times."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.conv = nn.Conv2d(3, 6, 1), nn.Conv2d(6, 6, 3, padding=1)
        self.norm, self.relu, self.head = nn.BatchNorm2d(6), nn.ReLU(), nn.Linear(6, 4)

    def forward(self, x: Tensor) -> Tensor:
        """Logits."""
        x = self.stem(x)
        for _ in range(3):
            x = self.relu(self.norm(self.conv(x)))
        logits: Tensor = self.head(x.mean((2, 3)))
        return logits


def shared_module() -> Case:
    """Modules that are called several times."""
    return Case(Shared(), images())


def tied_weights() -> Case:
    """Two linear layers that hold one parameter."""
    one, other = nn.Linear(12, 12), nn.Linear(12, 12)
    other.weight = one.weight
    stem = [nn.Flatten(), nn.Linear(48, 12), nn.ReLU()]
    return Case(nn.Sequential(*stem, one, nn.ReLU(), other, nn.ReLU(), nn.Linear(12, 4)), images(size=4))


class UnitFilters(nn.Module):
    """A parametrization: every filter at length one."""

    def forward(self, weight: Tensor) -> Tensor:
        """The weight that the layer multiplies with."""
        length: Tensor = weight.flatten(1).norm(dim=1)
        return weight / length[:, None, None, None]


def weight_norm() -> Case:
    """Weights computed by a parametrization."""
    conv = parametrize.register_parametrization(nn.Conv2d(3, 6, 3), "weight", UnitFilters())
    return Case(classifier(conv, nn.ReLU(), width=6), images())


def weight_norm_by_hook() -> Case:
    """Weights computed by a hook, as before parametrizations."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        conv = nn.utils.weight_norm(nn.Conv2d(3, 6, 3))
    return Case(classifier(conv, nn.ReLU(), width=6), images())


def spectral_norm() -> Case:
    """A parametrization that writes to its buffers whenever the weight is read in train mode."""
    net = classifier(parametrizations.spectral_norm(nn.Conv2d(3, 6, 3)), nn.ReLU(), width=6)
    return Case(net, images())


def frozen() -> Case:
    """No parameter wants a gradient, and some hold one."""
    case = conv_bn_relu()
    for index, parameter in enumerate(case.net.parameters()):
        if index % 2:
            parameter.grad = torch.randn_like(parameter)
        parameter.requires_grad_(False)
    return case


def nan_weights() -> Case:
    """A weight that is not a number."""
    case = conv_bn_relu()
    with torch.no_grad():
        next(case.net.parameters())[0, 0, 0, 0] = float("nan")
    return case


def huge_weights() -> Case:
    """Weights whose products overflow."""
    net = classifier(nn.Conv2d(3, 6, 3), nn.ReLU(), nn.Conv2d(6, 6, 3), nn.ReLU(), width=6)
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.mul_(1e30)
    return Case(net, images())


def double_precision() -> Case:
    """Parameters and inputs in double precision."""
    case = conv_bn_relu()
    inputs, labels = case.batch
    return Case(case.net.double(), (inputs.double(), labels))


MAKERS: list[Maker] = [
    shared_module, tied_weights, weight_norm, weight_norm_by_hook, spectral_norm, frozen, nan_weights, huge_weights,
    double_precision,
]  # fmt: skip
