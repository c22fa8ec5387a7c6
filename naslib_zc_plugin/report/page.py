"""One page for an overview: self-contained, offline, its own script and Vega's the only ones that may run.

Needs jinja2 and vl-convert-python (the extra ``leaderboard``), which holds the JavaScript of Vega-Lite. What is drawn
is embedded, quantised to four digits; the tables beside the page have full precision.
"""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import json
import math
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from importlib import resources
from typing import Any

import numpy as np

try:
    import jinja2
    import vl_convert
except ImportError as error:
    what = "the leaderboard page needs jinja2 and vl-convert-python: pip install 'naslib-zc-plugin[leaderboard]'"
    raise ImportError(what) from error

from naslib_zc_plugin.aggregates import AGGREGATES, oriented
from naslib_zc_plugin.files import csv_cell, visible
from naslib_zc_plugin.proxies import describe
from naslib_zc_plugin.record import ProxyInfo
from naslib_zc_plugin.report.correlations import Floats, IntervalEstimate
from naslib_zc_plugin.report.figures import SearchCurve
from naslib_zc_plugin.report.overview import TRIVIAL, BoardCell, BoardRow, Group, Overview, Source
from naslib_zc_plugin.report.paired import COMPARED
from naslib_zc_plugin.report.rendering import provenance_notes
from naslib_zc_plugin.report.selection import selected_within
from naslib_zc_plugin.table import STATUSES

_PLOTTED = 1500  # networks of a picture
_LIMITS = 32  # of a measure, each with so much more of the networks within it, up to all
_NAMED = 5  # networks that share the best score
_DIGITS = 4
_MISSING = {"undefined": "u", "failed": "f", "pending": None}


COSTS = "alone, on one thread, of NAS-Bench-201 (C=16, N=5) on 64 images; where images do not apply, of an encoder"
"""How the package's own costs were measured."""


@dataclass(frozen=True)
class PageFacts:
    """What a page says of itself.

    Attributes:
        title: of the page.
        command: that makes it again; empty: not known.
        date: of its making, as it is shown.
        version: of this package.
        notes: sentences below the title.
        left_out: inputs that are not on the page, and why.
        searches: curves of searches to show, by panel.
    """

    title: str
    command: str = ""
    date: str = ""
    version: str = ""
    notes: Sequence[str] = ()
    left_out: Sequence[str] = ()
    searches: Sequence[SearchCurve] = field(default=())


def leaderboard_page(found: Overview, facts: PageFacts, units: Mapping[str, float] | None = None) -> str:
    """Return the page.

    Args:
        found: what it shows.
        facts: what it says of itself.
        units: cost of one score by proxy, where it is another than this package has measured.
    """
    shown = {
        "title": visible(facts.title), "command": visible(facts.command), "date": facts.date, "version": facts.version,
        "notes": [visible(each) for each in facts.notes], "leftOut": [visible(each) for each in facts.left_out],
        "compared": COMPARED, "costs": COSTS, "entries": [_entry(entry) for entry in found.entries],
        "rows": [_row(row, found, units or {}) for row in found.rows],
        "groups": [_group(group, found) for group in found.groups],
        "searches": [_curve(each) for each in facts.searches],
    }  # fmt: skip
    packed = zlib.compress(json.dumps(shown, ensure_ascii=False, separators=(",", ":")).encode(), 9)
    folder = resources.files(__package__)
    vega = vl_convert.javascript_bundle()  # type: ignore[call-arg]  # its argument has a default
    scripts = [_embeddable(vega), (folder / "leaderboard.js").read_text(encoding="utf-8")]
    style = (folder / "leaderboard.css").read_text(encoding="utf-8")
    template = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True).from_string(
        (folder / "leaderboard.html").read_text(encoding="utf-8")
    )
    return template.render(
        page=shown, style=style, scripts=scripts, style_hash=_hash(style), script_hashes=list(map(_hash, scripts)),
        data=base64.b64encode(packed).decode("ascii"), static=_static(found),
    )  # fmt: skip


def _embeddable(script: str) -> str:
    """Return a script that no HTML parser ends early."""
    return script.replace("</script", "<\\/script").replace("<!--", "<\\!--")


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _entry(entry: Source) -> dict[str, Any]:
    notes = [visible(note) for note in provenance_notes(entry.table.facts)]
    kept = {"truth": entry.truth_name, "source": entry.source, "path": entry.path, "command": entry.command}
    return {"name": visible(entry.table.name), **{k: visible(v) for k, v in kept.items()}, "notes": notes}


