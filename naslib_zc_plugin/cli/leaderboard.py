"""``nas-zc leaderboard``: proxies compared by their agreement with trained accuracies, from campaigns' stores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from naslib_zc_plugin.cli._console import DataOption, again, complain, say, working
from naslib_zc_plugin.files import DataError, replace_text, replacing

if TYPE_CHECKING:
    from naslib_zc_plugin.aggregates import Aggregate
    from naslib_zc_plugin.benchmarks import Benchmark, Table, Truth
    from naslib_zc_plugin.report.figures import SearchCurve
    from naslib_zc_plugin.report.leaderboards import Leaderboard, LeaderboardOptions, Ranking
    from naslib_zc_plugin.report.overview import Overview, Source
    from naslib_zc_plugin.table import ScoreTable


def leaderboard(
    context: typer.Context,
    stores: Annotated[list[Path], typer.Argument(metavar="STORE", help="Stores, Parquet exports or embedded:NAME.")],
    data: DataOption = None,
    truth: Annotated[
        Optional[list[str]],
        typer.Option(metavar="[SPACE:]NAME", help="Compare with this column or data set; repeatable."),
    ] = None,
    table: Annotated[
        Optional[str], typer.Option("--benchmark", metavar="NAME", help="Whose columns they are, unless the space's.")
    ] = None,
    top: Annotated[float, typer.Option(min=0, max=100, help="How many percent are the best.")] = 10,
    aggregate: Annotated[
        Optional[list[str]],
        typer.Option(metavar="KIND[:A,B…]", help="recommended, az_nas, tenas, vote, log_rank_sum:A,B …; repeatable."),
    ] = None,
    undefined: Annotated[str, typer.Option(help="Undefined scores: drop, or rank worst.")] = "drop",
    positive: Annotated[
        bool, typer.Option("--positive", help="Scores <= 0 count as undefined (epsilon on NAS-Bench-101 and NLP).")
    ] = False,
    resamples: Annotated[int, typer.Option(min=0, help="Bootstrap resamples; 0: no intervals.")] = 1000,
    seed: Annotated[int, typer.Option(min=0, help="Of the resamples.")] = 0,
    units: Annotated[
        Optional[list[str]], typer.Option(metavar="PROXY=X", help="Cost of a score, as nas-zc cost says; repeatable.")
    ] = None,
    search: Annotated[
        Optional[list[Path]], typer.Option(metavar="CONFIG", help="Searches whose curves the page shows; repeatable.")
    ] = None,
    output: Annotated[Optional[Path], typer.Option(metavar="DIR", help="Write a page there, with its tables.")] = None,
) -> None:
    """Compare proxies with trained accuracies: correlations, the best, the selected network, with every count.

    Several stores, or several --truth, give a table each, and the proxies' mean ranks over them; --output writes one
    page of them all, which needs no other file and no network.
    """
    from naslib_zc_plugin.aggregates import Aggregate
    from naslib_zc_plugin.report.leaderboards import LeaderboardOptions
    from naslib_zc_plugin.report.rendering import as_text

    aggregates = [Aggregate.parse(text) for text in aggregate or ()]
    options = LeaderboardOptions(aggregates, undefined, positive, top / 100, resamples, seed)  # type: ignore[arg-type]
    costs = _units(units or ())
    entries, left_out = read_sources(stores, data, table, truth or ())
    boards = _boards(entries, options, costs, again(context))
    ranking = _ranking(boards)
    say(as_text(boards, ranking).rstrip())
    if output:
        with working("drawing the page"):
            drawn = [curve for each in search or () for curve in _curves(each, data)]
            written = publish_boards(output, boards, entries, ranking, "Leaderboard", left_out, aggregates, drawn)
        say(f"\nWritten to {output}: {', '.join(written)}.")


def _boards(
    entries: Sequence[Source], options: LeaderboardOptions, costs: Mapping[str, float], command: str
) -> list[Leaderboard]:
    """Compare each table with its truth."""
    from naslib_zc_plugin.report.leaderboards import leaderboard as compare

    boards = []
    with working("comparing") as now:
        for each, joined in zip(entries, _joined([each.table for each in entries], options.aggregates)):
            now(f"comparing {each.table.name} with {each.truth_name}")
            given = replace(options, aggregates=joined)
            boards.append(compare(each.table, each.truth, each.truth_name, given, costs, command, each.source))
    return boards


def _curves(path: Path, data: Path | None) -> list[SearchCurve]:
    """Return the curves of a configuration's searches, over evaluations, as far as they have been run."""
    from naslib_zc_plugin.search.config import load_experiment
    from naslib_zc_plugin.search.journal import histories
    from naslib_zc_plugin.search.results import collect_results, curve_lines

    experiment = load_experiment(path, data)
    found = collect_results(experiment.searches, histories(experiment.store), data)
    lines = curve_lines(found, experiment.curve.model_copy(update={"over": "evaluations"}))
    return [replace(line, panel=f"{path.stem}: {line.panel}" if line.panel else path.stem) for line in lines]


