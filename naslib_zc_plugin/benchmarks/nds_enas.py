"""4,999 networks of NDS' ENAS space, trained on CIFAR-10 (see :mod:`._nds`): ``ENAS.json``."""

from __future__ import annotations

from naslib_zc_plugin.benchmarks import _nds

TABLE = _nds.table("nds_enas", "ENAS", rows=4_999)
convert = TABLE.convert
