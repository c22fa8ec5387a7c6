"""``nas-zc quickstart``: live scores, searches over real accuracies, a few trainings and a leaderboard, in a minute."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Callable, NamedTuple

import typer

from naslib_zc_plugin.cli._console import (
    RESUMABLE,
    ProxiesOption,
    again,
    complain,
    live,
    say,
    show_table,
    stopped_by_signals,
)
from naslib_zc_plugin.cli.leaderboard import publish_boards, read_sources
from naslib_zc_plugin.cli.score import run_campaign
from naslib_zc_plugin.cli.search import found_results, run_searches
from naslib_zc_plugin.files import replace_text

if TYPE_CHECKING:
    from naslib_zc_plugin.campaign.config import Config
    from naslib_zc_plugin.report.figures import SearchCurve
    from naslib_zc_plugin.search import SearchProgress
    from naslib_zc_plugin.search.config import Experiment
    from naslib_zc_plugin.search.results import Result
    from naslib_zc_plugin.table import ScoreTable

CONFIG = Path(__file__).with_suffix(".yaml")
_SPACE, _NOISE = "nasbench201", "synthetic:normal"
_STORED = "embedded:nasbench201_cifar10_whole"
_EMBEDDED = (_STORED, f"{_STORED}_epsilon", "embedded:nasbench201_cifar100_whole",
             "embedded:nasbench201_imagenet16_120_whole")  # fmt: skip
_COUNTED = {"params": "cifar10_params_M", "flops": "cifar10_flops_M"}
"""Proxies that count what the benchmark's table counts too, in millions."""
_OPTIONS: Mapping[str, Mapping[str, Any]] = {"flops": {"elementwise": True}}  # as NAS-Bench-201 counts
_TRAINED: Mapping[str, Any] = {"name": "training"}
_SHOWN = 5  # scores that differ
_FROM = 5  # where curves begin
_HOSTED = 10  # runs of each search that are made in a host's loop, too


def quickstart(
    context: typer.Context,
    networks: Annotated[int, typer.Option(min=1, help="How many networks are scored now.")] = 40,
    evaluations: Annotated[int, typer.Option(min=1, help="How many networks each run of a search evaluates.")] = 100,
    repeats: Annotated[int, typer.Option(min=1, help="How many runs of each search.")] = 100,
    trainings: Annotated[int, typer.Option(min=1, help="How many networks are really trained.")] = 4,
    seed: Annotated[int, typer.Option(min=0, help="What is drawn depends on it.")] = 0,
    proxies: ProxiesOption = "synflow,params,flops,recommended",
    host: Annotated[
        str, typer.Option(help="Whose loop runs searches: none (our own), nni, naslib or optuna.")
    ] = "none",
    output: Annotated[Path, typer.Option(metavar="DIR", help="Where the results go.")] = Path("nas-zc-quickstart"),
    restart: Annotated[bool, typer.Option("--restart", help="Forget the results that are there.")] = False,
) -> None:
    """Score networks, search by four strategies, train a few networks for real, and write a leaderboard.

    Accuracies are those of NAS-Bench-201, which are in the package; nothing is downloaded. Results are written as they
    come; the same command goes on where an interrupted one stopped. Exit code 0: all is done, and live scores equal the
    stored ones; 1: some differ; 75: stopped, to be continued.
    """
    names = [name.strip() for name in proxies.split(",")]
    asked = {"budget": {"evaluations": evaluations}, "repeats": repeats, "seed": seed}
    searched = _searches(output, asked)
    trained = _training(output, trainings, seed, host)
    campaign = _campaign(output, networks, seed, names)
    if not restart:
        _check_seed(Path(searched.store), seed)
    output.mkdir(parents=True, exist_ok=True)
    command = again(context)
    with _stopping(output):
        table = _scored(campaign, restart)
        different = _shown_equal(table)
        found = _searched(searched, host, restart, output)
        _trained(trained, restart)
        _published(campaign, found, searched, output, command)
    if different:
        raise typer.Exit(1)


