"""The neutral table of a benchmark: where it lies, what must hold, how it is read and written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, Callable

from naslib_zc_plugin.benchmarks import _facts
from naslib_zc_plugin.benchmarks._benchmark import Benchmark, Measure
from naslib_zc_plugin.files import DataError, existing, readable, replacing
from naslib_zc_plugin.files.place import VARIABLE

if TYPE_CHECKING:
    import pyarrow

_PARTIAL = b"naslib_zc_plugin.partial"


@dataclass(frozen=True)
class Sample:
    """A table of some of the architectures, which is read where the whole one is not there.

    Attributes:
        file: path below the data directory.
        rows: number of architectures.
        best: as of the whole table.
    """

    file: str
    rows: int
    best: Mapping[str, tuple[int, float]]


@dataclass(frozen=True)
class Table:
    """The form of a benchmark's table and the facts that are known of it.

    Attributes:
        name: the benchmark's name.
        file: path below the data directory.
        rows: number of architectures.
        key: column of the architectures' keys.
        measures: columns of numbers, of which all without gaps must be there.
        others: columns besides the key and the measures; any further one is refused.
        check_keys: raises ``ValueError`` unless keys (and the table's other columns) are the benchmark's.
        best: column → row and value of its maximum in the whole table.
        sample: a table of some of the architectures that serves while there is no whole one.
        space_keys: the keys as the space writes them, from the column of keys and the table; the column itself unless
            given. Raises ``ValueError`` as ``check_keys`` does.
    """

    name: str
    file: str
    rows: int
    key: str
    measures: Mapping[str, Measure]
    others: tuple[str, ...]
    check_keys: Callable[[Sequence[str], pyarrow.Table], None]
    best: Mapping[str, tuple[int, float]]
    sample: Sample | None = None
    space_keys: Callable[[Sequence[str], pyarrow.Table], Sequence[str]] = field(default=lambda keys, table: keys)

    def read(self, folder: Path) -> Benchmark:
        """The table in the data directory ``folder``, checked.

        Raises:
            DataError: not there, damaged, or not what :meth:`check` demands.
            ImportError: pyarrow is not installed.
        """
        reader, path = parquet(), folder / self.file
        if self.sample is not None and not path.exists() and (folder / self.sample.file).exists():
            path = folder / self.sample.file
        if not path.exists():
            there = sorted(str(file.relative_to(folder)) for file in folder.glob("*/*.parquet"))
            expected = f"the table of {self.name} (the argument `data` or {VARIABLE} names the folder {folder})"
            raise DataError(path, expected, f"no such file; tables there: {', '.join(there) or 'none'}")
        existing(path, f"the table of {self.name}")
        # Pages are checked as they are read, names and texts are decoded when they are asked for.
        with readable(path, "a whole Parquet file"):
            return self.check(path, reader.read_table(path, page_checksum_verification=True))

    def check(self, path: Path, table: pyarrow.Table) -> Benchmark:
        """The benchmark in a table that was read from ``path``.

        Raises:
            DataError: other rows, keys, columns, types or ranges, or known facts do not hold.
        """
        promised = (table.schema.metadata or {}).get(_PARTIAL)
        sampled = self.sample is not None and path.name == Path(self.sample.file).name
        whole = self.sample if sampled and self.sample is not None else self
        partial = promised is not None
        expected = f"{_number(promised)} of {whole.rows} rows, as its metadata say" if partial else f"{whole.rows} rows"
        if table.num_rows != (_number(promised) if partial else whole.rows):
            raise DataError(path, expected, f"{table.num_rows}")
        keys = self._keys(path, table)
        values = {
            name: _facts.numbers(path, table, name, measure)
            for name, measure in self.measures.items()
            if name in table.column_names or not measure.gaps
        }
        if not partial:
            _facts.check_best(path, values, whole.best)
        columns = {name: self.measures[name] for name in values}
        return Benchmark(self.name, path, keys, columns, partial or sampled, values)

    def _keys(self, path: Path, table: pyarrow.Table) -> tuple[str, ...]:
        unknown = set(table.column_names) - {self.key, *self.others, *self.measures}
        if unknown:
            raise DataError(path, f"columns of {self.name} alone", f"columns {', '.join(sorted(unknown))}")
        keys = tuple(_facts.column(path, table, self.key).to_pylist())
        try:
            if not all(isinstance(key, str) for key in keys):
                raise ValueError(f"a column {self.key!r} that is not all text")
            self.check_keys(keys, table)
            return tuple(self.space_keys(keys, table))
        except ValueError as error:
            raise DataError(path, f"the architectures of {self.name}", str(error)) from error

    def write(self, data: Path, columns: Mapping[str, Sequence[Any]], source: Path, partial: bool) -> Path:
        """Check columns and write them as the table of a data directory, whole or not at all.

        Raises:
            DataError: naming ``source``, as for :meth:`check`.
        """
        import pyarrow

        count = len(columns[self.key])
        if count != self.rows and not partial:
            raise DataError(source, f"all {self.rows} architectures, unless a partial table is asked for", f"{count}")
        metadata = {b"naslib_zc_plugin.source": source.name.encode()}
        if count != self.rows:
            metadata[_PARTIAL] = str(count).encode()
        number = {name: pyarrow.float64() for name in self.measures}
        arrays = {name: pyarrow.array(values, number.get(name)) for name, values in columns.items()}
        table = pyarrow.table(arrays, metadata=metadata)
        self.check(source, table)
        with replacing(data / self.file) as draft:
            parquet().write_table(table, draft, compression="zstd", write_page_checksum=True)
        return data / self.file


def _number(promised: bytes | None) -> int:
    return int(promised) if promised and promised.isdigit() else -1


def parquet() -> ModuleType:
    """Pyarrow's module for Parquet.

    Raises:
        ImportError: it is not installed; the message says how to.
    """
    try:
        import pyarrow.parquet
    except ImportError as error:
        raise ImportError("benchmark tables need pyarrow: pip install 'naslib-zc-plugin[tables]'") from error
    module: ModuleType = pyarrow.parquet
    return module