def _row(row: BoardRow, found: Overview, units: Mapping[str, float]) -> dict[str, Any]:
    """Return what is known of a row's proxy, or of all members of an aggregate."""
    parts = row.members or (row.name if row.kind == "proxy" else row.proxy,)
    infos: list[ProxyInfo | None] = []
    for part in parts:
        try:
            infos.append(describe(part))
        except (ValueError, TypeError):  # of a distribution that is not here
            infos.append(None)
    known = [info for info in infos if info is not None]
    whole = len(known) == len(parts)
    needs = sorted({need for info in known for need in info.needs}) if whole else None
    given = [units.get(part, units.get(row.proxy) if not row.members else None) for part in parts]
    cost = [own if own is not None or info is None else info.units for own, info in zip(given, infos)]
    one = known[0] if known and not row.members else None
    versions = sorted({group.cells[row.name].column.version for group in found.groups if row.name in group.cells})
    return {
        "name": visible(row.name), "proxy": visible(row.proxy), "kind": row.kind, "members": list(row.members),
        "trivial": row.kind == "proxy" and row.proxy in TRIVIAL, "needs": needs, "chosenOn": list(row.chosen_on),
        "units": None if None in cost else round(math.fsum(each for each in cost if each is not None), 3),
        "summary": one.summary if one else _joined(row), "documentation": one.documentation if one else "",
        "paper": one.paper if one else "", "versions": versions,
        "up": next(group.cells[row.name].column.higher_is_better for group in found.groups if row.name in group.cells),
    }  # fmt: skip


def _joined(row: BoardRow) -> str:
    if row.kind != "aggregate":
        return ""
    join = AGGREGATES.load(row.proxy).join
    name = getattr(join, "__name__", "join").replace("_", " ")
    return f"The {name} of {', '.join(row.members)}."


def _group(group: Group, found: Overview) -> dict[str, Any]:
    names, of = [row.name for row in found.rows], group.of
    picked = {group.keys.index(key) for cell in group.cells.values() for key in cell.picked[:1]}
    drawn = np.array(sorted({*_thinned(group, _PLOTTED), *picked}), dtype=np.intp)
    return {
        "benchmark": visible(of.benchmark), "dataSet": visible(of.data_set), "truth": visible(of.truth_name),
        "titles": _titles(of), "meaning": visible(of.meaning), "source": visible(of.source),
        "n": len(group.keys), "classes": group.classes, "best": _short(float(group.truth.max())),
        "keys": [visible(group.keys[place]) for place in drawn], "y": _numbers(group.truth[drawn], 5),
        "sizes": {name: _numbers(values[drawn]) for name, values in group.sizes.items()},
        "fronts": [
            {"of": visible(name), "at": _numbers(limits), "best": _within(group, group.truth, values, limits),
             "any": _within(group, np.zeros(len(group.truth)), values, limits)}
            for name, values, limits in _measures(group)
        ],
        "families": [visible(group.families[place]) for place in drawn] if group.families else [],
        "cells": {
            str(names.index(name)): _cell(cell, group, names, drawn, found)
            for name, cell in group.cells.items()
        },
        "ranked": [names.index(name) for name in group.ranked],
        "wins": {measure: ["".join("-0+"[v + 1] for v in line) for line in won.tolist()]
                 for measure, won in group.wins.items()},
        "alike": [[None if math.isnan(v) else round(100 * v) for v in line] for line in group.alike.tolist()],
    }  # fmt: skip


def _titles(of: Source) -> list[str]:
    return [visible(title or name) for title, name in zip(of.titles, (of.benchmark, of.data_set))]


def _thinned(group: Group, most: int) -> list[int]:
    """Return the places of the networks to draw: of those compared, the ones that most proxies scored go first."""
    scored = np.sum([np.isfinite(cell.column.values[group.plotted]) for cell in group.cells.values()], axis=0)
    order = np.lexsort((np.random.default_rng(0).random(len(scored)), -scored))
    return group.plotted[order[:most]].tolist()  # type: ignore[no-any-return]


def _measures(group: Group) -> Iterator[tuple[str, Floats, Floats]]:
    """Yield what networks are limited by: its name, its values, and limits at evenly spaced quantiles of these."""
    for name, values in {**group.sizes, **group.latencies}.items():
        known = np.sort(values[np.isfinite(values)])
        if len(known):
            yield name, values, np.unique(known[np.linspace(0, len(known) - 1, _LIMITS + 1)[1:].astype(np.intp)])


def _within(group: Group, scores: Floats, measure: Floats, limits: Floats) -> list[Any]:
    return _numbers(selected_within(scores, group.truth, measure, limits))


