"""The HTML page: well formed, complete, and in need of nothing outside itself."""

from __future__ import annotations

import base64
import re
import shutil
import subprocess
from pathlib import Path
from xml.etree import ElementTree

import pytest

from naslib_zc_plugin.report.board import Options
from naslib_zc_plugin.report.leaderboard import leaderboard
from naslib_zc_plugin.report.notes import notes
from naslib_zc_plugin.report.page import as_html
from naslib_zc_plugin.report.ranking import mean_ranks
from naslib_zc_plugin.report.sheets import sheets
from tests.report.tables import column, table
from tests.report.test_leaderboard import SCORES, TRUTH

BOARD = leaderboard(SCORES, TRUTH, "test <%> & more", Options(resamples=10), command="nas-zc leaderboard 'a<b>.db'")
IMAGE = b"\x89PNG\r\n\x1a\n and bytes"
PAGE = as_html([BOARD, BOARD], mean_ranks({"one": [{"a": 1.0}]}), [{"Scores & all": IMAGE}], "Trial <1>")


@pytest.fixture(scope="module")
def page() -> ElementTree.Element:
    return ElementTree.fromstring(PAGE)


def text(element: ElementTree.Element) -> str:
    return "".join(element.itertext())


def test_every_table_and_note_is_there_cell_by_cell(page: ElementTree.Element) -> None:
    shown = list(page.iter("table"))
    expected = [*sheets(BOARD), *sheets(BOARD)]
    assert len(shown) == len(expected) + 1
    for found, sheet in zip(shown, expected):
        assert [text(cell) for cell in found.iter("th")] == list(sheet.header)
        rows = [[text(cell) for cell in row] for row in found.find("tbody") or ()]
        assert rows == [list(line) for line in sheet.body]
    assert [text(item) for item in page.iter("li")] == notes(BOARD) * 2
    assert [text(item) for item in page.iter("h1")] == ["Trial <1>"]


def test_nothing_comes_from_elsewhere(page: ElementTree.Element) -> None:
    assert not re.search(r"https?:|//[a-z]|@import|url\(", PAGE)
    assert {name for element in page.iter() for name in element.attrib}.isdisjoint({"href", "srcset", "action"})
    sources = [element.get("src", "") for element in page.iter() if "src" in element.attrib]
    assert [element.tag for element in page.iter() if "src" in element.attrib] == ["img"]
    head, data = sources[0].split(",")
    assert head == "data:image/png;base64" and base64.b64decode(data) == IMAGE
    assert "default-src 'none'" in PAGE


def test_it_fits_a_phone(page: ElementTree.Element) -> None:
    metas = [meta.get("name") for meta in page.iter("meta")]
    assert "viewport" in metas
    wide = [element for element in page.iter("div") if element.get("class") == "wide"]
    assert len(wide) == len(list(page.iter("table")))


def test_columns_sort_by_number_with_dashes_last_and_words_by_letter(tmp_path: Path) -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("no node to run the page's script in")
    script = re.search(r"<script>(.*)</script>", PAGE, re.DOTALL).group(1)  # type: ignore[union-attr]
    (tmp_path / "run.js").write_text(_STAGE.replace("SCRIPT", script), encoding="utf-8")
    done = subprocess.run([node, tmp_path / "run.js"], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.split() == ["b,c,a,d", "a,c,b,d", "d,c,b,a", "ascending"]


# As much of a document as the script touches: one table of a word and a number.
_STAGE = """
const cell = (text, kind) => ({ textContent: text, className: kind, attributes: {},
  getAttribute(name) { return this.attributes[name] ?? null },
  setAttribute(name, value) { this.attributes[name] = value },
  removeAttribute(name) { delete this.attributes[name] } });
const texts = [["a", "-0.5 [-1, 0]"], ["b", "1,000"], ["c", "+0.25"], ["d", "–"]];
const rows = texts.map(row => ({ cells: row.map(text => cell(text)) }));
const body = { rows, append(line) { this.rows = this.rows.filter(r => r !== line).concat([line]) } };
const table = { tBodies: [body] }, row = { cells: [cell("proxy", "word"), cell("rho", "")], closest: () => table };
row.cells.forEach(head => { head.parentElement = row });
const buttons = row.cells.map(head => ({ parentElement: head, addEventListener(_, f) { this.click = f } }));
globalThis.document = { querySelectorAll: () => buttons };
SCRIPT
const order = () => body.rows.map(r => r.cells[0].textContent).join();
buttons[1].click(); console.log(order());
buttons[1].click(); console.log(order());
buttons[0].click(); console.log(order());
buttons[0].click(); console.log(row.cells[0].attributes["aria-sort"]);
"""


def test_keys_and_labels_are_text_and_never_markup() -> None:
    scores = table({"<script>alert(1)</script>": column([1.0, 2.0])}, ["</table>", "&amp;"])
    found = as_html([leaderboard(scores, {"</table>": 1.0, "&amp;": 2.0}, options=Options(resamples=0))])
    page = ElementTree.fromstring(found)
    assert len(list(page.iter("script"))) == 1
    assert "<script>alert(1)</script>" in [text(cell) for cell in page.iter("td")]
    assert "&amp;" in [text(cell) for cell in page.iter("td")]
