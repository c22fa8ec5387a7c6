"""Compares a campaign's scores with those that NAS-Bench-Suite-Zero publishes, architecture by architecture.

    nas-zc score configs/nasbench201_cifar10_naslib.yaml --data DATA
    python examples/nasbench201_published.py DATA configs/nasbench201_cifar10_naslib.db

DATA is a folder of benchmark tables, with `nasbench201/published_scores_cifar10.csv.gz`. The scores are a store or its
Parquet export. The table is printed as Markdown.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pandas as pd

from naslib_zc_plugin.campaign.store import read_table
from naslib_zc_plugin.report.correlations import agreement
from naslib_zc_plugin.report.rendering import interval
from naslib_zc_plugin.table import STATUSES, ScoreTable

PUBLISHED_NAMES = {"naswot": "nwot"}
SENTINEL = -1e8


def compared(table: ScoreTable, published: pd.DataFrame) -> str:
    """Return each proxy's agreement with the published values, on the architectures that have both."""
    ours = [position for position, key in enumerate(table.keys) if key in published.index]
    theirs = published.loc[[table.keys[position] for position in ours]]
    lines = ["| proxy | Spearman with the published values [95 %] | N | undefined |", "| --- | --- | --- | --- |"]
    for label, column in table.columns.items():
        name = PUBLISHED_NAMES.get(label, label)
        if name in theirs:
            known = theirs[name].notna().to_numpy() & (theirs[name] != SENTINEL).to_numpy()
            known &= np.isin(column.status[ours], [STATUSES.index("ok"), STATUSES.index("undefined")])
            found = agreement(list(column.values[ours][known]), list(theirs[name][known]))
            lines.append(f"| {label} | {interval(found.spearman)} | {found.n} | {found.undefined} |")
    return "\n".join(lines)


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("scores", type=Path)
    arguments = parser.parse_args()
    published = pd.read_csv(arguments.data / "nasbench201" / "published_scores_cifar10.csv.gz").set_index("arch_str")
    print(compared(read_table(arguments.scores), published))


if __name__ == "__main__":
    main()
