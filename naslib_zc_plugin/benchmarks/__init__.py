"""Benchmarks: the results of training, for every architecture of a space.

A folder is a benchmark: ``__init__.py`` offers ``TABLE``, the form of the one neutral table in the data directory and
the facts that must hold in it; ``convert.py`` makes that table from the makers' files, and runs once. The six of NDS
share a folder. Other distributions register a :class:`Table` in the entry-point group ``naslib_zc_plugin.benchmarks``
(name = module:object). Parquet needs pyarrow, which the extra ``tables`` brings; importing this needs numpy only.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from naslib_zc_plugin.benchmarks._table import Benchmark, ColumnInfo, EmbeddedTable, Progress, Table, Truth
from naslib_zc_plugin.registry import Registry

__all__ = [
    "BENCHMARKS", "Benchmark", "ColumnInfo", "EmbeddedTable", "Table", "Truth", "benchmark", "benchmarks_of",
    "convert_benchmark", "list_benchmarks",
]  # fmt: skip

_NDS = ("nds_amoeba", "nds_darts", "nds_darts_fix_w_d", "nds_enas", "nds_nasnet", "nds_pnas")
BENCHMARKS: Registry[Table] = Registry(
    "benchmark",
    "naslib_zc_plugin.benchmarks",
    "naslib_zc_plugin.benchmarks",
    attribute="TABLE",
    is_entry=lambda name, found: isinstance(found, Table) and found.name == name,
    requirement="it must be a naslib_zc_plugin.benchmarks.Table of that name",
    others=["nds"],
    more={
        "nasbench201_naslib": f"{__name__}.nasbench201.naslib_pickles:TABLE",
        **{name: f"{__name__}.nds:{name.upper()}" for name in _NDS},
    },
    aliases={"transnasbench101": "transnasbench101_micro"},
)
"""All benchmarks, those of other distributions too."""


def list_benchmarks(pattern: str = "*") -> list[str]:
    """Return the sorted names of the benchmarks that match a shell-style pattern; no file is read.

    >>> list_benchmarks("nasbench*")
    ['nasbench101', 'nasbench201', 'nasbench201_naslib', 'nasbench_nlp']
    """
    return BENCHMARKS.names(pattern)


def benchmarks_of(space: str) -> list[str]:
    """Return the names of the benchmarks of a search space, the one of its name first; that alone if there are none.

    >>> benchmarks_of("nds_darts")
    ['nds_darts', 'darts']
    """
    found = []
    for name in BENCHMARKS.names():
        with suppress(TypeError, ValueError):  # another distribution's entry is broken: whoever loads it learns why
            found += [name] if space in (name, BENCHMARKS.load(name).space_name) else []
    return sorted(found, key=lambda name: name != space) or [space]


def benchmark(name: str, data: str | Path | None = None) -> Benchmark:
    """Read a benchmark's table and check it.

    ``nasbench201`` is in the package, rounded to .01 % of accuracy, and needs no data directory; a table there goes
    first.

    Args:
        name: one of :func:`list_benchmarks`.
        data: the data directory; that of the environment variable ``NAS_ZC_DATA`` unless given.

    Returns:
        The checked table.

    Raises:
        ValueError: there is no such benchmark, or no data directory, and the table is not in the package.
        TypeError: another distribution's entry of that name cannot be loaded, or is no table.
        DataError: the directory has no such table, or the table is damaged or holds something else.
        ImportError: the table is in Parquet, and pyarrow is not installed.

    >>> accuracies = benchmark("nasbench201").column("cifar10_test_200")
    >>> best = max(accuracies, key=accuracies.get)
    >>> accuracies[best]
    94.37
    """
    return BENCHMARKS.load(name).read(data)


def convert_benchmark(
    name: str,
    source: str | Path,
    data: str | Path,
    partial: bool = False,
    progress: Progress = lambda number: None,
) -> Path:
    """Convert the makers' files of a benchmark to its table; the benchmark's ``convert.py`` describes the files.

    The table is checked, then written whole: an interruption leaves the old one.

    Args:
        name: one of :func:`list_benchmarks`.
        source: the makers' file or folder.
        data: the data directory to write to; made if it does not exist.
        partial: whether fewer architectures than the benchmark has are accepted; the table then records it.
        progress: called with an architecture's number after it has been read.

    Returns:
        The table's path.

    Raises:
        ValueError: there is no such benchmark, or it has nothing to convert.
        TypeError: another distribution's entry of that name cannot be loaded, or is no table.
        DataError: the source is damaged, asks to run code, or holds something else.
        ImportError: the table is in Parquet, and pyarrow is not installed.

    >>> convert_benchmark("nds_darts", "DARTS.json", "data")  # doctest: +SKIP
    PosixPath('data/nds/nds_darts.parquet')
    """
    return BENCHMARKS.load(name).convert(Path(source), Path(data), partial, progress)
