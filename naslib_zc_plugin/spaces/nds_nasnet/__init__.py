"""NDS' NASNet space (Zoph et al., CVPR 2018): cells of five nodes, of which those without a user are concatenated."""

from __future__ import annotations

from naslib_zc_plugin.spaces._nds.space import CellSpace

OPERATIONS = (
    "skip_connect", "conv_3x1_1x3", "conv_7x1_1x7", "dil_conv_3x3", "avg_pool_3x3", "max_pool_3x3", "max_pool_5x5",
    "max_pool_7x7", "conv_1x1", "conv_3x3", "sep_conv_3x3", "sep_conv_5x5", "sep_conv_7x7",
)  # fmt: skip

SPACE = CellSpace("nds_nasnet", OPERATIONS, nodes=5, loose=True)
