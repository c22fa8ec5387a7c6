"""NDS' PNAS space (Liu et al., ECCV 2018): cells of five nodes, all of which are concatenated.

PNAS itself has one cell for both purposes; in NDS they are drawn apart.
"""

from __future__ import annotations

from naslib_zc_plugin.spaces._nds.space import CellSpace

OPERATIONS = (
    "sep_conv_3x3", "sep_conv_5x5", "sep_conv_7x7", "conv_7x1_1x7", "skip_connect", "avg_pool_3x3", "max_pool_3x3",
    "dil_conv_3x3",
)  # fmt: skip

SPACE = CellSpace("nds_pnas", OPERATIONS, nodes=5, loose=False)