def _cell(cell: BoardCell, group: Group, names: list[str], drawn: Any, found: Overview) -> dict[str, Any]:
    column, pick, reasons = cell.column, cell.pick, found.entries[cell.entry].reasons.get(cell.label, {})
    values: list[Any] = _numbers(column.values[drawn])
    for place, code in enumerate(column.status[drawn].tolist()):
        if values[place] is None:
            values[place] = _MISSING.get(STATUSES[code])
    seconds = column.seconds[np.isfinite(column.seconds)]
    scored = int(np.count_nonzero(column.status != STATUSES.index("pending")))
    return {
        "entry": cell.entry, "entries": list(cell.entries), "label": visible(cell.label),
        "version": column.version, "n": cell.n,
        "options": {visible(k): visible(str(v)) for k, v in column.options.items() if k != "members"},
        "undefined": column.count("undefined"), "failed": column.count("failed"), "scored": scored,
        "reasons": [[visible(text), number] for text, number in sorted(reasons.items(), key=lambda each: -each[1])[:3]],
        "seconds": _short(float(np.median(seconds)), 3) if len(seconds) else None,
        "is": {name: _interval(each) for name, each in cell.estimates.items() if each.value is not None},
        "rank": {name: list(each) for name, each in cell.ranks.items()}, "among": list(cell.among_best),
        "beside": {key: [[names.index(name), *_interval(each.difference), each.n] for name, each in beside]
                   for key, beside in cell.neighbours.items()},
        "pick": None if pick is None else {
            "y": _short(pick.accuracy, 5), "low": _short(pick.low, 5), "high": _short(pick.high, 5),
            "rank": pick.rank, "worst": pick.worst_rank, "count": len(cell.picked),
            "keys": [visible(key) for key in cell.picked[:_NAMED]],
        },
        "within": [_within(group, oriented(column), values, limits) for _, values, limits in _measures(group)],
        "others": [{**asdict(each), "tau": None if each.tau is None else round(each.tau, 3)} for each in cell.others],
        "x": values,
    }  # fmt: skip


def _interval(estimate: IntervalEstimate) -> list[float | None]:
    parts = (estimate.value, estimate.low, estimate.high)
    return [None if part is None or math.isnan(part) else round(part, 3) for part in parts]


def _numbers(values: Floats, digits: int = _DIGITS) -> list[Any]:
    return [_short(value, digits) if math.isfinite(value) else None for value in values.tolist()]


def _short(value: float, digits: int = _DIGITS) -> float:
    """Return a number of a few digits, an integer where it is one."""
    short = float(f"{value:.{digits}g}")
    return int(short) if short.is_integer() and abs(short) < 2**53 else short


def _curve(curve: SearchCurve) -> dict[str, Any]:
    lines = {name: _numbers(getattr(curve, name)) for name in ("places", "middle", "low", "high")}
    return {"label": visible(curve.label), "panel": visible(curve.panel), **lines}


def _static(found: Overview) -> dict[str, Any]:
    """Return the table for readers without JavaScript: Kendall's tau by data set."""
    shown = [row for row in found.rows if row.kind != "variant"]
    lines = []
    for row in shown:
        values = [group.cells[row.name].estimates.get("tau") if row.name in group.cells else None
                  for group in found.groups]  # fmt: skip
        texts = ["–" if each is None or each.value is None else f"{each.value:.2f}" for each in values]
        if any(text != "–" for text in texts):
            lines.append([visible(row.name), *texts])
    header = [", ".join(_titles(group.of)) for group in found.groups]
    return {"header": ["proxy", *header], "lines": lines}


# The tables beside it --------------------


def overview_lines(found: Overview) -> Iterator[dict[str, Any]]:
    """Yield a line for each cell and measure, in full precision: what the page shows, for other programs.

    >>> list(overview_lines(Overview([], [], [])))
    []
    """
    for group in found.groups:
        for row in found.rows:
            cell = group.cells.get(row.name)
            if cell is None:
                continue
            entry, column = found.entries[cell.entry], cell.column
            for measure, estimate in cell.estimates.items():
                name, _, control = measure.partition("|")
                rank = cell.ranks.get(measure, (None, None, None))
                yield {
                    "benchmark": group.of.benchmark, "data_set": group.of.data_set, "accuracy": group.of.truth_name,
                    "proxy": row.name, "kind": row.kind, "version": column.version,
                    "options": json.dumps(dict(column.options), ensure_ascii=False, default=str), "measure": name,
                    "at_equal": control, "value": estimate.value, "low": estimate.low, "high": estimate.high,
                    "rank": rank[0], "rank_low": rank[1], "rank_high": rank[2],
                    "not_told_from_best": measure in cell.among_best, "n": cell.n,
                    "undefined": column.count("undefined"), "failed": column.count("failed"),
                    "scores": entry.path or entry.table.name, "label": cell.label,
                    "command": entry.command,
                }  # fmt: skip


def overview_csv(found: Overview) -> str:
    """Return :func:`overview_lines` as CSV; empty without any line."""
    lines = list(overview_lines(found))
    file = io.StringIO()
    if lines:
        writer = csv.DictWriter(file, list(lines[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows({name: csv_cell(value) for name, value in line.items()} for line in lines)
    return file.getvalue()
