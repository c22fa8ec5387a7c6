"""What lies in the data directory, read and checked."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

from naslib_zc_plugin.files import DataError

Rows = list[list[str]]


def tables(folder: Path) -> tuple[Rows, list[str]]:
    """A row for each benchmark's table (name, state, rows, columns, file or what is wrong), and those that are broken.

    Tables that are there are read whole and checked.
    """
    from naslib_zc_plugin import benchmarks

    rows, wrong = [], []
    for name in benchmarks.benchmarks():
        path = folder / import_module(f"{benchmarks.__name__}.{name}").TABLE.file
        if not path.exists():
            rows.append([name, "not there", "", "", str(path)])
            continue
        try:
            found = benchmarks.benchmark(name, folder)
        except ImportError as error:
            rows.append([name, "not read", "", "", str(error)])
        except DataError as error:
            rows.append([name, "broken", "", "", " ".join(str(error).split())])
            wrong.append(str(path))
        else:
            state = "in part" if found.partial else "whole"
            rows.append([name, state, f"{len(found):,}", str(len(found.columns)), str(path)])
    return rows, wrong


def probes(folder: Path) -> Rows:
    """A row (name, what, count, size, classes, file) for each .npz file of images or text in or below the folder."""
    from naslib_zc_plugin.probes import Tokens, probe

    rows = []
    for path in sorted({*folder.glob("*.npz"), *folder.glob("*/*.npz")}):
        try:
            found = probe(path)
        except DataError:  # an array file of another kind, which is nobody's fault
            continue
        what, size = ("text", found.tokens.shape[1]) if isinstance(found, Tokens) else ("images", found.images.shape[1])
        rows.append([path.stem, what, f"{len(found):,}", str(size), f"{found.classes:,}", str(path)])
    return rows
