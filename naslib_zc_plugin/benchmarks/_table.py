"""A benchmark's table: its place and facts, and how it is read, checked, converted and written."""

from __future__ import annotations

import gzip
import json
import logging
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from pkgutil import resolve_name
from typing import Any, Callable, ClassVar

import numpy as np
from numpy.typing import NDArray

from naslib_zc_plugin.benchmarks._formats import (
    FORMATS,
    LIMITS,
    PARTIAL,
    Columns,
    of_arrow,
    packed,
    parquet,
    read_lines,
)
from naslib_zc_plugin.files import VARIABLE, DataError, data_folder, existing, replacing, shown
from naslib_zc_plugin.files.limits import Meter
from naslib_zc_plugin.files.packed import FOLDER, unpack
from naslib_zc_plugin.registry import closest

logger = logging.getLogger(__name__)
Progress = Callable[[int], None]
Converter = Callable[["Table", Path, bool, Progress], Any]
"""The table, the makers' file or folder, whether a part is enough, a function called with each number → columns."""

_UPPER = {"%": 100.0, "fraction": 1.0}
_PRINTED = 5e-4  # how far a number may be from one that is printed with three decimals


@dataclass(frozen=True)
class ColumnInfo:
    """The meaning of a benchmark's column.

    Attributes:
        description: the quantity, and how it was measured.
        unit: ``"%"`` (0 to 100), ``"fraction"`` (0 to 1), ``"s"``, ``"M"`` (millions), ``""`` for anything else.
        higher_is_better: None where neither direction is better by itself.
        gaps: whether the column, or its number for some architectures, may be missing.
        cost: the column of the training's seconds, and the share of them that this measurement took; None where no
            column holds them.
        minimum: numbers below it are refused.
    """

    description: str
    unit: str = ""
    higher_is_better: bool | None = None
    gaps: bool = False
    cost: tuple[str, float] | None = None
    minimum: float = 0.0


@dataclass(frozen=True)
class Truth:
    """The accuracies of one data set or task, with which scores are compared unless another column is chosen.

    Attributes:
        column: their column.
        title: the data set or task, as papers write it.
        begins: how the keys of the architectures begin that are compared with each other; empty: all are.
    """

    column: str
    title: str
    begins: str = ""


@dataclass(frozen=True, eq=False)
class Benchmark:
    """A checked table: architectures × columns.

    Attributes:
        name: the benchmark's name.
        path: the file it was read from; the name, where the table is in memory.
        keys: the architectures as the space writes them, in the benchmark's order, each once.
        columns: name → its meaning.
        partial: whether architectures of the benchmark are missing, according to the table itself.
        source: where the numbers of a table in the package come from, and how they are rounded; else empty.
        family: returns the family of an architecture, where it has one: its networks are alike.
        class_of: returns the benchmark's class of identical networks that an architecture is of, where it has classes.
    """

    name: str
    path: Path
    keys: tuple[str, ...]
    columns: Mapping[str, ColumnInfo]
    partial: bool
    _values: Mapping[str, NDArray[np.float64]]
    source: str = ""
    family: Callable[[str], str] | None = None
    class_of: Callable[[str], str] | None = None

    def __len__(self) -> int:
        return len(self.keys)

    def column(self, name: str) -> dict[str, float]:
        """Return the numbers of a column by key, in the order of ``keys``; architectures without one are left out.

        Args:
            name: one of ``columns``.

        Returns:
            Key → number.

        Raises:
            ValueError: there is no such column; the message names the closest.
        """
        if name not in self.columns:
            within = (
                "; this is the table in the package, one in the data directory may have more" if self.source else ""
            )
            raise ValueError(f"{self.name} has no column {name!r}; {closest(name, self.columns)}{within}")
        return {key: value for key, value in zip(self.keys, self._values[name].tolist()) if value == value}

    def training_seconds(self, name: str) -> dict[str, float]:
        """Return the seconds of the training behind a column: where only longer trainings were timed, their share.

        Args:
            name: one of ``columns``.

        Returns:
            Key → seconds.

        Raises:
            ValueError: there is no such column, or its training was not timed.
        """
        self.column(name)
        cost = self.columns[name].cost
        if cost is None or cost[0] not in self.columns:
            timed = (each for each, info in self.columns.items() if info.cost and info.cost[0] in self.columns)
            known = ", ".join(timed) or "no column"
            raise ValueError(f"{self.name} has no training time for {name!r}; it has one for {known}")
        return {key: cost[1] * seconds for key, seconds in self.column(cost[0]).items()}


