"""``nas-zc import``: a benchmark's official files, or scores in NASLib's form, as neutral tables."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from naslib_zc_plugin.benchmarks import benchmark, convert_benchmark, list_benchmarks
from naslib_zc_plugin.cli._console import say, steps
from naslib_zc_plugin.files import VARIABLE

_STEP = 500


def import_(
    name: Annotated[
        str,
        typer.Argument(metavar="BENCHMARK", help=f"{', '.join(list_benchmarks())}; or the space of a zc_SPACE.json."),
    ],
    source: Annotated[Path, typer.Argument(metavar="SOURCE", help="Its official file, folder or archive.")],
    data: Annotated[
        Path, typer.Option("--data", metavar="DIR", envvar=VARIABLE, help="The data directory, which gets the table.")
    ],
    partial: Annotated[
        bool, typer.Option("--partial", help="Take fewer architectures than the benchmark has; the table says so.")
    ] = False,
) -> None:
    """Convert the official files of a benchmark to the table that everything here reads.

    Nothing in them is executed, numbers and known facts are checked, and the table is written whole or not at all. For
    NAS-Bench-201 they are NATS-tss-v1_0-3ffb9-simple.tar (or its folder), which takes minutes and little memory,
    NATS-tss-v1_0-3ffb9.pickle.pbz2 or NAS-Bench-201-v1_1-096897.pth, which take tens of gigabytes; for
    nasbench201_naslib one of NASLib's pickles or a folder of them; for the others what their authors offer. Scores in
    NASLib's zc_SPACE.json become tables for nas-zc leaderboard and nas-zc search.
    """
    if source.suffix == ".json" and source.name.startswith("zc_"):
        _scores(name, source, data)
        return
    count = 0
    with steps(None) as step:

        def progress(number: int) -> None:
            nonlocal count
            count += 1
            if count % _STEP == 0:
                step(f"{count:,} architectures, the last {number}")

        path = convert_benchmark(name, source, data, partial, progress)
    table = benchmark(name, data)
    say(f"{path}: {len(table):,} architectures, {len(table.columns)} columns.")
    for column, measure in table.columns.items():
        if measure.unit == "%" and "_test_200" in column and "_run" not in column:
            values = table.column(column)
            best = max(values, key=values.__getitem__)
            say(f"  best {column}: {values[best]:.3f} %  {best}")


def _scores(name: str, source: Path, data: Path) -> None:
    from naslib_zc_plugin.campaign.naslib_json import import_suite
    from naslib_zc_plugin.campaign.store import read_table

    for path in import_suite(source, name, data):
        table = read_table(path)
        say(f"{path}: {len(table):,} architectures, {', '.join(table.columns)}.")
