"""How an experiment was made, for the reader of its results."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from naslib_zc_plugin.search.run import Prepared


def notes(prepared: Sequence[Prepared]) -> list[str]:
    """How it was made: what all searches have in common first, the rest with the labels that it is true of."""
    told = {each.search.label: list(_protocol(each)) for each in prepared}
    whose = {
        line: [label for label, lines in told.items() if line in lines] for lines in told.values() for line in lines
    }
    common = [f"{line[0].upper()}{line[1:]}." for line, labels in whose.items() if len(labels) == len(told)]
    own = [f"{', '.join(labels)}: {line}." for line, labels in whose.items() if len(labels) < len(told)]
    deviation = "Mean ± population standard deviation over the runs, of the fittest; best after: median evaluation."
    return [deviation, *common, *own]


def _protocol(prepared: Prepared) -> Iterator[str]:
    search = prepared.search
    yield f"strategy {_strategy(search.strategy)}"
    yield from prepared.evaluator.notes()
    yield from prepared.scores.notes() if prepared.scores else ()
    if search.draw == "scored" and prepared.scores:
        yield "drawn at random from those that are scored"
    yield "budget: " + ", ".join(f"{value:,} {name}" for name, value in search.budget.items())
    if search.report:
        yield "reported: " + ", ".join(f"{title} is {column}" for title, column in search.report.items())
    loop = "" if search.host == "none" else f", in the loop of {search.host}"
    yield f"{search.space}, {search.repeats} runs, seed {search.seed}{loop}"


def _strategy(made: Any) -> str:
    """A strategy, and in it perhaps another, with settings and options."""
    if not isinstance(made, Mapping):
        return str(made)
    own = [f"{name} {_strategy(value)}" for name, value in made.items() if name not in ("name", "preset")]
    settings = f", settings of {made['preset']}" if "preset" in made else ""
    given = f" ({', '.join(own)})" if own else ""
    return f"{made.get('name', '')}{settings}{given}"
