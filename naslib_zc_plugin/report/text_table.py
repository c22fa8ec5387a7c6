"""A table of text, for a terminal, as Markdown and as HTML."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape


@dataclass(frozen=True)
class TextTable:
    """A table of text with ``notes`` below; columns hold numbers, except the first and those named in ``words``.

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
    lines = [list(table.header), *map(list, table.body)]
    widths = [max(map(len, column)) for column in zip(*lines)]
    text = f"{table.title}\n"
    for line in lines:
        cells = (
            cell.ljust(width) if number == 0 or name in table.words else cell.rjust(width)
            for number, (name, cell, width) in enumerate(zip(table.header, line, widths))
        )
        text += "  ".join(cells).rstrip() + "\n"
    return text + "".join(f"{note}\n" for note in table.notes)


def table_markdown(table: TextTable) -> str:
    """Return a section of Markdown with the table."""
    rule = [":--" if number == 0 or name in table.words else "--:" for number, name in enumerate(table.header)]
    lines = ([escaped(cell) for cell in line] for line in (table.header, *table.body))
    head, *body = (f"| {' | '.join(line)} |\n" for line in lines)
    below = "".join(f"\n{escaped(note)}\n" for note in table.notes)
    return f"### {escaped(table.title)}\n\n{head}| {' | '.join(rule)} |\n{''.join(body)}{below}"


def heading(text: str) -> str:
    """Return an underlined line."""
    return f"{text}\n{'=' * len(text)}\n"


def escaped(text: str) -> str:
    """Escape text for Markdown, except within backticks."""
    parts = text.split("`")
    for number in range(0, len(parts), 2 if len(parts) % 2 else 1):
        for sign in "\\|<*_":
            parts[number] = parts[number].replace(sign, "\\" + sign)
    return "`".join(parts)


def table_html(table: TextTable) -> str:
    """Return a section of HTML with the table, whose header cells are buttons."""
    kinds = [' class="word"' if not i or name in table.words else "" for i, name in enumerate(table.header)]
    head = "".join(
        f'<th scope="col"{kind}><button type="button">{escape(name)}</button></th>'
        for kind, name in zip(kinds, table.header)
    )
    lines = ("".join(f"<td{kind}>{escape(cell)}</td>" for kind, cell in zip(kinds, line)) for line in table.body)
    body = "".join(f"<tr>{line}</tr>\n" for line in lines)
    below = "".join(f"<p>{escape(note)}</p>\n" for note in table.notes)
    drawn = f'<div class="wide"><table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{body}</tbody>\n</table></div>\n'
    return f"<h3>{escape(table.title)}</h3>\n{drawn}{below}"
