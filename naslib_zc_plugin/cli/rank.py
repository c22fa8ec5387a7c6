"""``nas-zc rank``: networks that a Python file of one's own builds, ranked before they are trained."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import json
import sys
import traceback
from collections.abc import Iterator, Mapping, MutableMapping
from dataclasses import asdict
from functools import partial
from importlib.metadata import version
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Annotated, Any, Callable, Optional

import typer

from naslib_zc_plugin.cli._console import RESUMABLE, DataOption, complain, say, steps, stopped_by_signals
from naslib_zc_plugin.files import replace_text
from naslib_zc_plugin.registry import closest

if TYPE_CHECKING:
    from naslib_zc_plugin.candidates import Record
    from naslib_zc_plugin.ranked import CandidateRanking
    from naslib_zc_plugin.store.database import ResultsFile

_EXAMPLE = "example"
_TABLES = """
CREATE TABLE fact (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE candidate (name TEXT PRIMARY KEY, record TEXT NOT NULL) WITHOUT ROWID;
"""
_APPLICATION = 0x5A43_5231  # "ZCR1"
_FILE = "file"  # the fact that may change where what is there is kept


def rank(
    candidates: Annotated[
        str, typer.Argument(metavar="FILE.py:FUNCTION", help="Or MODULE:FUNCTION; it yields (name, builder) pairs.")
    ],
    proxies: Annotated[
        str, typer.Option(metavar="NAME|A,B,…", help="A recipe, such as recommended or az_nas; or proxies.")
    ] = "recommended",
    images: Annotated[Optional[str], typer.Option(metavar="SOURCE", help="Probe images; noise unless given.")] = None,
    size: Annotated[Optional[int], typer.Option(min=1, help="Height and width, of sources that take it.")] = None,
    shape: Annotated[Optional[str], typer.Option(metavar="3,32,32", help="Of a sample of noise.")] = None,
    samples: Annotated[int, typer.Option(min=2, help="In the batch.")] = 32,
    seed: Annotated[int, typer.Option(help="Of weights, images, noise and proxies' draws.")] = 0,
    seeds: Annotated[int, typer.Option(min=1, help="Draws of weights; several show what is stable.")] = 1,
    given: Annotated[bool, typer.Option("--given", help="Score the weights that networks hold.")] = False,
    alike: Annotated[
        Optional[bool], typer.Option("--alike/--unlike", help="Of one search space or not; found out unless given.")
    ] = None,
    limit: Annotated[
        Optional[list[str]],
        typer.Option(metavar="'params <= 1e6'", help="On a proxy or latency_here (milliseconds); repeatable."),
    ] = None,
    data: DataOption = None,
    store: Annotated[Optional[Path], typer.Option(help="The file of scores; named like FILE unless given.")] = None,
    restart: Annotated[bool, typer.Option("--restart", help="Forget what the store holds.")] = False,
    extend: Annotated[
        bool, typer.Option("--extend", help="FILE has changed: keep the scores of the candidates that are there.")
    ] = False,
    html: Annotated[Optional[Path], typer.Option(metavar="FILE", help="Write a page with table and figure.")] = None,
) -> None:
    """Rank networks of your own before they are trained, and go on where it was stopped.

    FUNCTION yields pairs of a name and a function that builds the network; a function or a value called example in the
    same file gives an input where there are neither --images nor --shape. Every candidate is recorded at once: the same
    command continues. Exit code 0: done; 1: nothing has a rank; 75: stopped, to be continued.
    """
    from naslib_zc_plugin import ranking
    from naslib_zc_plugin.aggregates import aggregate_named
    from naslib_zc_plugin.constraints import HERE, limits_of, limits_of_texts, machine_of

    function, module, path = _loaded(candidates)
    asked: Any = proxies if aggregate_named(proxies) else proxies.split(",")
    ranking.recipes_of(asked, alike)
    limits = limits_of_texts(limit or [])
    kept = limits_of(limits)
    shown, options = _batch(module, images, size, shape, samples, seed, data)
    made: dict[str, Any] = {"seed": seed, "seeds": seeds, "weights": "given" if given else "fresh"}
    facts = {"proxies": _versions(asked, alike), "batch": shown, "samples": samples, "torch": version("torch"), **made}
    if kept:
        facts["limits"] = list(map(str, kept))
    facts.update({f"machine of {each.label}": asdict(machine_of(each)) for each in kept if each.name == HERE})
    facts[_FILE] = hashlib.sha256(path.read_bytes()).hexdigest() if path else candidates
    place = store or Path(f"{path.stem if path else candidates.rpartition(':')[2]}.rank.db")
    options.update(made, proxies=asked, alike=alike, constraints=limits)
    listed = partial(ranking.rank, _listed(function, candidates), **options)
    _show(_resumed(place, facts, restart, extend, listed), html, place)


def _show(found: CandidateRanking, html: Path | None, place: Path) -> None:
    """Print a ranking, and write its page.

    Raises:
        typer.Exit: nothing has a rank.
    """
    say(str(found))
    if html:
        replace_text(html, _page(found))
        say(f"\nWritten to {html}; every score is in {place}.")
    if not found.order:
        raise typer.Exit(1)


def _resumed(
    place: Path, facts: dict[str, Any], restart: bool, extend: bool, ranks: Callable[..., CandidateRanking]
) -> CandidateRanking:
    """Rank what a store does not have yet, and show the progress.

    Raises:
        typer.Exit: it was stopped; with the code of commands that go on.
    """
    try:
        with _opened(place, facts, restart, extend) as opened, stopped_by_signals(), steps(None) as step:
            known = _Known(opened)
            before = set(known)

            def report(name: str, record: Record) -> None:
                if name not in before:
                    step(f"{name}: {record.get('failed', 'scored')}")

            return ranks(known=known, report=report)
    except KeyboardInterrupt:
        complain(f"stopped; {place} holds what was done, and the same command goes on from there")
        raise typer.Exit(RESUMABLE) from None


def _versions(asked: Any, alike: bool | None) -> dict[str, Any]:
    """Return the proxies that are scored, as plain values."""
    from naslib_zc_plugin.proxies import describe
    from naslib_zc_plugin.ranking import recipes_of, requests_of

    requests = requests_of(recipes_of(asked, alike))
    return {
        request.label: {"name": request.name, "version": describe(request.name).version, **request.options}
        for request in requests
    }


# What is given --------------------


def _loaded(given: str) -> tuple[Callable[[], Any], ModuleType, Path | None]:
    """Return the function, its module, and the module's file where it was named.

    Raises:
        ValueError: the text names no function, or the file cannot be run.
        ImportError: there is no such module.
        OSError: there is no such file.
    """
    source, _, name = given.rpartition(":")
    if not source or not name:
        raise ValueError(f"{given}: write FILE.py:FUNCTION or MODULE:FUNCTION, such as nets.py:candidates")
    path = Path(source) if source.endswith(".py") else None
    if path is not None and not path.is_file():
        raise FileNotFoundError(f"{path}: no such file")
    sys.path.insert(0, str(path.resolve().parent if path else Path.cwd()))
    try:
        module = _run(path) if path else importlib.import_module(source)
    except ImportError:
        raise
    except Exception as error:
        raise ValueError(f"{source} cannot be imported: {_told(error)}") from error
    function = getattr(module, name, None)
    if not callable(function):
        known = [each for each, value in vars(module).items() if callable(value) and not each.startswith("_")]
        raise ValueError(f"{source} has no function {name!r}; {closest(name, known)}")
    return function, module, path


def _run(path: Path) -> ModuleType:
    made = importlib.util.spec_from_file_location(f"_nas_zc_{path.stem}", path)
    assert made is not None and made.loader is not None  # the name ends in .py
    module = importlib.util.module_from_spec(made)
    sys.modules[made.name] = module
    made.loader.exec_module(module)
    return module


def _told(error: BaseException) -> str:
    """Return an error in a file of the user's, with the last line of it that was reached."""
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename.endswith(".py")]
    where = f" (line {lines[-1]})" if lines and not isinstance(error, SyntaxError) else ""
    return f"{type(error).__name__}: {error}{where}"