def _joined(tables: Sequence[ScoreTable], aggregates: Sequence[Aggregate]) -> list[list[Aggregate]]:
    """Return for each table the aggregates of which it has all members; one that no table has is each one's.

    Members that lie in several tables are joined on the page.
    """
    labels = {label for table in tables for label in table}
    missing = [each for each in aggregates if not set(each.labels) <= labels]
    return [[*missing, *(each for each in aggregates if set(each.labels) <= set(table))] for table in tables]


def read_sources(
    stores: Sequence[Path], data: Path | None, table: str | None, truths: Sequence[str]
) -> tuple[list[Source], list[str]]:
    """Return the tables with what they are compared with, and a note on each store that cannot be compared.

    Raises:
        ValueError: none can be compared; the message is the first one's.
    """
    from naslib_zc_plugin.campaign.store import read_table

    entries: list[Source] = []
    refused: list[ValueError] = []
    for store in stores:
        scores = read_table(store)
        try:
            entries += _compared(scores, data, table, truths, store)
        except ValueError as error:
            refused.append(error)
    if not entries:
        raise refused[0]
    for reason in refused:
        complain(f"left out: {reason}")
    return entries, list(map(str, refused))


def _compared(
    scores: ScoreTable, data: Path | None, table: str | None, truths: Sequence[str], store: Path
) -> list[Source]:
    """Compare a table with the first benchmark of its space that knows its architectures.

    Raises:
        ValueError: there is none; the message is about the first benchmark that could be read.
    """
    from naslib_zc_plugin.benchmarks import BENCHMARKS, Truth, benchmarks_of

    space = table or _fact(scores, "space", "which search space its architectures are of")
    refused = []
    for name in [table] if table else benchmarks_of(space):
        try:
            form = BENCHMARKS.load(name)
            found = form.read(data)
            asked = [column for of, _, column in (each.rpartition(":") for each in truths) if of in ("", name, space)]
            chosen = {each: form.truths.get(each, Truth(each, each)) for each in asked} or _usual(scores, form, found)
            return [_entry(scores, form, found, data_set, truth, store) for data_set, truth in chosen.items()]
        except ValueError as error:
            refused.append(error)
    raise next((each for each in refused if not isinstance(each, DataError)), refused[0])


def _usual(scores: ScoreTable, form: Table, found: Benchmark) -> dict[str, Truth]:
    """Return what a table is compared with unless asked, by data set.

    It is the column that the table names, of the data set with which its name begins where the images are made ones.
    Where the benchmark has no such column, it is that of the table's data set, or else those of all data sets which
    know an architecture.
    """
    from naslib_zc_plugin.benchmarks import Truth

    named, data_set = (str(scores.facts.get(each) or "") for each in ("truth", "dataset"))
    usual = {
        each: truth for each, truth in form.truths.items()
        if truth.column in found.columns and not _part(found, truth).keys().isdisjoint(scores.keys)
    }  # fmt: skip
    if named in found.columns or not usual:
        column = _fact(scores, "truth", f"what to compare with: give --truth, one of {', '.join(found.columns)}")
        begins = (column.partition("_")[0], "")
        own = next((k for k, each in usual.items() if (each.column.partition("_")[0], each.begins) == begins), "")
        of = data_set if data_set in form.truths else own or (column if ":" in data_set else data_set or column)
        return {of: Truth(column, form.truths[of].title if of in form.truths else of)}
    usual = {data_set: usual[data_set]} if data_set in usual else usual
    columns = ", ".join(dict.fromkeys(truth.column for truth in usual.values()))
    complain(f"{scores.name} names {named or 'nothing'}, which {form.name} does not have: compared with {columns}")
    return usual


