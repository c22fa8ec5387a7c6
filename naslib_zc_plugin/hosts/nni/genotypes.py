"""DARTS, ENAS, PNAS, NASNet and AmoebaNet: NNI's samples, genotypes, and networks.

A sample holds ``<cell>/op_<node>_<k>``, ``<cell>/input_<node>_<k>`` (a list of one place) for the cells ``normal`` and
``reduce``, the nodes from 2 on and k of 0 and 1, and ``width`` and ``depth`` where the space leaves them open. Places
0 and 1 are the outputs of the two cells before, 2 the first node of this one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from naslib_zc_plugin.spaces.nds.keys import CELLS, Edges, Genotype

_LABEL = re.compile(r"(?:normal|reduce)/(?:op|input)_\d+_[01]|width|depth")


def recognises(labels: Mapping[str, Any]) -> bool:
    """Whether a sample's labels are those of such a space, and no others."""
    return "normal/op_2_0" in labels and all(_LABEL.fullmatch(label) for label in labels)


def to_genotype(sample: Mapping[str, Any]) -> Genotype:
    """The genotype of a sample.

    Raises:
        ValueError: an entry is missing, or an input does not come before its node.
    """
    try:
        cells = {cell: _edges(sample, cell) for cell in CELLS}
    except KeyError as error:
        raise ValueError(f"the sample has no {error}") from error
    return Genotype(**cells, width=sample.get("width"), depth=sample.get("depth"))


def to_sample(genotype: Genotype) -> dict[str, Any]:
    """The sample of a genotype; inverse of :func:`to_genotype`."""
    found: dict[str, Any] = {}
    for cell in CELLS:
        for number, (operation, place) in enumerate(genotype.edges(cell)):
            end = f"{2 + number // 2}_{number % 2}"
            found[f"{cell}/op_{end}"], found[f"{cell}/input_{end}"] = operation, [place]
    sizes = {"width": genotype.width, "depth": genotype.depth}
    return {**found, **{name: value for name, value in sizes.items() if value is not None}}


def _edges(sample: Mapping[str, Any], cell: str) -> Edges:
    nodes = sum(1 for label in sample if re.fullmatch(rf"{cell}/op_\d+_0", label))
    ends = [f"{node}_{k}" for node in range(2, 2 + nodes) for k in (0, 1)]
    return tuple((sample[f"{cell}/op_{end}"], sample[f"{cell}/input_{end}"][0]) for end in ends)
