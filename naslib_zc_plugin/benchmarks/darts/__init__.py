"""Cells of DARTS' search space that were trained on CIFAR-10 for 200 epochs, for the code of SWAP (pym1024/SWAP).

Both cells of a network are the same there. Width and depth of the trained networks are not stated; the accuracies,
from 10 to 86 %, are those of small ones. Keys are of the space ``nds_darts``, with DARTS' 16 channels and 8 cells.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from naslib_zc_plugin.benchmarks._formats import Columns
from naslib_zc_plugin.benchmarks._table import ColumnInfo, Table, Truth
from naslib_zc_plugin.spaces.nds import DARTS

WIDTH, DEPTH = 16, 8


def _keys(genotypes: Sequence[str], columns: Columns) -> list[str]:
    """Return the keys of genotypes in JSON; raise ``ValueError`` unless they are DARTS'."""
    try:
        return [DARTS.canonical(DARTS.from_genotype(json.loads(each), WIDTH, DEPTH)) for each in genotypes]
    except RecursionError as error:
        raise ValueError("a genotype is nested too deeply") from error


TABLE = Table(
    name="darts",
    file="darts/cifar10_trained_500.parquet",
    key="genotype",
    columns={"test_acc": ColumnInfo("test accuracy on CIFAR-10 after 200 epochs, one run", "%", True)},
    space_keys=_keys,
    title="DARTS' cells",
    space_name="nds_darts",
    truths={"cifar10": Truth("test_acc", "CIFAR-10")},
)
