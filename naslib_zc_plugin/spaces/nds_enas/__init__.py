"""NDS' ENAS space (Pham et al., ICML 2018): cells of five nodes, of which those without a user are concatenated."""

from __future__ import annotations

from naslib_zc_plugin.spaces._nds.space import CellSpace

OPERATIONS = ("skip_connect", "sep_conv_3x3", "sep_conv_5x5", "avg_pool_3x3", "max_pool_3x3")

SPACE = CellSpace("nds_enas", OPERATIONS, nodes=5, loose=True)