def _part(found: Benchmark, truth: Truth) -> dict[str, float]:
    """Return a column's numbers of the architectures that are compared with each other."""
    return {key: value for key, value in found.column(truth.column).items() if key.startswith(truth.begins)}


def _entry(scores: ScoreTable, form: Table, found: Benchmark, data_set: str, truth: Truth, store: Path) -> Source:
    """Return a table with what it is compared with."""
    from naslib_zc_plugin.campaign.store import read_reasons
    from naslib_zc_plugin.report.leaderboards import matched
    from naslib_zc_plugin.report.overview import Source
    from naslib_zc_plugin.spaces import list_spaces, space

    scores = scores.of_all(found.keys, found.class_of)
    name, accuracies = _accuracies(found, data_set, truth)
    compared = matched(scores, accuracies, name)[0].keys
    families = {key: found.family(key) for key in compared} if found.family else {}
    own = str(scores.facts.get("space", ""))
    class_of = found.class_of or (space(own).canonical if own in list_spaces() else str)
    clusters = families or {key: class_of(key) for key in compared}
    sizes = {size: _sizes(found, name, size) for size in ("params", "flops")}
    return Source(
        scores, accuracies, name, found.name, data_set, sizes, clusters, families, found.source, str(store),
        next((str(each) for each in _configs(store) if each.is_file()), ""), read_reasons(store),
        (form.title or form.name, truth.title), found.columns[truth.column].description, _latencies(found, name),
    )  # fmt: skip


def _configs(store: Path) -> list[Path]:
    """Return where the configuration of a store may lie: it has the store's name."""
    name = f"{store.name.partition(':')[2] or store.stem}.yaml"
    return [Path("configs", name), store.with_name(name)]


def _fact(table: ScoreTable, name: str, advice: str) -> str:
    """Return an entry of a table's provenance.

    Raises:
        ValueError: there is none; the message ends with the advice.
    """
    if not table.facts.get(name):
        raise ValueError(f"{table.name} does not say {advice}")
    return str(table.facts[name])


def _accuracies(found: Benchmark, data_set: str, truth: Truth) -> tuple[str, Mapping[str, float]]:
    """Return the name of accuracies, as ``--truth`` knows them, and the accuracies by architecture, higher better."""
    name, values = data_set if truth.begins else truth.column, _part(found, truth)
    better = found.columns[truth.column].higher_is_better
    if better is None:
        raise ValueError(f"--truth {name}: neither more nor less of it is better; choose what training gave")
    return (name, values) if better else (f"−{name}", {key: -value for key, value in values.items()})


def _units(given: Sequence[str]) -> dict[str, float]:
    """Return the costs of options PROXY=X, by proxy."""
    costs = {}
    for text in given:
        name, _, number = text.rpartition("=")
        try:
            costs[name] = float(number)
        except ValueError:
            raise ValueError(f"--units {text}: write PROXY=NUMBER, such as naswot=0.5") from None
    return costs


def _sizes(found: Benchmark, truth: str, name: str) -> dict[str, float]:
    """Return the parameters or FLOPs that the benchmark knows, those of the truth's data set first; else nothing."""
    dataset = truth.lstrip("−").partition("_")[0]
    millions = {f"{dataset}_{name}_M": 1e6, f"{name}_M": 1e6, name: 1.0, f"cifar10_{name}_M": 1e6}
    for column, scale in {**millions, **({"gmacs": 1e9} if name == "flops" else {})}.items():
        if column in found.columns:
            return {key: scale * value for key, value in found.column(column).items()}
    return {}


def _latencies(found: Benchmark, truth: str) -> dict[str, dict[str, float]]:
    """Return the latencies that the benchmark knows of the truth's data set, by what was timed."""
    begins = truth.lstrip("−").partition("_")[0] + "_"
    timed = {name: info for name, info in found.columns.items() if info.unit == "ms" and name.startswith(begins)}
    return {info.description.partition(":")[0]: found.column(name) for name, info in timed.items()}


