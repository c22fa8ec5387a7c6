"""Our tables of what training gave, as the ``dataset_api`` of NASLib's queries."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from naslib_zc_plugin.benchmarks import benchmark
from naslib_zc_plugin.benchmarks.nasbench201 import naslib_columns, naslib_pickles
from naslib_zc_plugin.hosts.naslib.tables101 import api101
from naslib_zc_plugin.hosts.naslib.tables201 import Architectures


def dataset_api(
    name: str = "nasbench201", data: str | Path | None = None, *, accuracy: str = "test", epochs: int = 200
) -> dict[str, Any]:
    """A benchmark's table as NASLib's queries want it, in the place of NASLib's pickles.

    Numbers are looked up when they are asked for; what the table does not have raises ``KeyError``, which says so, but
    for accuracies that NASLib's ``Trainer`` reports of every architecture: they are NaN, and searches go on.

    Args:
        name: ``"nasbench201"`` (:mod:`.tables201`), ``"nasbench201_naslib"``, which has what NASLib's own pickles were
            imported from, or ``"nasbench101"`` (:mod:`.tables101`).
        data: the data directory; that of the environment variable ``NAS_ZC_DATA`` unless given.
        accuracy: of NAS-Bench-201: what NASLib's ``VAL_ACCURACY`` and ``TEST_ACCURACY`` are, which are one number:
            ``"test"``, as in NASLib's file, or ``"val"``.
        epochs: of NAS-Bench-201: length of the training, 200 as in NASLib's file, or 12.

    Raises:
        ValueError: no such benchmark, accuracy or length, or no data directory.
        DataError: the table is not there or damaged.
    """
    if name == "nasbench201":
        return {"nb201_data": Architectures(benchmark(name, data), naslib_columns(accuracy, epochs), epochs)}
    if name == "nasbench201_naslib":
        return {"nb201_data": Architectures(benchmark(name, data), naslib_pickles.pickle_columns())}
    if name == "nasbench101":
        return api101(data)
    raise ValueError(f"no table of {name!r} for NASLib; there are nasbench101, nasbench201, nasbench201_naslib")
