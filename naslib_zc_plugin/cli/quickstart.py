"""``nas-zc quickstart``: a search with a proxy and real training, then all proxies, in minutes, without a download."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from naslib_zc_plugin.cli._console import ProxiesOption, again, say
from naslib_zc_plugin.cli.cost import chosen_proxies
from naslib_zc_plugin.cli.leaderboard import publish_boards
from naslib_zc_plugin.cli.score import run_campaign
from naslib_zc_plugin.cli.search import publish_results, run_searches

if TYPE_CHECKING:
    from naslib_zc_plugin.campaign.config import Config
    from naslib_zc_plugin.search.config import Experiment

CONFIG = Path(__file__).with_suffix(".yaml")


def quickstart(
    context: typer.Context,
    evaluations: Annotated[int, typer.Option(min=1, help="How many networks each run trains.")] = 16,
    repeats: Annotated[int, typer.Option(min=1, help="How many runs of each search.")] = 2,
    seed: Annotated[int, typer.Option(min=0, help="All that is random depends on it.")] = 0,
    proxies: ProxiesOption = "*",
    host: Annotated[str, typer.Option(help="Whose loop runs the searches: none (our own), nni or naslib.")] = "none",
    output: Annotated[Path, typer.Option(metavar="DIR", help="Where the results go.")] = Path("nas-zc-quickstart"),
    restart: Annotated[bool, typer.Option("--restart", help="Forget the results that are there.")] = False,
) -> None:
    """Search with a proxy against random search, by really training, and compare all proxies on the trained networks.

    The networks are those of NAS-Bench-201, made small, the images scikit-learn's handwritten digits. Results are
    written as they come; the same command goes on where an interrupted one stopped.
    """
    from naslib_zc_plugin.campaign.store import STORE
    from naslib_zc_plugin.store.database import delete_store

    names = chosen_proxies(proxies)
    changed: dict[str, Any] = {"budget": {"evaluations": evaluations}, "repeats": repeats, "seed": seed, "host": host}
    experiment = _experiment(output, changed)
    output.mkdir(parents=True, exist_ok=True)
    say("Networks of NAS-Bench-201 (C=8, N=1) are trained on 1,000 handwritten digits. AREA scores 100 of them with")
    say("naswot and begins with the best; random search begins anywhere. It goes on from what is already there.\n")
    searches = run_searches(experiment, None, restart)
    publish_results(experiment, searches, output, None, again(context))
    truth = _trained(experiment)
    campaign = _campaign(experiment, list(truth), names, output / "scores.db")
    say(f"\nEach of the {len(truth)} networks that were trained is scored by {len(names)} proxies.")
    if restart:
        delete_store(Path(campaign.store), STORE)
    run_campaign(campaign, Path(campaign.store), extend=True)
    _compare(campaign, truth, output, again(context))


def _experiment(output: Path, changed: Mapping[str, Any]) -> Experiment:
    from naslib_zc_plugin.configuration import check
    from naslib_zc_plugin.search.config import SearchConfig, load_experiment

    experiment, searches = load_experiment(CONFIG), []
    for each in experiment.searches:
        values = each.model_dump(exclude_unset=True)
        scores = {**values["scores"], "seed": changed["seed"]}
        searches.append(check(SearchConfig, {**values, **changed, "scores": scores}, "quickstart"))
    return replace(experiment, searches=tuple(searches), store=str(output / "search.db"))


def _trained(experiment: Experiment) -> dict[str, float]:
    """Return the test accuracy of each architecture that was trained, in order."""
    from naslib_zc_plugin.search.journal import histories

    return {
        entry.key: entry.metrics["test accuracy"]
        for runs in histories(experiment.store).values()
        for entries in runs.values()
        for entry in entries
        if entry.metrics
    }


def _campaign(experiment: Experiment, keys: list[str], names: list[str], store: Path) -> Config:
    from naslib_zc_plugin.campaign.config import Config

    made = experiment.searches[0].scores.model_dump(exclude_unset=True)
    return Config(
        space=experiment.searches[0].space, architectures=tuple(keys), proxies=tuple(names),
        engine={"name": "local", "workers": 2}, store=str(store), truth="test accuracy (%)", **made,
    )  # fmt: skip


def _compare(campaign: Config, truth: Mapping[str, float], output: Path, command: str) -> None:
    from scipy.stats import rankdata

    from naslib_zc_plugin.campaign.store import read_table
    from naslib_zc_plugin.report.leaderboards import leaderboard
    from naslib_zc_plugin.report.overview import Source
    from naslib_zc_plugin.report.rendering import as_text

    table = read_table(campaign.store)
    board = leaderboard(table, truth, "test accuracy (%)", command=command)
    say(f"\n{as_text([board], brief=True).rstrip()}")
    say(
        f"\n{len(table)} networks are few, many of them chosen by AREA, the images easy, the trainings short and noisy:"
    )
    say("where intervals overlap there is no winner, and on a real benchmark the order is another.")
    # Ranks: a network that learns nothing would press all others into one line.
    ranks = dict(zip(truth, rankdata(list(truth.values())).tolist()))
    source = Source(table, ranks, "test accuracy (rank, the most accurate the highest)", campaign.space, "digits")
    written = publish_boards(output, [board], [source], None, "Quickstart")
    say(f"\nWritten to {output}: curves.png, results.md, {', '.join(written)}.")
    say("Next: `nas-zc proxies --details` tells what each proxy is, `nas-zc search CONFIG` runs a search of your own.")
