"""What stands around a leaderboard's tables: its title, what they mean, and how to make them again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .board import Board, Row
from .statistics import CONFIDENCE

_LISTED = 8  # entries of a list among the facts


def title(board: Board) -> str:
    """What the board compares."""
    return f"{board.name}: proxies against {board.truth}"


def notes(board: Board) -> list[str]:
    """What the tables mean, how the scores were made, and how to make them again; one sentence or fact a line."""
    options = board.options
    low, high = board.accuracies
    among = f" {board.untrained:,} more have no accuracy and are left out." if board.untrained else ""
    places = {
        "drop": "Undefined scores are left out and counted, and so are failed ones and networks left to score.",
        "worst": "Undefined scores rank below all others, tied; failed ones and networks left to score are left out.",
    }
    lines = [
        f"{board.architectures:,} architectures, {board.truth} {accuracy(low)} to {accuracy(high)}.{among}",
        "+: a proxy prefers the better ones, whatever the direction (↑ ↓) of its own scores; –: no such number exists.",
        places[options.undefined],
    ]
    if options.positive:
        lines.append("Scores that are not above zero count as undefined.")
    if options.resamples:
        lines.append(
            f"[{CONFIDENCE:.0%}]: bootstrap over architectures, {options.resamples:,} resamples, seed {options.seed}."
        )
    lines += [f"Proxies: {'; '.join(map(_proxy, board.rows))}.", *provenance(board.facts)]
    return [*lines, f"Tabulated by: {board.command}"] if board.command else lines


def provenance(facts: Mapping[str, Any]) -> list[str]:
    """How scores were made: the facts in one line, the command in another; proxies are told elsewhere."""
    told = {name: value for name, value in facts.items() if name not in ("command", "proxies")}
    if isinstance(told.get("architectures"), (list, tuple)):
        told["architectures"] = f"{len(told['architectures']):,} that were named"
    lines = [f"Scores: {'; '.join(f'{name} {_fact(value)}' for name, value in told.items())}."] if told else []
    return lines + ([f"Scored by: {facts['command']}"] if "command" in facts else [])


def _proxy(row: Row) -> str:
    """Version and options of a row's proxy, and its name where the label is another."""
    column = row.column
    name = "" if row.label == column.proxy else f"{column.proxy} "
    options = "".join(f", {option} {_fact(value)}" for option, value in column.options.items())
    return f"{row.label} ({name}version {column.version}{options})"


def _fact(value: Any) -> str:
    if isinstance(value, Mapping):
        return f"({', '.join(f'{name} {_fact(part)}' for name, part in value.items())})"
    if isinstance(value, (list, tuple)):
        shown = [_fact(part) for part in value[:_LISTED]]
        return f"[{', '.join(shown)}{f' … {len(value):,} in all' if len(value) > _LISTED else ''}]"
    return {True: "yes", False: "no", None: "none"}[value] if value is None or isinstance(value, bool) else str(value)


def accuracy(value: float) -> str:
    """To four digits."""
    return format(value, "#.4g")