def _check_seed(store: Path, seed: int) -> None:
    """Raise ``ValueError`` if a journal that is there holds searches of another seed, before anything is added."""
    from naslib_zc_plugin.search.journal import Journal

    if not store.exists():
        return
    with Journal(store) as journal:
        seeds = {int(made["seed"]) for made in journal.provenance().values()}
    if seeds - {seed}:
        found = ", ".join(map(str, sorted(seeds)))
        raise ValueError(f"{store} was made with --seed {found}: give another --output, or begin anew with --restart")


@contextmanager
def _stopping(output: Path) -> Iterator[None]:
    """Turn SIGINT and SIGTERM, wherever they come, into the message and the code of commands that go on."""
    try:
        with stopped_by_signals():
            yield
    except KeyboardInterrupt:
        complain(f"stopped; {output} holds what was done, and the same command goes on from there")
        raise typer.Exit(RESUMABLE) from None


# 1. Live scores --------------------


def _campaign(output: Path, networks: int, seed: int, names: Sequence[str]) -> Config:
    from random import Random

    from naslib_zc_plugin import list_proxies
    from naslib_zc_plugin.campaign.config import Config
    from naslib_zc_plugin.configuration import check
    from naslib_zc_plugin.spaces import space

    wanted = dict.fromkeys(each for name in names for each in ([name] if "*" not in name else list_proxies(name)))
    whole = space(_SPACE)
    assert whole.size is not None
    if networks > whole.size:
        raise ValueError(f"--networks {networks}: NAS-Bench-201 has {whole.size:,}")
    chosen = Random(seed).sample(range(whole.size), networks)
    values = {
        "space": _SPACE, "preset": "lightweight", "architectures": [whole.key(number) for number in chosen],
        "images": {"source": _NOISE, "n": 16}, "batch": {"batch_size": 16}, "truth": "cifar10_test_200",
        "proxies": [{"name": each, "label": each, **_OPTIONS[each]} if each in _OPTIONS else each for each in wanted],
        "engine": {"name": "local", "workers": 2}, "store": str(output / "scores.db"),
    }  # fmt: skip
    return check(Config, values, "quickstart")


def _scored(campaign: Config, restart: bool) -> ScoreTable:
    from naslib_zc_plugin.campaign.store import STORE, read_table
    from naslib_zc_plugin.store.database import delete_store

    say(f"1. {campaign.total():,} networks of NAS-Bench-201 are scored now, with {len(campaign.requests())} proxies")
    if restart:
        delete_store(Path(campaign.store), STORE)
    run_campaign(campaign, Path(campaign.store), extend=True)
    return read_table(campaign.store)


def _shown_equal(table: ScoreTable) -> bool:
    """Print how many live scores equal the stored ones; return whether some differ."""
    from naslib_zc_plugin.campaign.verification import TOLERANCE, relative_difference

    stored = {label: made for label, made in _stored().items() if label in table.columns}
    rows, different = [], []
    for label, (name, known) in stored.items():
        live = dict(zip(table.keys, table[label].values.tolist()))
        far = {key: relative_difference(value, known[key]) for key, value in live.items()}
        equal = sum(each <= TOLERANCE for each in far.values())
        rows.append([label, name, f"{equal} of {len(far)}", f"{100 * max(far.values()):.4f} %"])
        different += [f"{label} {live[key]:.7g}, stored {known[key]:.7g}: {key}" for key in far if far[key] > TOLERANCE]
    if rows:
        show_table(
            ["proxy", "stored in the package", "equal", "largest difference"], rows, ["equal", "largest difference"]
        )
        say(f"Equal: within {100 * TOLERANCE:g} % of the stored score, which is rounded by up to .003 %.")
    for line in different[:_SHOWN]:
        complain(f"differs: {line}")
    if none := [label for label, column in table.columns.items() if not column.count("ok")]:
        say(f"Without a score for these networks, which lack what they look at: {', '.join(none)}.")
    if others := [label for label in table.columns if label not in none and label not in stored]:
        say(f"Scored, with nothing stored to compare with: {', '.join(others)}.")
    say("naswot, epsilon, grad_norm and snip are stored of CIFAR-10's images, which are not in the package.\n")
    return bool(different)