def _listed(function: Callable[[], Any], given: str) -> Iterator[Any]:
    """Yield the pairs of a function; its errors are told in one line."""
    try:
        found = function()
        yield from found.items() if isinstance(found, Mapping) else found
    except Exception as error:
        raise ValueError(f"{given}: {_told(error)}") from error


def _batch(
    module: ModuleType, images: str | None, size: int | None, shape: str | None, samples: int, seed: int, data: Any
) -> tuple[Any, dict[str, Any]]:
    """Return a description of the inputs for the store, and the arguments of ``rank`` that give them.

    Raises:
        ValueError: nothing gives the inputs, or two things do.
    """
    example = getattr(module, _EXAMPLE, None)
    if (images is not None) + (shape is not None) > 1:
        raise ValueError("give one of --images and --shape")
    if images is not None:
        from naslib_zc_plugin.configuration import located
        from naslib_zc_plugin.probes import images as load
        from naslib_zc_plugin.store.provenance import digest

        probe = load(located(images, Path.cwd(), data), **({"size": size} if size else {}))
        batch = probe.random(samples, seed).batch(samples)
        return digest(probe), {"batch": batch}
    if shape is not None:
        try:
            sizes = tuple(map(int, shape.split(",")))
        except ValueError:
            raise ValueError(f"--shape {shape}: write numbers, such as 3,32,32") from None
        return shape, {"shape": sizes, "samples": samples}
    if example is None:
        raise ValueError(
            "what do the networks see? Give --images SOURCE, or --shape 3,32,32 for noise, or let the file have a "
            f"function {_EXAMPLE}() that returns an input"
        )
    return _EXAMPLE, {"example": example() if callable(example) else example, "samples": samples}


