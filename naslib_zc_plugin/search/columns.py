"""Columns of benchmarks, each table read once."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from naslib_zc_plugin.benchmarks import Benchmark, benchmark
from naslib_zc_plugin.files import data_folder


def table(name: str, data: str | Path | None) -> Benchmark:
    """A benchmark of the data directory.

    Raises:
        ValueError: no such benchmark, or no data directory.
        DataError: it cannot be read.
    """
    return _table(name, str(data_folder(data).resolve()))


def column(name: str, of: str, data: str | Path | None) -> Mapping[str, float]:
    """Key → number, in the column ``name`` of the benchmark ``of``.

    Raises:
        ValueError: no such column; and as for :func:`table`.
    """
    return _column(name, of, str(data_folder(data).resolve()))


@lru_cache(maxsize=4)
def _table(name: str, folder: str) -> Benchmark:
    return benchmark(name, folder)


@lru_cache(maxsize=64)
def _column(name: str, of: str, folder: str) -> Mapping[str, float]:
    return _table(of, folder).column(name)
