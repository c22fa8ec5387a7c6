"""One architecture scored as a campaign would, and where its scores stand among those of the campaign."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from naslib_zc_plugin.cli._console import say, table

if TYPE_CHECKING:
    from naslib_zc_plugin.campaign.config import Config
    from naslib_zc_plugin.campaign.outcome import Row
    from naslib_zc_plugin.table import ScoreTable


def single(config: Config, key: str) -> None:
    """Print the scores of an architecture; with percentiles if the campaign's store is there.

    Raises:
        ValueError: the key is not of the space.
        Changed: the store was made with another configuration, so that its scores do not compare.
    """
    from naslib_zc_plugin.campaign.outcome import Task
    from naslib_zc_plugin.campaign.scorer import Scorer
    from naslib_zc_plugin.spaces import space

    key = space(config.space).canonical(key)
    others = _others(config)
    outcome = Scorer(config)(Task(key, tuple(config.requests())))
    rows = [[row.label, f"{row.value:.6g}" if row.value is not None else row.status, *_place(row, others)]
            for row in outcome.rows]  # fmt: skip
    table(["proxy", "score", "percentile", "among"], rows, numbers=["score", "percentile"])
    if others is None:
        say(f"A score by itself tells little: without --arch this makes {config.store}, to compare it with.")
    else:
        say("Percentile: the share of the scored architectures that the proxy thinks worse, ties counted by half.")


def _others(config: Config) -> ScoreTable | None:
    from naslib_zc_plugin.campaign.identity import GROWING, changes, facts
    from naslib_zc_plugin.campaign.read import read_table
    from naslib_zc_plugin.campaign.run import Changed

    if not Path(config.store).exists():
        return None
    found = read_table(config.store)
    now = facts(config)
    differences = {name: line for name, line in changes(found.facts, now).items() if name not in GROWING}
    for label, asked in now["proxies"].items():
        if found.facts["proxies"].get(label, asked) != asked:
            differences[label] = f"proxies.{label}"
    if differences:
        raise Changed(config.store, differences)
    return found


def _place(row: Row, others: ScoreTable | None) -> tuple[str, str]:
    from naslib_zc_plugin.report.standing import standing

    if others is None or row.label not in others.columns:
        return "–", ""
    if row.value is None:
        return "–", row.reason
    place = standing(row.value, others[row.label])
    percentile = "–" if place.percentile is None else f"{place.percentile:.1f}"
    return percentile, f"{place.n:,} scored, {place.undefined:,} undefined, {place.failed:,} failed"
