"""NDS' Amoeba space (Real et al., AAAI 2019): cells of five nodes, of which those without a user are concatenated."""

from __future__ import annotations

from naslib_zc_plugin.spaces._nds.space import CellSpace

OPERATIONS = (
    "skip_connect", "sep_conv_3x3", "sep_conv_5x5", "sep_conv_7x7", "avg_pool_3x3", "max_pool_3x3", "dil_sep_conv_3x3",
    "conv_7x1_1x7",
)  # fmt: skip

SPACE = CellSpace("nds_amoeba", OPERATIONS, nodes=5, loose=True)