def _stored() -> dict[str, tuple[str, Mapping[str, float]]]:
    """Return by proxy what the package has of all networks and what needs no images: its name, and key → score."""
    from naslib_zc_plugin.benchmarks import benchmark
    from naslib_zc_plugin.store.embedded import read_embedded

    whole, accuracies = read_embedded(_STORED), benchmark(_SPACE)
    found: dict[str, tuple[str, Mapping[str, float]]] = {
        "synflow": (_STORED, dict(zip(whole.keys, whole["synflow"].values.tolist())))
    }
    for label, column in _COUNTED.items():
        millions = accuracies.column(column)
        found[label] = (f"{_SPACE}, {column}", {key: 1e6 * value for key, value in millions.items()})
    return found


# 2. Searches --------------------


def _searches(output: Path, asked: Mapping[str, Any]) -> Experiment:
    from naslib_zc_plugin.configuration import check
    from naslib_zc_plugin.search.config import SearchConfig, load_experiment

    experiment = load_experiment(CONFIG)
    searches = [
        check(SearchConfig, {**each.model_dump(exclude_unset=True), **asked}, "quickstart")
        for each in experiment.searches
    ]
    return replace(experiment, searches=tuple(searches), store=str(output / "search.db"))


def _searched(experiment: Experiment, host: str, restart: bool, output: Path) -> list[Result]:
    """Run the searches, and some of their runs in a host's loop, too; print how they compare."""
    from naslib_zc_plugin.search.comparisons import compare_searches, comparison_table, verdicts
    from naslib_zc_plugin.text_table import table_text

    first = experiment.searches[0]
    evaluations, repeats = first.budget.evaluations or 0, first.repeats
    say(f"2. Four searches over NAS-Bench-201's accuracies: {repeats} runs of {evaluations} networks each, chosen by")
    say("   validation accuracy, reported by test accuracy; AREA and warm-up begin with networks that synflow prefers")
    searches = run_searches(experiment, None, restart)
    found = found_results(experiment, searches, None)
    assert experiment.compare is not None
    compared = compare_searches(found, experiment.compare)
    say(table_text(replace(comparison_table(compared, experiment.compare), title="", notes=[])).strip())
    say("Differences are means within runs, with 95 % intervals; evaluations until then: a Kaplan-Meier median.")
    for line in verdicts(compared, experiment.compare):
        say(line)
    if host != "none":
        say(_in_host(experiment, host, restart, output))
    say()
    return found


def _in_host(experiment: Experiment, host: str, restart: bool, output: Path) -> str:
    """Run the first runs of each search in a host's loop; return a line on whether their histories are the same."""
    from naslib_zc_plugin.search.journal import histories

    changes = {"host": host, "repeats": min(_HOSTED, experiment.searches[0].repeats)}
    hosted = replace(
        experiment,
        searches=tuple(each.model_copy(update=changes) for each in experiment.searches),
        store=str(output / f"search-{host}.db"),
    )
    run_searches(hosted, None, restart)
    ours, theirs = histories(experiment.store), histories(hosted.store)
    runs = [(label, run) for label, made in theirs.items() for run in made]
    same = sum(_history(ours, *run) == _history(theirs, *run) for run in runs)
    return f"In the loop of {host}, {same} of {len(runs)} runs have the same history: the first {changes['repeats']}."


def _history(recorded: Mapping[str, Mapping[int, Sequence[Any]]], label: str, run: int) -> list[tuple[Any, ...]]:
    return [(entry.key, entry.fitness, entry.scored) for entry in recorded[label].get(run, ())]


# 3. Trainings --------------------


def _training(output: Path, trainings: int, seed: int, host: str) -> Experiment:
    from naslib_zc_plugin.configuration import check
    from naslib_zc_plugin.search.config import Experiment, SearchConfig

    values = {
        "label": "random search", "space": _SPACE, "strategy": {"name": "random_search"},
        "evaluator": _TRAINED, "budget": {"evaluations": trainings}, "seed": seed, "host": host,
    }  # fmt: skip
    name = "trained.db" if host == "none" else f"trained-{host}.db"
    return Experiment((check(SearchConfig, values, "quickstart"),), str(output / name))


