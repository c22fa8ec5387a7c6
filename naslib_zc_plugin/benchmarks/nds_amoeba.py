"""4,983 networks of NDS' Amoeba space, trained on CIFAR-10 (see :mod:`._nds`): ``Amoeba.json``."""

from __future__ import annotations

from naslib_zc_plugin.benchmarks import _nds

TABLE = _nds.table("nds_amoeba", "Amoeba", rows=4_983)
convert = TABLE.convert
