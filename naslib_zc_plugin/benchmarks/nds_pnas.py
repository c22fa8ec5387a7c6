"""4,999 networks of NDS' PNAS space, trained on CIFAR-10 (see :mod:`._nds`): ``PNAS.json``."""

from __future__ import annotations

from naslib_zc_plugin.benchmarks import _nds

TABLE = _nds.table("nds_pnas", "PNAS", rows=4_999)
convert = TABLE.convert