def _trained(experiment: Experiment, restart: bool) -> None:
    """Train the networks that a search asks for, with a bar, and print what they learnt."""
    from naslib_zc_plugin.benchmarks import benchmark
    from naslib_zc_plugin.search.journal import histories

    (search,) = experiment.searches
    number = search.budget.evaluations or 0
    loop = "our own loop" if search.host == "none" else f"the loop of {search.host}"
    say(f"3. {number} networks of NAS-Bench-201 (C=8, N=1) are really trained, on scenes with digits, in {loop}")
    run_searches(experiment, None, restart, lambda: _bar(experiment))
    real = benchmark(_SPACE).column("cifar10_test_200")
    rows = [
        [f"{entry.fitness:.1f}", f"{entry.metrics['test accuracy']:.1f}", f"{real[entry.key]:.2f}",
         f"{entry.seconds:.0f}", entry.key]
        for entry in histories(experiment.store)[search.label][0][:number]
    ]  # fmt: skip
    header = ["validation", "test", "CIFAR-10 in the table", "seconds", "network"]
    show_table(header, rows, header[:-1])
    say()


class _Trainings(NamedTuple):
    """How many trainings are done, of how many."""

    done: int
    total: int


@contextmanager
def _bar(experiment: Experiment) -> Iterator[Callable[[SearchProgress], None]]:
    """Show a bar of the evaluations of an experiment of one run."""
    (search,) = experiment.searches
    number = search.budget.evaluations or 0
    with live(lambda each: f"{each.done}/{each.total}  trained") as show:
        yield lambda progress: show(_Trainings(progress.step if progress.search else number, number))


# 4. The page --------------------


def _published(campaign: Config, found: Sequence[Result], experiment: Experiment, output: Path, command: str) -> None:
    """Write the page of what the package has, of what was scored now, and of the searches; print its path."""
    from naslib_zc_plugin.report.leaderboards import LeaderboardOptions, leaderboard
    from naslib_zc_plugin.search.comparisons import compare_searches, comparison_table, verdicts
    from naslib_zc_plugin.search.results import curve_lines, results_csv
    from naslib_zc_plugin.text_table import table_markdown

    sources, _ = read_sources([Path(campaign.store), *map(Path, _EMBEDDED)], None, None, [])
    options = LeaderboardOptions(resamples=0)  # the page has intervals of its own
    boards = [
        leaderboard(each.table, each.truth, each.truth_name, options, command=command, truth_source=each.source)
        for each in sources
    ]
    assert experiment.compare is not None
    compared = compare_searches(found, experiment.compare)
    curves = list(map(_shown, curve_lines(found, experiment.curve)))
    told = verdicts(compared, experiment.compare)
    notes = [*told, f"Searches: medians and quartiles of the runs, from the network {_FROM} of each on."]
    publish_boards(output, boards, sources, None, "Quickstart", searches=curves, notes=notes)
    below = "".join(f"\n{line}\n" for line in (*told, f"Made by `{command}`."))
    sheet = table_markdown(comparison_table(compared, experiment.compare))
    replace_text(output / "searches.md", f"# Searches\n\n{sheet}{below}")
    replace_text(output / "searches.csv", results_csv(found))
    say(f"4. The leaderboard, with the searches' curves, is {output / 'index.html'}")


def _shown(curve: SearchCurve) -> SearchCurve:
    """Return a curve under its search's name, without the steep beginning, beside which nothing else could be seen."""
    parts = (curve.places, curve.middle, curve.low, curve.high)
    places, middle, low, high = (part[_FROM - 1 :] if len(part) > 2 * _FROM else part for part in parts)
    label = curve.label.removesuffix(f" {curve.panel}")
    return replace(curve, label=label, places=places, middle=middle, low=low, high=high)