@dataclass(frozen=True)
class Sample:
    """A table of some of the architectures, read where the whole one does not exist.

    Attributes:
        file: path below the data directory.
        rows: number of architectures.
        best: as of the whole table.
    """

    file: str
    rows: int
    best: Mapping[str, tuple[int, float]]


@dataclass(frozen=True)
class EmbeddedTable:
    """A rounded table in the package, which answers where the data directory does not have the benchmark's own.

    Attributes:
        file: its name among the package's tables, in the form of :mod:`naslib_zc_plugin.files.packed`; its rows are in
            the order of the sorted keys.
        architectures: returns the columns of keys and others, in the benchmark's order.
        more: columns that it has besides those of the benchmark's own table, which gets them, too.
        best: as of the benchmark's own table.
    """

    file: str
    architectures: Callable[[], Columns]
    more: Mapping[str, ColumnInfo]
    best: Mapping[str, tuple[int, float]]


@dataclass(frozen=True)
class Table:
    """The form of a benchmark's table, and the facts that must hold in it: an entry of the registry.

    Attributes:
        name: the benchmark's name; that of its search space, where the space has one benchmark.
        columns: columns of numbers. Those without gaps must exist.
        file: a ``.parquet``, ``.csv``, ``.jsonl`` or ``.jsonl.gz`` file: a path below the data directory, or an
            absolute one.
        values: instead of a file, the table itself: key → column → number.
        key: name of the column of architectures.
        others: names of further columns; any other one is refused.
        rows: number of architectures; None: any.
        space_keys: returns the keys as the space writes them, given the column of keys and all columns, or raises
            ``ValueError`` for keys of other architectures. By default they are the column itself.
        best: column → row and value of its maximum in the whole table, to recognise it by.
        sample: a table of some of the architectures that is read while there is no whole one.
        embedded: a table in the package that is read where there is none in the data directory.
        family: as of :class:`Benchmark`, as is ``class_of``.
        title: the benchmark's name as papers write it; empty: the name.
        space_name: the search space of the architectures; empty: that of the benchmark's name.
        truths: data set or task → what scores are compared with there. Several count as one benchmark.
        converter: reads the makers' files and returns the columns; or ``"module:function"``, which is imported when it
            is needed. The table is then written as Parquet.

    Raises:
        ValueError: neither or both of ``file`` and ``values`` are given, or the file has another ending.

    >>> rows = {"conv-conv": {"accuracy": 93.5}, "conv-pool": {"accuracy": 88.0}}
    >>> table = Table("toy", {"accuracy": ColumnInfo("test accuracy", "%", True)}, values=rows)
    >>> table.read().column("accuracy")
    {'conv-conv': 93.5, 'conv-pool': 88.0}
    """

    name: str
    columns: Mapping[str, ColumnInfo]
    file: str | Path = ""
    values: Mapping[str, Mapping[str, float]] | None = None
    key: str = "key"
    others: tuple[str, ...] = ()
    rows: int | None = None
    space_keys: Callable[[Sequence[str], Columns], Sequence[str]] = field(default=lambda keys, columns: keys)
    best: Mapping[str, tuple[int, float]] = field(default_factory=dict)
    sample: Sample | None = None
    embedded: EmbeddedTable | None = None
    family: Callable[[str], str] | None = None
    class_of: Callable[[str], str] | None = None
    title: str = ""
    space_name: str = ""
    truths: Mapping[str, Truth] = field(default_factory=dict)
    converter: Converter | str | None = None

    def __post_init__(self) -> None:
        if (self.values is None) != bool(self.file):
            raise ValueError(f"the table {self.name!r} needs either a file or values")
        if self.file and not str(self.file).endswith(tuple(FORMATS)):
            raise ValueError(f"the table {self.name!r} needs a file of {', '.join(FORMATS)}, not {self.file}")

    def path(self, folder: Path) -> Path:
        """Return the path of the table's file, or of its sample; for a table in memory, its name."""
        path = folder / self.file if self.file else Path(self.name)
        if self.sample is not None and not path.exists() and (folder / self.sample.file).exists():
            return folder / self.sample.file
        return path

    def exists(self, folder: Path) -> bool:
        """Return whether the table, or its sample, is in memory or in a data directory."""
        return self.values is not None or self.path(folder).exists()

    def read(self, data: str | Path | None = None) -> Benchmark:
        """Read the table and check it.

        A table in the package answers where no data directory is named, and, with a warning in the log, where the
        directory has none.

        Args:
            data: the data directory, or None for that of the environment; not looked at where the table is in memory
                or its file has an absolute path.

        Returns:
            The benchmark.

        Raises:
            ValueError: there is no data directory.
            DataError: the table does not exist, is damaged, or holds something else (see :meth:`check`).
            ImportError: it is in Parquet, and pyarrow is not installed.
        """
        if self.values is not None:
            names = list(dict.fromkeys(name for row in self.values.values() for name in row))
            given = {name: packed([row.get(name) for row in self.values.values()]) for name in names}
            return self.check(Path(self.name), {self.key: list(self.values), **given})
        if self.embedded is not None and not (data or os.environ.get(VARIABLE)):
            return self.within
        folder = Path() if Path(self.file).is_absolute() else data_folder(data)
        path = self.path(folder)
        if self.embedded is not None and not path.exists():
            logger.warning("%s: no such file; the table of %s in the package answers instead", path, self.name)
            return self.within
        if str(self.file).endswith(".parquet"):
            parquet()
        if not path.exists():
            there = sorted(str(file.relative_to(folder)) for file in folder.glob("*/*.parquet"))
            expected = f"the table of {self.name} (the argument `data` or {VARIABLE} names the folder {folder})"
            raise DataError(path, expected, f"no such file; tables there: {', '.join(there) or 'none'}")
        existing(path, f"the table of {self.name}")
        load = next(load for ending, load in FORMATS.items() if path.name.endswith(ending))
        found = self.check(path, *load(path, self.columns))
        return found if self.embedded is None else self._completed(found, self.embedded.more)

    @cached_property
    def within(self) -> Benchmark:
        """The table in the package, checked."""
        assert self.embedded is not None
        path = FOLDER / self.embedded.file
        found, infos = unpack(path), {**self.columns, **self.embedded.more}
        there = {name: infos[name] for name in infos if name in found.columns}
        form = replace(self, columns=there, best=self.embedded.best, sample=None, embedded=None)
        architectures = self.embedded.architectures()
        places = {key: row for row, key in enumerate(sorted(architectures[self.key]))}
        rows = [places[key] for key in architectures[self.key]]
        ordered: dict[str, Any] = {name: values[rows] for name, values in found.columns.items()}
        checked = form.check(path, {**architectures, **ordered})
        return replace(checked, source=str(found.about["source"]))

    def _completed(self, found: Benchmark, more: Mapping[str, ColumnInfo]) -> Benchmark:
        """Return a benchmark with columns that only the table in the package has."""
        rows = {key: row for row, key in enumerate(self.within.keys)}
        places = [rows[key] for key in found.keys]
        values = {name: self.within._values[name][places] for name in more}
        return replace(found, columns={**found.columns, **more}, _values={**found._values, **values})

    def check(self, path: Path, columns: Columns, promised: bytes | None = None) -> Benchmark:
        """Return the benchmark in the columns of a table.

        Args:
            path: the file that they were read from.
            columns: all of the table.
            promised: the number of rows that the file itself gives for a part of the benchmark; None for the whole.

        Raises:
            DataError: other rows, keys, columns, types or ranges, or known facts do not hold.
        """
        sample = self.sample if self.sample is not None and path.name == Path(self.sample.file).name else None
        whole = sample or self
        partial, keys = promised is not None, _column(path, columns, self.key)
        wanted = (int(promised[:12]) if promised.isdigit() else -1) if promised is not None else whole.rows
        if wanted is not None and len(keys) != wanted:
            rows = f"{whole.rows} rows" if whole.rows is not None else "its rows"
            raise DataError(path, f"{wanted} of {rows}, as its metadata say" if partial else rows, f"{len(keys)}")
        written = self._space_keys(path, keys, columns)
        values = {
            name: _numbers(path, columns, name, info)
            for name, info in self.columns.items()
            if name in columns or not info.gaps
        }
        for name, (row, value) in {} if partial else whole.best.items():
            # Another row may share the first place, and be ahead by the last digit of a mean.
            first = int(np.nanargmax(values[name]))
            if max(abs(values[name][row] - value), abs(values[name][first] - value)) > _PRINTED:
                found = f"{values[name][first]:.3f} at {first}"
                raise DataError(path, f"the best {name!r} to be {value} at {row}", found)
        infos = {name: self.columns[name] for name in values}
        return Benchmark(
            self.name, path, written, infos, partial or sample is not None, values,
            family=self.family, class_of=self.class_of,
        )  # fmt: skip

    def _space_keys(self, path: Path, keys: Sequence[Any], columns: Columns) -> tuple[str, ...]:
        """Return the keys as the space writes them, after checking that no column is unknown and no key comes twice."""
        unknown = set(columns) - {self.key, *self.others, *self.columns}
        if unknown:
            raise DataError(path, f"columns of {self.name} alone", f"columns {', '.join(sorted(unknown))}")
        try:
            if not all(isinstance(key, str) for key in keys):
                raise ValueError(f"a column {self.key!r} that is not all text")
            written = tuple(self.space_keys(keys, columns))
            if len(set(written)) < len(written):
                raise ValueError(f"{len(written) - len(set(written))} architectures more than once")
        except (LookupError, TypeError, ValueError) as error:
            raise DataError(path, f"the architectures of {self.name}", str(error)) from error
        return written

    def convert(self, source: Path, data: Path, partial: bool, progress: Progress) -> Path:
        """Convert the makers' files and write the table, see :func:`naslib_zc_plugin.benchmarks.convert_benchmark`."""
        if self.converter is None:
            raise ValueError(f"the benchmark {self.name!r} has nothing to convert")
        if str(self.file).endswith(".parquet"):
            parquet()  # else it would be missed after minutes of reading
        converter = resolve_name(self.converter) if isinstance(self.converter, str) else self.converter
        return self.write(data, converter(self, source, partial, progress), source, partial)

    def write(self, data: Path, columns: Any, source: Path, partial: bool) -> Path:
        """Check columns and write them as the table of a data directory, whole or not at all; return its path.

        Args:
            data: the data directory, made if it does not exist.
            columns: name → values.
            source: the file that they were read from, which a :class:`DataError` names.
            partial: whether fewer architectures than the benchmark has are accepted.

        Raises:
            DataError: architectures are missing, or the columns are not the benchmark's.
        """
        import pyarrow

        count = len(columns[self.key])
        whole = self.rows is None or count == self.rows
        if not whole and not partial:
            raise DataError(source, f"all {self.rows} architectures, unless a partial table is asked for", f"{count}")
        metadata = {b"naslib_zc_plugin.source": source.name.encode()}
        if not whole:
            metadata[PARTIAL] = str(count).encode()
        number = {name: pyarrow.float64() for name in self.columns}
        arrays = {name: pyarrow.array(values, number.get(name)) for name, values in columns.items()}
        table = pyarrow.table(arrays, metadata=metadata)
        self.check(source, *of_arrow(source, table))
        with replacing(data / self.file) as draft:
            parquet().write_table(table, draft, compression="zstd", write_page_checksum=True)
        return data / self.file


