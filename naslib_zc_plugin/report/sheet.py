"""A table of words, as text for a terminal and as Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Sheet:
    """A table of text with ``notes`` below; columns hold numbers, but for the first and those named in ``words``."""

    title: str
    header: Sequence[str]
    body: Sequence[Sequence[str]]
    words: Sequence[str] = ()
    notes: Sequence[str] = ()


def sheet_text(sheet: Sheet) -> str:
    """Aligned columns."""
    table = [list(sheet.header), *map(list, sheet.body)]
    widths = [max(map(len, column)) for column in zip(*table)]
    text = f"{sheet.title}\n"
    for line in table:
        cells = (
            cell.ljust(width) if number == 0 or name in sheet.words else cell.rjust(width)
            for number, (name, cell, width) in enumerate(zip(sheet.header, line, widths))
        )
        text += "  ".join(cells).rstrip() + "\n"
    return text + "".join(f"{note}\n" for note in sheet.notes)


def sheet_markdown(sheet: Sheet) -> str:
    """A section with the table."""
    rule = [":--" if number == 0 or name in sheet.words else "--:" for number, name in enumerate(sheet.header)]
    lines = ([escaped(cell) for cell in line] for line in (sheet.header, *sheet.body))
    head, *body = (f"| {' | '.join(line)} |\n" for line in lines)
    below = "".join(f"\n{escaped(note)}\n" for note in sheet.notes)
    return f"### {escaped(sheet.title)}\n\n{head}| {' | '.join(rule)} |\n{''.join(body)}{below}"


def heading(text: str) -> str:
    """An underlined line."""
    return f"{text}\n{'=' * len(text)}\n"


def escaped(text: str) -> str:
    """Text that Markdown shows as it is; what stands in backticks it does so already."""
    parts = text.split("`")
    for number in range(0, len(parts), 2 if len(parts) % 2 else 1):
        for sign in "\\|<*_":
            parts[number] = parts[number].replace(sign, "\\" + sign)
    return "`".join(parts)
