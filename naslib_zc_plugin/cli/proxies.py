"""``nas-zc proxies``: which proxies there are, and the facts about them."""

from __future__ import annotations

from difflib import get_close_matches
from typing import Annotated

import typer

import naslib_zc_plugin as zc
from naslib_zc_plugin.cli._console import complain, say, table


def proxies(
    pattern: Annotated[str, typer.Argument(help="Shell-style pattern of names.")] = "*",
    details: Annotated[
        bool, typer.Option("--details", help="Direction, version, needs, paper; of a single proxy all there is.")
    ] = False,
) -> None:
    """List the proxies, one name per line."""
    names = zc.proxies(pattern)
    if not names:
        close = get_close_matches(pattern, zc.proxies(), n=3, cutoff=0.5)
        hint = f"did you mean {' or '.join(close)}?" if close else "`nas-zc proxies` lists all"
        complain(f"no proxy matches {pattern!r}; {hint}")
        raise typer.Exit(1)
    if not details:
        say("\n".join(names))
        return
    facts = [zc.describe(name) for name in names]
    header = ("proxy", "better", "version", "needs", "paper", "summary")
    rows = [
        (
            info.name,
            "higher" if info.higher_is_better else "lower",
            str(info.version),
            ", ".join(info.needs) or "–",
            info.paper,
            info.summary,
        )
        for info in facts
    ]
    table(header, rows, numbers=("version",))
    if len(facts) == 1:
        options = ", ".join(f"{name}={value!r}" for name, value in facts[0].options.items())
        say(f"\n{facts[0].documentation}\n\nOptions: {options or 'none'}")