class NestedTable(Table):
    """A table whose rows are nested: JSON lines packed by gzip, several of which may be one architecture.

    A subclass reads a row (:meth:`row`, whose result has the architecture's ``key``), checks all rows together
    (:meth:`checked`), and gives the columns' numbers for the rows of one key (:meth:`numbers`).
    """

    row_form: ClassVar[str]
    """The form of a row, for messages."""

    def row(self, row: Any) -> Any:
        """Return a row of JSON as the benchmark's.

        Raises:
            LookupError, TypeError, ValueError: it has another form.
        """
        raise NotImplementedError

    def numbers(self, of_key: Sequence[Any]) -> dict[str, float]:
        """Return the number of each column for the rows of one key."""
        raise NotImplementedError

    def trainings(self, path: Path) -> list[Any]:
        """Return the checked rows of the table's file at ``path``, those of equal architectures too.

        Raises:
            DataError: there is no such file, it is damaged, or its rows are not the benchmark's.
        """
        return self.checked(path, read_lines(path, f"the table of {self.name}: one JSON object a line, packed by gzip"))

    def checked(self, path: Path, rows: Sequence[Any]) -> list[Any]:
        """Return rows of JSON as the benchmark's; raise :class:`DataError` unless they are."""
        found, meter = [], Meter(path, LIMITS)
        for number, row in enumerate(rows):
            meter.take("rows")
            try:
                found.append(self.row(row))
            except (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError) as error:
                what = f"{type(error).__name__}: {error}"
                raise DataError(path, f"row {number} with {self.row_form}", what) from error
        return found

    def summary(self, path: Path, rows: Sequence[Any]) -> Benchmark:
        """Return the benchmark in checked rows, of means for each key; columns without any number are left out."""
        of_key: dict[str, list[Any]] = {}
        for row in rows:
            of_key.setdefault(row.key, []).append(row)
        numbers = [self.numbers(same) for same in of_key.values()]
        columns = {name: np.array([number[name] for number in numbers]) for name in self.columns}
        kept = {name: column for name, column in columns.items() if not np.isnan(column).all()}
        infos = {name: self.columns[name] for name in kept}
        return Benchmark(self.name, path, tuple(of_key), infos, len(rows) != self.rows, kept)

    def read(self, data: str | Path | None = None) -> Benchmark:
        """Read the table and check it, as :meth:`Table.read` does."""
        path = self.path(data_folder(data))
        return self.summary(path, self.trainings(path))

    def write(self, data: Path, columns: Any, source: Path, partial: bool) -> Path:
        """Check rows of JSON and write them as the table of a data directory, whole or not at all."""
        self.checked(source, columns)
        with replacing(data / self.file) as draft:
            text = "".join(json.dumps(row, separators=(",", ":")) + "\n" for row in columns)
            draft.write_bytes(gzip.compress(text.encode(), mtime=0))
        return data / self.file


