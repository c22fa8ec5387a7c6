"""A table of text, for a terminal, as Markdown and as HTML."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from naslib_zc_plugin.files import visible

# What would be a mark anywhere in a line: emphasis, cells, HTML, mathematics, an entity, an address, a link's text.
_SIGNS = re.compile(r"[\\|<*_`$]|~(?=~)|&(?=#?\w+;)|(?<=:)/(?=/)|(?<=\bwww)\.|\](?=[(\[])", re.IGNORECASE)
# And at its beginning: a list, a heading, a rule, a quotation, an address that others refer to.
_BEGINNING = re.compile(r"(?:[-+=#]+|\d+[.)])(?=\s|$)|>|\[(?=[^\]]*\]:\s*\S+\s*(?:$|[\"'(]))")
_CODE = re.compile(r"(?<!`)`([^`|\\]+)`(?!`)")


@dataclass(frozen=True)
class TextTable:
    """A table of text with ``notes`` below; columns hold numbers, except the first and those named in ``words``.

    Without a title it begins with its header.

    >>> print(table_text(TextTable("Agreement", ["proxy", "N"], [["naswot", "15,625"], ["zen", "90"]])), end="")
    Agreement
    proxy        N
    naswot  15,625
    zen         90
    """

    title: str
    header: Sequence[str]
    body: Sequence[Sequence[str]]
    words: Sequence[str] = ()
    notes: Sequence[str] = ()


def table_text(table: TextTable) -> str:
    """Return a table for a terminal, with aligned columns."""
    lines = [list(map(visible, line)) for line in (table.header, *table.body)]
    widths = [max(map(len, column)) for column in zip(*lines)]
    text = f"{visible(table.title)}\n" if table.title else ""
    for line in lines:
        cells = (
            cell.ljust(width) if number == 0 or name in table.words else cell.rjust(width)
            for number, (name, cell, width) in enumerate(zip(table.header, line, widths))
        )
        text += "  ".join(cells).rstrip() + "\n"
    return text + "".join(f"{visible(note)}\n" for note in table.notes)


def table_markdown(table: TextTable) -> str:
    """Return a section of Markdown with the table."""
    rule = [":--" if number == 0 or name in table.words else "--:" for number, name in enumerate(table.header)]
    lines = ([escaped(cell) for cell in line] for line in (table.header, *table.body))
    head, *body = (f"| {' | '.join(line)} |\n" for line in lines)
    below = "".join(f"\n{escaped(note)}\n" for note in table.notes)
    return f"### {escaped(table.title)}\n\n{head}| {' | '.join(rule)} |\n{''.join(body)}{below}"


def heading(text: str) -> str:
    """Return an underlined line."""
    text = visible(text)
    return f"{text}\n{'=' * len(text)}\n"


def escaped(text: str) -> str:
    r"""Escape text for Markdown: it stays what it is, on one line, without marks, links and HTML; code stays code.

    >>> print(escaped("a_b|c <i> by `nas-zc cost`, [a](http://b)"))
    a\_b\|c \<i> by `nas-zc cost`, [a\](http:\//b)
    """
    line = visible(text).strip()
    code = "``" not in line and line.count("`") % 2 == 0 and "\\`" not in line
    if beginning := _BEGINNING.match(line):
        place = beginning.end() - 1
        return f"{line[:place]}\\{line[place]}{_escaped(line[place + 1 :], code)}"
    return _escaped(line, code)


def _escaped(line: str, code: bool) -> str:
    parts = _CODE.split(line) if code else [line]
    if any("`" in part for part in parts[::2]):  # not all of it is code
        parts = [line]
    for number in range(0, len(parts), 2):
        parts[number] = _SIGNS.sub(lambda sign: f"\\{sign[0]}", parts[number])
    return "`".join(parts)


def html_text(text: str) -> str:
    """Escape text for HTML and XML, which have no place for control characters."""
    return escape(visible(text))


def table_html(table: TextTable) -> str:
    """Return a section of HTML with the table, whose header cells are buttons."""
    kinds = [' class="word"' if not i or name in table.words else "" for i, name in enumerate(table.header)]
    head = "".join(
        f'<th scope="col"{kind}><button type="button">{html_text(name)}</button></th>'
        for kind, name in zip(kinds, table.header)
    )
    lines = ("".join(f"<td{kind}>{html_text(cell)}</td>" for kind, cell in zip(kinds, line)) for line in table.body)
    body = "".join(f"<tr>{line}</tr>\n" for line in lines)
    below = "".join(f"<p>{html_text(note)}</p>\n" for note in table.notes)
    drawn = f'<div class="wide"><table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{body}</tbody>\n</table></div>\n'
    title = f"<h3>{html_text(table.title)}</h3>\n" if table.title else ""
    return f"{title}{drawn}{below}"
