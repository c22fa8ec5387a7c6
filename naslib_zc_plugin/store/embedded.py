"""Scores of whole search spaces that the package brings along: :func:`read_embedded`, by name, without pyarrow.

They are exports of campaigns in the form of :mod:`naslib_zc_plugin.files.packed`: values are rounded so that their
order is kept, statuses are as they were, and each score's seconds are the median of its proxy's. Rows are those of the
space's sorted keys, so that no key is stored.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from naslib_zc_plugin.files import DataError
from naslib_zc_plugin.files.packed import FOLDER, PRECISION, Packer, unpack
from naslib_zc_plugin.spaces import Space, space
from naslib_zc_plugin.table import STATUSES, Column, ScoreTable

PREFIX = "embedded:"
"""What the name of such scores begins with, where a path may stand too."""
_SCORES = "scores_"  # what their files' names begin with
_STATUS = ".status"


def is_embedded(path: str | Path) -> bool:
    """Return whether a text that may be a path names scores in the package.

    >>> is_embedded("embedded:nasbench201_cifar10_whole"), is_embedded("campaign.db")
    (True, False)
    """
    return str(path).startswith(PREFIX)


def list_embedded() -> list[str]:
    """Return the sorted names of the scores in the package, as :func:`read_embedded` takes them."""
    return sorted(f"{PREFIX}{path.stem[len(_SCORES) :]}" for path in FOLDER.glob(f"{_SCORES}*.npz"))


def read_embedded(name: str | Path) -> ScoreTable:
    """Read scores that are in the package.

    Args:
        name: one of :func:`list_embedded`.

    Raises:
        DataError: there are no such scores.

    >>> table = read_embedded("embedded:nasbench201_cifar10_whole")
    >>> len(table), list(table)
    (15625, ['synflow', 'naswot', 'grad_norm', 'snip'])
    """
    if str(name) not in list_embedded():
        raise DataError(name, f"scores in the package: {', '.join(list_embedded())}", "another name")
    label = str(name)[len(PREFIX) :]
    return read_packed_scores(FOLDER / f"{_SCORES}{label}.npz", label)


def read_packed_scores(path: Path, name: str) -> ScoreTable:
    """Read scores that :func:`pack_scores` wrote.

    Args:
        path: the file.
        name: of the table.

    Raises:
        DataError: there is no such file, or it is damaged or something else.
    """
    found = unpack(path)
    facts, columns = dict(found.about), {}
    seconds = facts.pop("seconds")
    whole = space(facts["space"])
    if whole.size != found.rows:
        raise DataError(path, f"{whole.size} rows, one for each architecture of {facts['space']}", str(found.rows))
    for label, made in facts["proxies"].items():
        status = found.columns[f"{label}{_STATUS}"].astype(np.uint8)
        if not np.array_equal(np.isfinite(found.columns[label]), status == STATUSES.index("ok")):
            raise DataError(path, "a finite value where the status is ok, and only there", "another")
        columns[label] = Column(
            made["name"], made["version"], made["higher_is_better"], found.columns[label], status,
            np.full(found.rows, seconds[label]), made["options"],
        )  # fmt: skip
    return ScoreTable(name, _keys(whole), columns, facts)


def pack_scores(table: ScoreTable, path: Path | None = None) -> Path:
    """Write the scores of a whole space into the package, or elsewhere.

    Args:
        table: the scores, of every architecture of their space.
        path: the file; in the package, by the table's name, unless given.

    Returns:
        The file's path.

    Raises:
        ValueError: architectures of the space are missing, or scores are left to make.
    """
    whole = space(str(table.facts["space"]))
    places = {key: row for row, key in enumerate(table.keys)}
    if whole.size is None or len(table) != whole.size:
        raise ValueError(f"{table.name} has {len(table):,} architectures of {whole.name}, which has {whole.size}")
    rows = [places[key] for key in _keys(whole)]
    pending = [label for label, column in table.columns.items() if column.count(STATUSES[0])]
    if pending:
        raise ValueError(f"{table.name} has scores that are left to make, of {', '.join(pending)}: go on scoring")
    seconds = {label: float(f"{np.nanmedian(column.seconds):.3g}") for label, column in table.columns.items()}
    rounded = f"values by at most {PRECISION:g} of themselves, in their order; seconds are each proxy's median"
    packer = Packer(whole.size, {**table.facts, "seconds": seconds, "rounded": rounded})
    for label, column in table.columns.items():
        packer.order(label, column.values[rows])
        packer.level(f"{label}{_STATUS}", column.status[rows].astype(np.float64))
    target = path or FOLDER / f"{_SCORES}{table.name}.npz"
    packer.write(target)
    return target


def _keys(whole: Space) -> list[str]:
    return sorted(whole.key(row) for row in range(whole.size or 0))
