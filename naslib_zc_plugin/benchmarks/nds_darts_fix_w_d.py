"""5,000 networks of NDS' DARTS space, 16 channels and 20 cells each, trained on CIFAR-10 (see :mod:`._nds`).

The official file is ``DARTS_fix-w-d.json``.
"""

from __future__ import annotations

from naslib_zc_plugin.benchmarks import _nds

TABLE = _nds.table("nds_darts_fix_w_d", "DARTS_fix-w-d", rows=5_000)
convert = TABLE.convert
