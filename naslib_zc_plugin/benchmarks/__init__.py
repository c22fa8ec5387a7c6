"""Benchmarks: what training gave, for every architecture of a space.

Each benchmark is read from one neutral table in the data directory, in Parquet, or JSON lines where rows are nested.
One file is one benchmark; it offers ``TABLE``, which says where the table lies, what its columns mean and which facts
must hold, and ``convert``, which makes it of the author's files. A new benchmark is a new file and no edit here.
Parquet needs pyarrow, which the extra ``tables`` brings; importing this needs nothing.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from types import ModuleType
from typing import Callable

from naslib_zc_plugin.benchmarks._benchmark import Benchmark, Measure, closest
from naslib_zc_plugin.benchmarks._table import Table, parquet
from naslib_zc_plugin.files import data_folder

__all__ = ["Benchmark", "Measure", "benchmark", "benchmarks", "convert"]


def benchmarks() -> list[str]:
    """Names of the benchmarks, sorted; no file is read."""
    return sorted(module.name for module in iter_modules(__path__) if not module.name.startswith("_"))


def benchmark(name: str, data: str | Path | None = None) -> Benchmark:
    """Read a benchmark's table, and check it.

    Args:
        name: one of :func:`benchmarks`.
        data: the data directory; that of the environment variable ``NAS_ZC_DATA`` unless given.

    Raises:
        ValueError: no such benchmark, or no data directory.
        DataError: the directory has no such table, or the table is damaged or holds something else.
        ImportError: the table is in Parquet, and pyarrow is not installed.
    """
    module = _module(name)
    found: Benchmark = module.TABLE.read(data_folder(data))
    return found


def convert(
    name: str,
    source: str | Path,
    data: str | Path,
    partial: bool = False,
    progress: Callable[[int], None] = lambda number: None,
) -> Path:
    """Convert the author's files of a benchmark to its table; what the files must be is said in its module.

    The table is checked, then written whole: an interruption leaves what was there before.

    Args:
        name: one of :func:`benchmarks`.
        source: the author's file or folder.
        data: the data directory to write to; made if it is not there.
        partial: take fewer architectures than the benchmark has; the table then says so.
        progress: called with an architecture's number when it has been read.

    Returns:
        The table's path.

    Raises:
        ValueError: no such benchmark.
        DataError: the source is damaged, asks to run code, or holds something else.
        ImportError: the table is in Parquet, and pyarrow is not installed.
    """
    module = _module(name)
    if isinstance(module.TABLE, Table):
        parquet()  # else it would be missed after minutes of reading
    path: Path = module.convert(Path(source), Path(data), partial, progress)
    return path


def _module(name: str) -> ModuleType:
    known = benchmarks()
    if name not in known:
        raise ValueError(f"unknown benchmark {name!r}; {closest(name, known)}")
    return import_module(f"{__name__}.{name}")
