"""NDS' DARTS space with fixed width and depth, 16 channels and 20 cells (``DARTS_fix-w-d``); else as ``nds_darts``."""

from __future__ import annotations

from naslib_zc_plugin.spaces._nds.space import CellSpace
from naslib_zc_plugin.spaces.nds_darts import OPERATIONS

SPACE = CellSpace("nds_darts_fix_w_d", OPERATIONS, nodes=4, loose=False, widths=(16,), depths=(20,))
