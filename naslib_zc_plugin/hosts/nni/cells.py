"""Networks of two cells, as NNI builds those of DARTS, ENAS, PNAS, NASNet and AmoebaNet."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

from nni.nas.hub.pytorch.nasnet import NDS
from torch import nn

from naslib_zc_plugin.hosts.nni.genotypes import to_sample
from naslib_zc_plugin.spaces.nds.keys import CELLS, Genotype


def cell_network(genotype: Genotype, loose: bool) -> nn.Module:
    """The freshly initialised network of a genotype with width and depth, for CIFAR-10, without auxiliary head.

    NNI makes every candidate for every edge and keeps one, so it is told of those alone that the genotype names.
    ``none`` is no candidate in NNI's own DARTS, but an operation that it knows.

    Args:
        genotype: with width and depth.
        loose: concatenate the nodes that no other uses; else all.
    """
    names = dict.fromkeys(operation for cell in CELLS for operation, _ in genotype.edges(cell))
    make = NDS.frozen_factory(to_sample(replace(genotype, width=None, depth=None)))
    found = make(
        op_candidates=list(names),
        merge_op="loose_end" if loose else "all",
        num_nodes_per_cell=len(genotype.normal) // 2,
        width=genotype.width,
        num_cells=genotype.depth,
        dataset="cifar",
        auxiliary_loss=False,
    )
    return cast(nn.Module, found)
