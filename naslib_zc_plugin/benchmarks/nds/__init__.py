"""Networks of NDS' cell-based design spaces on CIFAR-10 (Radosavovic et al., ICCV 2019), drawn and trained once.

The official files (facebookresearch/nds) are ``DARTS.json``, ``DARTS_fix-w-d.json``, ``ENAS.json``, ``PNAS.json``,
``NASNet.json`` and ``Amoeba.json``, with the errors of every epoch. Keys are canonical, rows in the file's order.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from naslib_zc_plugin.benchmarks._formats import Columns
from naslib_zc_plugin.benchmarks._table import Benchmark, ColumnInfo, Table, Truth
from naslib_zc_plugin.spaces import space

if TYPE_CHECKING:
    from naslib_zc_plugin.spaces.nds import CellSpace

KEY = "key"
COLUMNS: Mapping[str, ColumnInfo] = {
    "test_accuracy": ColumnInfo("test accuracy on CIFAR-10 after the last epoch, one run", "%", True, gaps=True),
    "best_test_accuracy": ColumnInfo("test accuracy on CIFAR-10 after the best epoch, one run", "%", True, gaps=True),
    "train_accuracy": ColumnInfo("accuracy on the training images in the last epoch", "%", True, gaps=True),
    "epochs": ColumnInfo("epochs of the training"),
    "params": ColumnInfo("weights of the network, as the file counts them"),
    "flops": ColumnInfo("operations for an image, as the file counts them"),
    "auxiliary": ColumnInfo("1 where the network was trained with an auxiliary head, which params include"),
}


@dataclass(frozen=True)
class NdsTable(Table):
    """A table of one design space.

    Attributes:
        official: name of the official file, without ``.json``.
    """

    official: str = ""

    @property
    def space(self) -> CellSpace:
        """The design space."""
        return space(self.name)  # type: ignore[return-value]

    def differing_parameters(self, found: Benchmark) -> dict[str, tuple[int, int]]:
        """Return the file's number of parameters and ours for each key where they differ.

        Networks that are built as in NDS have no difference.
        """
        auxiliary = found.column("auxiliary")
        both = {
            key: (int(count), self.space.parameters(key, auxiliary=bool(auxiliary[key])))
            for key, count in found.column("params").items()
        }
        return {key: (theirs, ours) for key, (theirs, ours) in both.items() if theirs != ours}


def _table(name: str, official: str, rows: int) -> NdsTable:
    """Return the table of a design space: its name, the official file's without ``.json``, and its networks."""

    def space_keys(keys: Sequence[str], columns: Columns) -> Sequence[str]:
        """Return the keys; raise ``ValueError`` unless all are canonical."""
        cells = space(name)
        wrong = next((key for key in keys if cells.canonical(key) != key), None)
        if wrong is not None:
            raise ValueError(f"{wrong!r}, which is not written as {name} writes it: {cells.canonical(wrong)!r}")
        return keys

    return NdsTable(
        name=name,
        columns=COLUMNS,
        file=f"nds/{name}.parquet",
        key=KEY,
        rows=rows,
        space_keys=space_keys,
        title=f"NDS, {official}",
        truths={"cifar10": Truth("test_accuracy", "CIFAR-10")},
        converter=f"{__name__}.convert:columns",
        official=official,
    )


NDS_AMOEBA = _table("nds_amoeba", "Amoeba", rows=4_983)
NDS_DARTS = _table("nds_darts", "DARTS", rows=5_000)
NDS_DARTS_FIX_W_D = _table("nds_darts_fix_w_d", "DARTS_fix-w-d", rows=5_000)
"""Networks of 16 channels and 20 cells each."""
NDS_ENAS = _table("nds_enas", "ENAS", rows=4_999)
NDS_NASNET = _table("nds_nasnet", "NASNet", rows=4_846)
NDS_PNAS = _table("nds_pnas", "PNAS", rows=4_999)
