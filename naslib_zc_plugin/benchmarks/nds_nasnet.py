"""4,846 networks of NDS' NASNet space, trained on CIFAR-10 (see :mod:`._nds`): ``NASNet.json``."""

from __future__ import annotations

from naslib_zc_plugin.benchmarks import _nds

TABLE = _nds.table("nds_nasnet", "NASNet", rows=4_846)
convert = TABLE.convert
