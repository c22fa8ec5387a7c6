"""NNI's database of NAS-Bench-201, filled from our table, so that its own queries answer from it.

    python examples/nni_benchmark_database.py nni.db    # the database, which is written

NNI's download is gone from where it looks, and a file of one's own in its place is refused for its checksum. Here the
database is made with NNI's tables and columns and given to its queries directly. Needs Peewee before 4.0, which the
extra ``nni`` installs.

What our table does not have is NULL: times of 12 epochs and of evaluation, losses, training accuracies, latency, epochs
in between. Numbers are means over runs, hence there is one row per architecture, data set and length of training, and
its seed is NULL.
"""

from __future__ import annotations

import hashlib
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from naslib_zc_plugin.benchmarks import Benchmark, benchmark
from naslib_zc_plugin.files import DataError, replacing
from naslib_zc_plugin.hosts.nni.samples import json_text, sample201
from naslib_zc_plugin.spaces import space

# NNI's data set → its columns → ours; validation and test are those of NNI's own conversion.
_COLUMNS = {
    "cifar10-valid": {
        "valid_acc": "cifar10_val_{epochs}",
        "test_acc": "cifar10_test_{epochs}_half_train",
        "ori_test_acc": "cifar10_test_{epochs}_half_train",
        "training_time": "cifar10_traintime_{epochs}_s",
        "parameters": "cifar10_params_M",
        "flops": "cifar10_flops_M",
    },
    "cifar10": {
        "valid_acc": "cifar10_test_{epochs}",
        "test_acc": "cifar10_test_{epochs}",
        "ori_test_acc": "cifar10_test_{epochs}",
        "parameters": "cifar10_params_M",
        "flops": "cifar10_flops_M",
    },
    **{
        host: {
            "valid_acc": f"{ours}_val_{{epochs}}",
            "test_acc": f"{ours}_test_{{epochs}}",
            "training_time": f"{ours}_traintime_{{epochs}}_s",
            "parameters": f"{ours}_params_M",
        }
        for host, ours in (("cifar100", "cifar100"), ("imagenet16-120", "imagenet16"))
    },
}
_EPOCHS = (12, 200)
_ACCURACIES = [f"{part}_{kind}" for kind in ("acc", "loss") for part in ("train", "valid", "test", "ori_test")]
_TIMES = ["training_time", *(f"{part}_evaluation_time" for part in ("valid", "test", "ori_test"))]
_STATS = ["seed", *_ACCURACIES, "parameters", "latency", "flops", *_TIMES]
_SCHEMA = f"""
CREATE TABLE nb201trialconfig (id INTEGER PRIMARY KEY, arch JSON NOT NULL, num_epochs INTEGER NOT NULL,
    num_channels INTEGER NOT NULL, num_cells INTEGER NOT NULL, dataset VARCHAR(20) NOT NULL);
CREATE TABLE nb201trialstats (id INTEGER PRIMARY KEY, config_id INTEGER NOT NULL REFERENCES nb201trialconfig (id),
    {", ".join(f"{name} REAL" for name in _STATS)});
CREATE TABLE nb201intermediatestats (id INTEGER PRIMARY KEY,
    trial_id INTEGER NOT NULL REFERENCES nb201trialstats (id), current_epoch INTEGER NOT NULL,
    {", ".join(f"{name} REAL" for name in _ACCURACIES)});
CREATE TABLE source (digest TEXT NOT NULL);
"""
_INDICES = """
CREATE INDEX nb201trialconfig_arch ON nb201trialconfig (arch);
CREATE INDEX nb201trialstats_config_id ON nb201trialstats (config_id);
CREATE INDEX nb201intermediatestats_trial_id ON nb201intermediatestats (trial_id);
"""


def fill(data: str | Path | None = None, path: str | Path | None = None) -> Path:
    """Write NNI's database of NAS-Bench-201 from our table, unless the one at its place is of this table.

    Args:
        data: the data directory; that of the environment variable ``NAS_ZC_DATA`` unless given.
        path: the database; beside the table of a data directory unless given. It is written whole or not at all.

    Returns:
        The database's path, for :func:`connect`.

    Raises:
        ValueError: the table is that of the package, and no path is given.
        DataError: the table is missing or damaged.
        OSError: the database cannot be written.
    """
    table = benchmark("nasbench201", data)
    if table.source and path is None:
        raise ValueError("the table is that of the package: name the database's path")
    place = table.path.with_name("nni.db") if path is None else Path(path)
    digest = hashlib.sha256(table.path.read_bytes()).hexdigest()
    if _digest(place) == digest:
        return place
    with replacing(place) as draft, closing(sqlite3.connect(draft)) as database, database:
        database.executescript(_SCHEMA)
        configs, stats = zip(*_rows(table))
        database.executemany("INSERT INTO nb201trialconfig VALUES (?, ?, ?, ?, ?, ?)", configs)
        marks = ", ".join("?" * (len(_STATS) + 2))
        database.executemany(f"INSERT INTO nb201trialstats VALUES ({marks})", stats)
        database.execute("INSERT INTO source VALUES (?)", [digest])
        database.executescript(_INDICES)
    return place


def connect(path: str | Path) -> None:
    """Make NNI's queries of NAS-Bench-201, and its benchmarks, answer from a database that :func:`fill` wrote.

    Raises:
        DataError: it is no such database.
        ImportError: Peewee before 4.0 is not installed.
    """
    if _digest(Path(path)) is None:
        raise DataError(path, "a database that fill() made", "no such database")
    try:
        from playhouse.sqlite_ext import SqliteExtDatabase
    except ImportError as error:
        raise ImportError("NNI's benchmarks need Peewee before 4.0: pip install 'naslib-zc-plugin[nni]'") from error
    from nni.nas.benchmark.nasbench201.schema import proxy

    if proxy.obj is not None:
        proxy.obj.close()
    proxy.initialize(SqliteExtDatabase(str(path), autoconnect=True, pragmas={"query_only": 1}))


def _digest(path: Path) -> str | None:
    """Return the digest of the table that a database was made from; None if it is no whole database of ours."""
    if not path.is_file():
        return None
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as database:
            return str(database.execute("SELECT digest FROM source").fetchone()[0])
    except (sqlite3.Error, TypeError):
        return None


def _rows(table: Benchmark) -> Iterator[tuple[tuple[Any, ...], tuple[Any, ...]]]:
    """Yield a configuration and its numbers per architecture, data set and length of training."""
    # Its queries compare texts, without spaces and with sorted keys.
    cells = {key: json_text(sample201(key, prefix="")) for key in table.keys}
    number = 0
    for dataset, columns in _COLUMNS.items():
        for epochs in _EPOCHS:
            names = {host: ours.format(epochs=epochs) for host, ours in columns.items()}
            found = {host: table.column(ours) for host, ours in names.items() if ours in table.columns}
            for key, cell in cells.items():
                number += 1
                numbers = (found[name].get(key) if name in found else None for name in _STATS)
                yield (number, cell, epochs, 16, 5, dataset), (number, number, *numbers)


def main(path: str) -> None:
    """Write the database and ask NNI for one architecture."""
    connect(fill(path=path))
    from nni.nas.benchmark.nasbench201 import query_nb201_trial_stats

    cell = sample201(space("nasbench201").key(6111), prefix="")
    (found,) = query_nb201_trial_stats(cell, 200, "cifar100")
    print(f"validation accuracy on CIFAR-100 after 200 epochs: {found['valid_acc']:.2f} %")


if __name__ == "__main__":
    main(sys.argv[1])
