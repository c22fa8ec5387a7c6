"""``nas-zc proxies``: the names of the proxies, and the facts about them."""

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
    details: Annotated[
        bool, typer.Option("--details", help="Direction, version, needs, paper; of a single proxy all there is.")
    ] = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="A table in Markdown, as in the README.")] = False,
) -> None:
    """List the proxies, one name per line."""
    names = zc.list_proxies(pattern)
    if not names:
        complain(f"no proxy matches {pattern!r}; {closest(pattern, zc.list_proxies())}")
        raise typer.Exit(1)
    if markdown:
        say("\n".join(markdown_table(names)))
        return
    if not details:
        say("\n".join(names))
        return
    facts = [zc.describe(name) for name in names]
    header = ("proxy", "better", "version", "needs", "paper", "summary")
    rows = [(info.name, _better(info), str(info.version), _needs(info), info.paper, info.summary) for info in facts]
    show_table(header, rows, numbers=("version",))
    if len(facts) == 1:
        say(f"\n{facts[0].documentation}\n\nAlso known as: {', '.join(facts[0].aliases) or '–'}")
        options = facts[0].options.values()
        say("\n".join(["Options:", *(f"  {each.name}={each.default!r}: {each.values}" for each in options)]))


def markdown_table(names: Sequence[str]) -> list[str]:
    """Return the README's table of these proxies, line by line."""
    rows = []
    for name in names:
        try:
            info = zc.describe(name)
        except TypeError as error:  # another distribution's entry, broken
            complain(str(error))
            continue
        what = re.sub(r"^Compute (the )?|\.$", "", info.summary)
        also = f" (also {', '.join(f'`{alias}`' for alias in info.aliases)})" if info.aliases else ""
        rows.append(f"| `{info.name}` | {_better(info)} | {_needs(info)} | {what}{also} |")
    return ["| proxy | better | needs | what it is |", "|---|---|---|---|", *rows]


def _better(info: zc.ProxyInfo) -> str:
    return "higher" if info.higher_is_better else "lower"


def _needs(info: zc.ProxyInfo) -> str:
    return ", ".join(info.needs) or "–"