# The store --------------------


def _opened(path: Path, facts: dict[str, Any], restart: bool, extend: bool) -> ResultsFile:
    """Return the store, made or checked.

    Raises:
        ValueError: it holds scores that were made otherwise.
        StoreError: it cannot be used.
    """
    from naslib_zc_plugin.store.database import SEALED, Format, ResultsFile, delete_store
    from naslib_zc_plugin.store.provenance import changes

    kind = Format(_APPLICATION, (_TABLES + SEALED,))
    if restart:
        delete_store(path, kind)
    opened = ResultsFile(path, kind)
    try:
        now = json.loads(json.dumps(facts))
        before = {name: json.loads(value) for name, value in opened.connection.execute("SELECT * FROM fact")}
        found = changes(before, now) if before else {}
        if extend:
            found.pop(_FILE, None)
        if found:
            offer = "keep what is there by --extend, " if set(found) == {_FILE} else ""
            raise ValueError(
                f"{path} holds scores that were made otherwise ({'; '.join(found.values())}): {offer}give another "
                "--store, or begin anew with --restart"
            )
        with opened.transaction():
            rows = [(name, json.dumps(value)) for name, value in now.items()]
            opened.connection.executemany("INSERT OR REPLACE INTO fact VALUES (?, ?)", rows)
    except BaseException:
        opened.close()
        raise
    return opened


class _Known(MutableMapping[str, "Record"]):
    """The records of a store; a new one is written at once."""

    def __init__(self, store: ResultsFile) -> None:
        self._store = store
        rows = store.connection.execute("SELECT name, record FROM candidate")
        self._records: dict[str, Record] = {name: json.loads(record) for name, record in rows}
        for name, record in self._records.items():
            if not ("failed" in record or {"scores", "layout"} <= record.keys()):
                raise ValueError(f"{store.path}: the record of {name!r} is not as it is written here: use --restart")

    def __getitem__(self, name: str) -> Record:
        return self._records[name]

    def __setitem__(self, name: str, record: Record) -> None:
        with self._store.transaction():
            row = (name, json.dumps(record))
            self._store.connection.execute("INSERT OR REPLACE INTO candidate VALUES (?, ?)", row)
        self._records[name] = record

    def __delitem__(self, name: str) -> None:
        with self._store.transaction():
            self._store.connection.execute("DELETE FROM candidate WHERE name = ?", (name,))
        del self._records[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._records)

    def __len__(self) -> int:
        return len(self._records)


def _page(found: CandidateRanking) -> str:
    """Return a page with the ranking and its figure."""
    import io

    from naslib_zc_plugin.report.rendering import html_figure, html_page
    from naslib_zc_plugin.text_table import table_html

    drawn = io.BytesIO()
    found.plot().savefig(drawn, format="png", dpi=150)
    return html_page("Ranking", table_html(found.table()) + html_figure("Against parameters", drawn.getvalue()))
