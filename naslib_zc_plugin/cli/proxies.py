"""``nas-zc proxies``: the proxies, and the facts about them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Annotated

import typer

import naslib_zc_plugin as zc
from naslib_zc_plugin.cli._console import complain, say, show_table
from naslib_zc_plugin.registry import closest


def proxies(
    pattern: Annotated[str, typer.Argument(help="Shell-style pattern of names.")] = "*",
    plain: Annotated[bool, typer.Option("--names", help="The names alone, one a line; quick.")] = False,
    details: Annotated[
        bool, typer.Option("--details", help="Direction, version, needs, paper; of a single proxy all there is.")
    ] = False,
) -> None:
    """Show the proxies: which values are better, what a score needs, what it costs, and what it is.

    The cost is in units of one forward and backward pass in training, as measured on NAS-Bench-201; nas-zc cost
    measures it for your network.
    """
    names = zc.list_proxies(pattern)
    if not names:
        complain(f"no proxy matches {pattern!r}; {closest(pattern, zc.list_proxies())}")
        raise typer.Exit(1)
    if plain:
        say("\n".join(names))
        return
    facts = _facts(names)
    if not details:
        rows = [(info.name, _better(info), _needs(info), _units(info), _what(info)) for info in facts]
        show_table(("proxy", "better", "needs", "units", "what it is"), rows, numbers=("units",))
        return
    header = ("proxy", "better", "version", "needs", "paper", "summary")
    listed = [(info.name, _better(info), str(info.version), _needs(info), info.paper, info.summary) for info in facts]
    show_table(header, listed, numbers=("version",))
    if len(facts) == 1:
        say(f"\n{facts[0].documentation}\n\nAlso known as: {', '.join(facts[0].aliases) or '–'}")
        options = facts[0].options.values()
        say("\n".join(["Options:", *(f"  {each.name}={each.default!r}: {each.values}" for each in options)]))


def _facts(names: Sequence[str]) -> list[zc.ProxyInfo]:
    """Return the facts of the proxies that can be loaded, and complain of the others."""
    facts = []
    for name in names:
        try:
            facts.append(zc.describe(name))
        except TypeError as error:  # another distribution's entry, broken
            complain(str(error))
    return facts


def _better(info: zc.ProxyInfo) -> str:
    return "higher" if info.higher_is_better else "lower"


def _needs(info: zc.ProxyInfo) -> str:
    return ", ".join(info.needs) or "–"


def _units(info: zc.ProxyInfo) -> str:
    return "–" if info.units is None else f"{info.units:g}"


def _what(info: zc.ProxyInfo) -> str:
    """Return the first line of the documentation, without its verb."""
    return re.sub(r"^Compute (the )?|\.$", "", info.summary)