def _ranking(boards: Sequence[Leaderboard]) -> Ranking | None:
    """Return the proxies' mean ranks by Kendall's tau; None unless there are several columns to rank on."""
    from naslib_zc_plugin.report.leaderboards import mean_ranks

    places: dict[tuple[str, str], dict[str, float | None]] = {}
    several = len({(board.facts["space"], board.truth) for board in boards}) < len(boards)
    for board in boards:
        place = places.setdefault((str(board.facts["space"]), board.truth), {})
        for row in board.rows:
            place[f"{board.name}/{row.label}" if several else row.label] = row.agreement.kendall.value
    if len(places) < 2:
        return None
    grouped: dict[str, list[Mapping[str, float | None]]] = {}
    for (space, _), place in places.items():
        grouped.setdefault(space, []).append(place)
    try:
        return mean_ranks(grouped)
    except ValueError as error:
        complain(f"no mean ranks: {error}")
        return None


def publish_boards(
    output: Path,
    boards: Sequence[Leaderboard],
    entries: Sequence[Source],
    ranking: Ranking | None,
    heading: str,
    left_out: Sequence[str] = (),
    aggregates: Sequence[Aggregate] = (),
    searches: Sequence[SearchCurve] = (),
    notes: Sequence[str] = (),
) -> list[str]:
    """Write leaderboards into a folder, made if need be: one page, and its tables as Markdown, CSV and Parquet.

    Args:
        output: the folder. Files of an earlier run are replaced.
        boards: at least one.
        entries: their tables, and what these are compared with.
        ranking: over all boards.
        heading: of the page and of the Markdown file.
        left_out: inputs that are not there, and why.
        aggregates: of the page, besides those that have members of their own.
        searches: curves for the page.
        notes: sentences below the page's title.

    Returns:
        The names of the files, the page first.
    """
    from naslib_zc_plugin import __version__
    from naslib_zc_plugin.report.overview import overview
    from naslib_zc_plugin.report.page import PageFacts, leaderboard_page, overview_csv
    from naslib_zc_plugin.report.rendering import as_csv, as_markdown

    output.mkdir(parents=True, exist_ok=True)
    options, command = boards[0].options, boards[0].command
    tables = [replace(each, table=_positive(each.table)) for each in entries] if options.positive else entries
    found = overview(tables, _aggregates(aggregates), options.seed)
    facts = PageFacts(heading, command, date.today().isoformat(), __version__, notes, left_out, searches)
    units = {row.label: row.units for board in boards for row in board.rows if row.units is not None}
    texts = {
        "index.html": leaderboard_page(found, facts, units),
        "leaderboard.csv": as_csv(boards),
        "overview.csv": overview_csv(found),
        "leaderboard.md": f"# {heading}\n\n{as_markdown(boards, ranking)}",
    }
    for name, text in texts.items():
        replace_text(output / name, text)
    return [*texts, *_parquet(output, found)]


def _aggregates(asked: Sequence[Aggregate]) -> list[Aggregate]:
    """Return the aggregates of a page: those asked for, and all that have members of their own."""
    from naslib_zc_plugin.aggregates import AGGREGATES, Aggregate

    named = [Aggregate.parse(name) for name in AGGREGATES.names() if AGGREGATES.load(name).members]
    return list({each.label: each for each in [*named, *asked]}.values())


def _positive(table: ScoreTable) -> ScoreTable:
    from naslib_zc_plugin.report.leaderboards import positive

    return replace(table, columns={label: positive(column) for label, column in table.columns.items()})


def _parquet(output: Path, found: Overview) -> list[str]:
    """Write the overview's lines as Parquet where pyarrow is installed, and return the file's name."""
    from naslib_zc_plugin.report.page import overview_lines

    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        return []
    with replacing(output / "overview.parquet") as draft:
        pyarrow.parquet.write_table(pyarrow.Table.from_pylist(list(overview_lines(found))), draft, compression="zstd")
    return ["overview.parquet"]
