"""Leaderboards as one HTML page that needs nothing else: no network, no other file; tables sort at a touch."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping, Sequence
from html import escape

from .board import Board
from .notes import notes, title
from .ranking import Ranking
from .sheet import Sheet
from .sheets import ranks, sheets

# XHTML's syntax, which browsers and XML parsers read alike; the script holds no sign that either would mistake.
_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8" />
<meta name="viewport" content="width=device-width, initial-scale=1" />
<meta http-equiv="Content-Security-Policy"
 content="default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'" />
<title>{title}</title>
<style>
:root {{ color-scheme: light dark; --line: #8884; --soft: #8881; }}
body {{ font: 15px/1.45 system-ui, sans-serif; margin: 0 auto; padding: 1rem; max-width: 90rem; }}
h1 {{ font-size: 1.4rem; }} h2 {{ font-size: 1.2rem; margin-top: 2.5rem; }} h3 {{ font-size: 1rem; }}
.wide {{ overflow-x: auto; -webkit-overflow-scrolling: touch; }}
table {{ border-collapse: collapse; font-variant-numeric: tabular-nums; white-space: nowrap; }}
th, td {{ padding: .25rem .6rem; border-bottom: 1px solid var(--line); text-align: right; }}
.word {{ text-align: left; }}
td:first-child, th:first-child {{ position: sticky; left: 0; background: Canvas; }}
tbody tr:hover td {{ background-color: var(--soft); }}
th button {{ all: unset; cursor: pointer; font-weight: 600; }} th button:focus-visible {{ outline: 2px solid; }}
th[aria-sort=ascending] button::after {{ content: " ▲"; }} th[aria-sort=descending] button::after {{ content: " ▼"; }}
ul {{ padding-left: 1.1rem; font-size: .85rem; overflow-wrap: anywhere; }}
img {{ max-width: 100%; background: #fff; }} figure {{ margin: 1rem 0; }} figcaption {{ font-size: .85rem; }}
</style>
</head>
<body>
<h1>{title}</h1>
{body}
<script>
document.querySelectorAll("th button").forEach(function (button) {{
  button.addEventListener("click", function () {{
    const head = button.parentElement, row = head.parentElement, body = row.closest("table").tBodies[0];
    const place = Array.from(row.cells).indexOf(head), down = head.getAttribute("aria-sort") !== "descending";
    Array.from(row.cells).forEach(function (cell) {{ cell.removeAttribute("aria-sort"); }});
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    const key = function (line) {{
      const text = line.cells[place].textContent, number = parseFloat(text.replaceAll(",", ""));
      return head.className === "word" ? text : Number.isNaN(number) ? null : number;
    }};
    Array.from(body.rows).sort(function (a, b) {{
      const x = key(a), y = key(b);
      if (x === null || y === null) return (x === null) - (y === null);
      return (typeof x === "string" ? y.localeCompare(x) : y - x) * (down ? 1 : -1);
    }}).forEach(function (line) {{ body.append(line); }});
  }});
}});
</script>
</body>
</html>
"""


def as_html(
    boards: Sequence[Board],
    ranking: Ranking | None = None,
    figures: Sequence[Mapping[str, bytes]] = (),
    heading: str = "Leaderboard",
) -> str:
    """One page, with a section per board: its tables, what they mean and how they were made, and its figures.

    Args:
        boards: one after another.
        ranking: the proxies over all boards.
        figures: for each board PNG images by caption, which become part of the page.
        heading: of the page.
    """
    parts = []
    for number, board in enumerate(boards):
        listed = "".join(f"<li>{escape(note)}</li>\n" for note in notes(board))
        parts += [f"<h2>{escape(title(board))}</h2>\n", *map(_table, sheets(board)), f"<ul>\n{listed}</ul>\n"]
        parts += [_figure(*figure) for figure in (figures[number].items() if number < len(figures) else ())]
    if ranking:
        parts.append(_table(ranks(ranking)))
    return _PAGE.format(title=escape(heading), body="".join(parts))


def _table(sheet: Sheet) -> str:
    kinds = [' class="word"' if not i or name in sheet.words else "" for i, name in enumerate(sheet.header)]
    head = "".join(
        f'<th scope="col"{kind}><button type="button">{escape(name)}</button></th>'
        for kind, name in zip(kinds, sheet.header)
    )
    lines = ("".join(f"<td{kind}>{escape(cell)}</td>" for kind, cell in zip(kinds, line)) for line in sheet.body)
    body = "".join(f"<tr>{line}</tr>\n" for line in lines)
    below = "".join(f"<p>{escape(note)}</p>\n" for note in sheet.notes)
    table = f'<div class="wide"><table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{body}</tbody>\n</table></div>\n'
    return f"<h3>{escape(sheet.title)}</h3>\n{table}{below}"


def _figure(caption: str, image: bytes) -> str:
    text, data = escape(caption), b64encode(image).decode("ascii")
    return f'<figure><img alt="{text}" src="data:image/png;base64,{data}" /><figcaption>{text}</figcaption></figure>\n'