def _column(path: Path, columns: Columns, name: str) -> Sequence[Any]:
    if name not in columns:
        raise DataError(path, f"one column {name!r}", f"columns {', '.join(columns)}")
    return columns[name]


def _numbers(path: Path, columns: Columns, name: str, info: ColumnInfo) -> NDArray[np.float64]:
    """Return a column as float64, NaN where there is no number, after checking its range."""
    plain = _column(path, columns, name)
    if not isinstance(plain, np.ndarray) or plain.dtype.kind not in "iuf":
        other = next((value for value in plain if value is not None), None)
        raise DataError(path, f"{name!r} as a column of numbers", shown(other))
    values: NDArray[np.float64] = plain.astype(np.float64)
    present = values[~np.isnan(values)]
    if len(present) < len(values) and not info.gaps:
        raise DataError(path, f"{name!r} of every architecture", f"{len(values) - len(present)} without")
    upper = _UPPER.get(info.unit, np.finfo(float).max)
    if present.size and (present.min() < info.minimum or present.max() > upper):
        least = f"{info.minimum:g}"
        fits = f"in {least}..{upper:g}" if info.unit in _UPPER else f"finite and not below {least}"
        raise DataError(path, f"{name!r} {fits}", f"{present.min():g}..{present.max():g}")
    return values
