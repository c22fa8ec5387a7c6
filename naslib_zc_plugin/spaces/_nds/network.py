"""Networks of the NDS design spaces, as NNI builds them (its code is that of the benchmark, pycls)."""

from __future__ import annotations

from typing import Any, cast

from torch import Tensor, nn

from naslib_zc_plugin.spaces._nds import keys_use
from naslib_zc_plugin.spaces._nds.keys import SHALLOWEST, Genotype

FLAVOURS = ("nds", "used")


def build(genotype: Genotype, loose: bool, num_classes: int = 10, flavour: str = "nds") -> nn.Module:
    """The network of a genotype, with PyTorch's default initialisation and without auxiliary head.

    Stem for CIFAR-10 (3×3 convolution to three times the width, norm), then three stages of cells; the second and the
    third begin with the cell that halves the image and doubles the channels. Two 1×1 convolutions bring the outputs of
    the two cells before to the channels of the cell. Then global average pool and classifier. The forward pass maps
    images ``(batch, 3, H, W)`` to logits ``(batch, num_classes)``, in train mode too.

    Args:
        genotype: with width and depth.
        loose: a cell's output is the concatenation of the nodes that no other uses; else of all.
        num_classes: number of logits.
        flavour: ``"nds"`` is the network of the benchmark, whose parameters it counts: a cell has the convolutions of
            both of its inputs also where it uses one. ``"used"`` lacks the modules that the logits do not depend on:
            such a convolution, and a cell that all later ones pass over. NASWOT's code, whose protocol the published
            numbers on NDS follow, leaves out what no gradient reaches.

    Raises:
        ValueError: unknown flavour, or a size below what makes a network.
        ImportError: NNI is not installed.
    """
    if flavour not in FLAVOURS:
        raise ValueError(f"unknown flavour {flavour!r}; use one of {', '.join(FLAVOURS)}")
    width, depth = genotype.width or 0, genotype.depth or 0
    if width < 1 or num_classes < 1 or depth < SHALLOWEST:
        raise ValueError(
            f"width and num_classes must be at least 1 and depth {SHALLOWEST}, found {width}, {num_classes} and {depth}"
        )
    from naslib_zc_plugin.hosts import nni

    net: Any = nni.cell_network(genotype, loose)
    net.classifier = nn.Linear(net.classifier.in_features, num_classes)
    return cast(nn.Module, _without_unused(net, genotype) if flavour == "used" else net)


class PassedOver(nn.Module):
    """In place of a cell whose output no other cell that matters takes."""

    def forward(self, inputs: list[Tensor]) -> list[Tensor]:
        """The outputs of the two cells before, as those of the last cell and of this one."""
        return [inputs[1], inputs[1]]


def _without_unused(net: Any, genotype: Genotype) -> Any:
    places = [(stage, number) for stage in net.stages for number in range(len(stage))]
    for (stage, number), use in zip(places, keys_use.of_cells(genotype)):
        if not use.matters:
            stage[number] = PassedOver()
            continue
        for name, used in zip(("pre0", "pre1"), use.inputs):
            if not used:
                setattr(stage[number].preprocessor, name, nn.Identity())
    return net
