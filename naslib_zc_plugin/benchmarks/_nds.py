"""Networks of NDS' cell-based design spaces on CIFAR-10 (Radosavovic et al., ICCV 2019), drawn and trained once.

The official files (facebookresearch/nds) are ``DARTS.json``, ``DARTS_fix-w-d.json``, ``ENAS.json``, ``PNAS.json``,
``NASNet.json`` and ``Amoeba.json``, with the errors of every epoch. Keys are canonical, rows in the file's order.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Callable

from naslib_zc_plugin.benchmarks._benchmark import Benchmark, Measure
from naslib_zc_plugin.benchmarks._jobs import jobs
from naslib_zc_plugin.benchmarks._json import real_number
from naslib_zc_plugin.benchmarks._table import Table
from naslib_zc_plugin.files import DataError
from naslib_zc_plugin.spaces import space

if TYPE_CHECKING:
    import pyarrow

    from naslib_zc_plugin.spaces.nds import CellSpace

KEY = "key"
MEASURES: Mapping[str, Measure] = {
    "test_accuracy": Measure("test accuracy on CIFAR-10 after the last epoch, one run", "%", True, gaps=True),
    "best_test_accuracy": Measure("test accuracy on CIFAR-10 after the best epoch, one run", "%", True, gaps=True),
    "train_accuracy": Measure("accuracy on the training images in the last epoch", "%", True, gaps=True),
    "epochs": Measure("epochs of the training", "", None),
    "params": Measure("weights of the network, as the file counts them", "", None),
    "flops": Measure("operations for an image, as the file counts them", "", None),
    "auxiliary": Measure("1 where the network was trained with an auxiliary head, which params include", "", None),
}
OFFICIAL = ("DARTS", "DARTS_fix-w-d", "DARTS_lr-wd", "ENAS", "ENAS_fix-w-d", "PNAS", "PNAS_fix-w-d", "NASNet", "Amoeba")
"""NDS' files of cells on CIFAR-10."""


@dataclass(frozen=True)
class NdsTable(Table):
    """The table of one design space.

    Attributes:
        official: name of the official file, without ``.json``.
    """

    official: str = ""

    @property
    def space(self) -> CellSpace:
        """Its search space."""
        return space(self.name)  # type: ignore[return-value]

    def convert(self, source: Path, data: Path, partial: bool, progress: Callable[[int], None]) -> Path:
        """Write the table from the official file, which is read job by job.

        Raises:
            DataError: another file, a damaged one, or networks that are not of this space.
        """
        others = {f"{name}{suffix}" for name in OFFICIAL for suffix in ("", "_in")} - {self.official}
        if source.stem in others:
            raise DataError(source, f"{self.official}.json, for {self.name}", source.name)
        expected = f"NDS' {self.official}.json, a list of trained networks"
        rows = []
        for number, job in enumerate(jobs(source, expected)):
            try:
                rows.append(_row(self.space, job))
            except (LookupError, TypeError, ValueError) as error:
                what = f"{type(error).__name__}: {error}"
                raise DataError(source, f"network {number} as in {self.official}.json", what) from error
            progress(number)
        return self.write(data, {name: [row[name] for row in rows] for name in (KEY, *MEASURES)}, source, partial)

    def differing_parameters(self, found: Benchmark) -> dict[str, tuple[int, int]]:
        """Key → the file's number of parameters and ours, where they differ: none, if networks are built as NDS did."""
        auxiliary = found.column("auxiliary")
        both = {
            key: (int(count), self.space.parameters(key, auxiliary=bool(auxiliary[key])))
            for key, count in found.column("params").items()
        }
        return {key: (theirs, ours) for key, (theirs, ours) in both.items() if theirs != ours}


def table(name: str, official: str, rows: int) -> NdsTable:
    """The table of a design space, which has its benchmark's name.

    Args:
        name: of the space.
        official: name of the official file, without ``.json``.
        rows: networks in it.
    """

    def check_keys(keys: Sequence[str], table: pyarrow.Table) -> None:
        cells = space(name)
        wrong = next((key for key in keys if cells.canonical(key) != key), None)
        if wrong is not None:
            raise ValueError(f"{wrong!r}, which is not written as {name} writes it: {cells.canonical(wrong)!r}")
        if len(set(keys)) < len(keys):
            raise ValueError(f"{len(keys) - len(set(keys))} networks more than once")

    return NdsTable(name, f"nds/{name}.parquet", rows, KEY, MEASURES, (), check_keys, {}, official=official)


def _row(cells: CellSpace, job: Mapping[str, Any]) -> dict[str, Any]:
    net = job["net"]
    width, depth, auxiliary = net["width"], net["depth"], net["aux"]
    if type(width) is not int or type(depth) is not int or auxiliary not in (False, True):
        raise TypeError(f"width {width!r}, depth {depth!r} and aux {auxiliary!r}")
    test, train = ([real_number(error) for error in job[name]] for name in ("test_ep_top1", "train_ep_top1"))
    if not test or len(test) != len(train):
        raise ValueError(f"test errors of {len(test)} epochs, training errors of {len(train)}")
    return {
        KEY: cells.canonical(cells.from_genotype(net["genotype"], width, depth)),
        "test_accuracy": 100 - test[-1],
        "best_test_accuracy": 100 - min((error for error in test if error == error), default=test[-1]),
        "train_accuracy": 100 - train[-1],
        "epochs": len(test),
        "params": real_number(job["params"]),
        "flops": real_number(job["flops"]),
        "auxiliary": auxiliary,
    }
