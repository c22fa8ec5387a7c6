"""TransNAS-Bench-101 (Duan et al., CVPR 2021), cells: validation results on three of its seven tasks.

The rows are the architectures of NAS-Bench-Suite-Zero's files. Some cells are there twice, with nodes 1 and 2
exchanged: the same network, trained apart.
"""

from __future__ import annotations

from collections.abc import Sequence

from naslib_zc_plugin.benchmarks._formats import Columns
from naslib_zc_plugin.benchmarks._table import ColumnInfo, Table, Truth
from naslib_zc_plugin.spaces.transnasbench101_micro import SPACE


def _keys(keys: Sequence[str], columns: Columns) -> Sequence[str]:
    """Return the keys; raise ``ValueError`` unless all are of the space."""
    for key in keys:
        SPACE.decode(key)
    return keys


TABLE = Table(
    name="transnasbench101_micro",
    file="transnasbench101/micro_3_tasks.parquet",
    key="space_key",
    others=("naslib_key",),
    columns={
        "class_scene_val": ColumnInfo("validation accuracy of scene classification", "%", True, gaps=True),
        "autoencoder_val": ColumnInfo("structural similarity of autoencoded images", "fraction", True, gaps=True),
        "jigsaw_val": ColumnInfo("validation accuracy of jigsaw puzzles", "%", True, gaps=True),
    },
    space_keys=_keys,
    title="TransNAS-Bench-101",
    truths={
        "class_scene": Truth("class_scene_val", "scenes"),
        "jigsaw": Truth("jigsaw_val", "jigsaw puzzles"),
        "autoencoder": Truth("autoencoder_val", "autoencoding"),
    },
)
