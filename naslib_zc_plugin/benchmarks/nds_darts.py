"""5,000 networks of NDS' DARTS space, trained on CIFAR-10 (see :mod:`._nds`): ``DARTS.json``."""

from __future__ import annotations

from naslib_zc_plugin.benchmarks import _nds

TABLE = _nds.table("nds_darts", "DARTS", rows=5_000)
convert = TABLE.convert
