"""NDS' DARTS space (Liu et al., ICLR 2019, as Radosavovic et al., ICCV 2019, drew from it): width and depth vary.

Cells of four nodes, all of which are concatenated. Unlike in what DARTS itself finds, an edge may be ``none``, and both
edges of a node may come from one place.
"""

from __future__ import annotations

from naslib_zc_plugin.spaces._nds.space import CellSpace

OPERATIONS = (
    "none", "max_pool_3x3", "avg_pool_3x3", "skip_connect", "sep_conv_3x3", "sep_conv_5x5", "dil_conv_3x3",
    "dil_conv_5x5",
)  # fmt: skip

SPACE = CellSpace("nds_darts", OPERATIONS, nodes=4, loose=False)
