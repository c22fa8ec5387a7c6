"""Leaderboards as text, Markdown, CSV and pages of tables: every number is there."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import json
import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest

from naslib_zc_plugin.aggregates import Aggregate
from naslib_zc_plugin.report.leaderboards import Leaderboard, LeaderboardOptions, leaderboard, mean_ranks
from naslib_zc_plugin.report.rendering import (
    as_csv,
    as_markdown,
    as_text,
    board_notes,
    board_tables,
    html_figure,
    html_page,
)
from naslib_zc_plugin.text_table import escaped, table_html
from tests.report.tables import FACTS, column, table
from tests.report.test_leaderboards import ACCURACIES, SCORES, TRUTH

VOTE = Aggregate.parse("vote:down,noisy|one,partial")
RANKING = mean_ranks({"one": [{"a": 0.5, "b": 0.1}], "two": [{"a": 0.1, "b": 0.2, "c": 0.3}]})


@pytest.fixture(scope="module")
def board() -> Leaderboard:
    truth = {**TRUTH, "arch0": 50.125}
    return leaderboard(
        SCORES, truth, "test", LeaderboardOptions([VOTE], resamples=50), {"down": 2.5}, "nas-zc leaderboard a.db"
    )


def cells(line: str) -> list[str]:
    return re.split(r" {2,}", line.strip())


def test_text_has_a_row_per_proxy_in_each_table_with_its_counts(board: Leaderboard) -> None:
    text = as_text([board])
    assert text.startswith("trial: proxies against test\n")
    lines = [cells(line) for line in text.splitlines() if line.startswith("partial ")]
    assert len(lines) == 3
    agreement, best, selected = lines
    assert agreement[-6:] == ["3", "2", "2", "1", "–", "–"]
    assert best[-1] == "3"
    assert selected[2:] == ["88.00", "4", "–", "3", "2", "2", "1", "arch4"]
    assert cells(text.splitlines()[4])[-6:] == ["N", "undefined", "failed", "pending", "s/score", "units"]
    assert [line for line in text.splitlines() if line.startswith("vote(")]


def test_ties_are_named_and_ranged(board: Leaderboard) -> None:
    (sheet,) = (sheet for sheet in board_tables(board, named=2) if "best score" in sheet.title)
    constant = dict(zip(sheet.header, sheet.body[-1]))
    assert constant["test"] == "50.12 to 94.00, mean 77.39"
    assert (constant["rank"], constant["ties"], constant["network"]) == ("1 to 8", "8", "arch0 arch1 and 6 more")


def test_notes_say_how_it_was_made_and_how_to_make_it_again(board: Leaderboard) -> None:
    text = "\n".join(board_notes(board))
    for words in ("8 architectures, test 50.12 to 94.00", "left out and counted", "50 resamples, seed 0"):
        assert words in text
    for fact in ("preset naslib", "images (name cifar10.npz, sha256 c0ffee)", "network (C 16, N 5)", "torch 2.13.0"):
        assert fact in text
    assert "down (ntk version 1)" in text and "noisy|one (p version 1, weights [0.0001, 10])" in text
    assert f"Scored by: {FACTS['command']}\nTabulated by: nas-zc leaderboard a.db" in text


def test_notes_of_other_options() -> None:
    options = LeaderboardOptions(undefined="worst", positive=True, resamples=0)
    found = leaderboard(
        table({"p": column([1.0, 2.0])}, facts={"keys": list(range(100))}), {"arch0": 1.0}, options=options
    )
    text = "\n".join(board_notes(found))
    for words in ("1 more have no accuracy", "rank below all others", "not above zero", "6, 7 … 100 in all]"):
        assert words in text
    assert "bootstrap" not in text and "Scored by" not in text and "Tabulated by" not in text
    assert "[95%]" not in as_text([found])
    assert "s/score" not in as_text([found]) and "units" not in as_text([found])


def test_brief_text_leaves_the_best_out(board: Leaderboard) -> None:
    assert "Among the best" in as_text([board]) and "Among the best" not in as_text([board], brief=True)


def test_text_is_aligned(board: Leaderboard) -> None:
    block = as_text([board]).split("\n\n")[1].splitlines()
    header, rows = block[1], block[2:]
    for name in ("N", "undefined", "failed", "pending", "s/score", "units"):
        end = re.search(rf"\b{name}\b", header).end()  # type: ignore[union-attr]
        assert all(row[end - 1] != " " and row[end : end + 1] in ("", " ") for row in rows)


def test_markdown_has_one_cell_per_column(board: Leaderboard) -> None:
    blocks = [block for block in as_markdown([board, board], RANKING).split("\n\n") if block.startswith("| ")]
    assert len(blocks) == 2 * 4 + 1
    for block in blocks:
        rows = [re.split(r"(?<!\\)\|", line)[1:-1] for line in block.strip().splitlines()]
        assert len({len(row) for row in rows}) == 1
        assert all(re.fullmatch(r" (:--|--:) ", cell) for cell in rows[1])
    assert blocks[0].splitlines()[4].startswith(r"| noisy\|one | ↑ |")


def test_csv_counts_the_architectures_that_a_campaign_names(board: Leaderboard) -> None:
    told = replace(board, facts={**board.facts, "architectures": ["one", "two"]})
    lines = list(csv.DictReader(io.StringIO(as_csv([told]), newline="")))
    assert {json.loads(line["facts"])["architectures"] for line in lines} == {"2 that were named"}


def test_csv_keeps_full_precision_and_every_count(board: Leaderboard) -> None:
    read = list(csv.DictReader(io.StringIO(as_csv([board]), newline="")))
    assert [line["label"] for line in read] == [row.label for row in board.rows] + [VOTE.label]
    for line, row in zip(read, board.rows):
        tops = {"": row.agreement, "by_accuracy_": row.top.by_accuracy, "by_score_": row.top.by_score}
        for prefix, found in tops.items():
            assert int(line[f"{prefix}n"]) == found.n
            for name in ("spearman", "kendall", "pearson"):
                texts = [line[f"{prefix}{name}{part}"] for part in ("", "_low", "_high")]
                estimate = getattr(found, name)
                values = [float(text) if text else None for text in texts]
                assert values == [estimate.value, estimate.low, estimate.high]
        assert [int(line[name]) for name in ("scored", "undefined", "failed", "pending")] == [
            row.column.count(status) for status in ("ok", "undefined", "failed", "pending")
        ]
        assert row.selected is not None and float(line["selected_accuracy"]) == row.selected.accuracy
        assert json.loads(line["facts"]) == FACTS and line["command"] == board.command
    down, noisy = read[0], read[2]
    assert (down["units"], noisy["units"], down["higher_is_better"], down["undefined_rank"]) == (
        "2.5",
        "",
        "false",
        "drop",
    )
    assert json.loads(noisy["options"]) == {"weights": [1e-4, 10]} and noisy["selected"] == "arch5"
    (vote,) = board.votes
    assert (float(read[-1]["pairs_in_order"]), int(read[-1]["n"])) == (vote.share, vote.n)


def test_csv_names_only_some_of_many_ties() -> None:
    scores = table({"p": column([1.0] * 30)})
    found = leaderboard(
        scores, {key: float(i) for i, key in enumerate(scores.keys)}, options=LeaderboardOptions(resamples=0)
    )
    (line,) = csv.DictReader(io.StringIO(as_csv([found])))
    assert line["selected_count"] == "30" and line["selected"].split()[-2:] == ["arch19", "…"]


def test_mean_ranks_say_who_is_not_ranked() -> None:
    text = as_text([], RANKING)
    assert [cells(line) for line in text.splitlines()[1:4]] == [
        ["proxy", "one", "two", "mean"],
        ["a", "1.000", "2.000", "1.500"],
        ["b", "2.000", "1.000", "1.500"],
    ]
    assert "Not ranked, as they lack a coefficient somewhere: c." in text


def test_what_has_no_score_at_all() -> None:
    scores = table({"p": column(["undefined", "failed", "pending", "pending"] * 2)})
    found = leaderboard(scores, dict(zip(TRUTH, ACCURACIES)))
    assert cells(as_text([found]).splitlines()[5]) == ["p", "↑", "–", "–", "–", "0", "2", "2", "4"]
    (line,) = csv.DictReader(io.StringIO(as_csv([found])))
    assert (line["n"], line["pending"], line["spearman"]) == ("0", "4", "") and not line.get("selected")


BOARD = leaderboard(
    SCORES, TRUTH, "test <%> & more", LeaderboardOptions(resamples=10), command="nas-zc leaderboard 'a<b>.db'"
)
IMAGE = b"\x89PNG\r\n\x1a\n and bytes"
PAGE = html_page("Trial <1>", "".join(map(table_html, board_tables(BOARD))) + html_figure("Scores & all", IMAGE))


@pytest.fixture(scope="module")
def page() -> ElementTree.Element:
    return ElementTree.fromstring(PAGE)


def text(element: ElementTree.Element) -> str:
    return "".join(element.itertext())


def test_every_table_is_there_cell_by_cell(page: ElementTree.Element) -> None:
    shown = list(page.iter("table"))
    for found, sheet in zip(shown, board_tables(BOARD), strict=True):
        assert [text(cell) for cell in found.iter("th")] == list(sheet.header)
        rows = [[text(cell) for cell in row] for row in found.find("tbody") or ()]
        assert rows == [list(line) for line in sheet.body]
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
    found = leaderboard(scores, {"</table>": 1.0, "&amp;": 2.0}, options=LeaderboardOptions(resamples=0))
    page = ElementTree.fromstring(html_page("Ranking", "".join(map(table_html, board_tables(found)))))
    assert len(list(page.iter("script"))) == 1
    assert "<script>alert(1)</script>" in [text(cell) for cell in page.iter("td")]
    assert "&amp;" in [text(cell) for cell in page.iter("td")]


@pytest.mark.parametrize(
    "text, shown",
    [
        ("|none~0|", r"\|none~0\|"),
        ("val_12 < *", r"val\_12 \< \*"),
        ("again by `nas-zc search a_b.yaml`, a_b", r"again by `nas-zc search a_b.yaml`, a\_b"),
        ("a_b ` c_d", r"a\_b \` c\_d"),
        ("```<script>alert(1)</script>`", r"\`\`\`\<script>alert(1)\</script>\`"),
        ("`a|b`", r"\`a\|b\`"),
        ("two\nlines\r\x1b[31m", r"two\\nlines\\r\\x1b[31m"),
        ("[click](javascript:alert(1))", r"[click\](javascript:alert(1))"),
        ("![](http://evil/b.png)", r"![\](http:\//evil/b.png)"),
        ("<http://evil/>", r"\<http:\//evil/>"),
        ("[a]: http://evil", r"\[a]: http:\//evil"),
        ("# heading", r"\# heading"),
        ("- 1", r"\- 1"),
        ("12. a", r"12\. a"),
        ("> a", r"\> a"),
        ("---", r"--\-"),
        ("    code", "code"),
        ("$x^2$ &amp; ~~a~~", r"\$x^2\$ \&amp; \~~a\~~"),
        ("+0.500 [+0.400, +0.610]", "+0.500 [+0.400, +0.610]"),
    ],
)
def test_escaped(text: str, shown: str) -> None:
    assert escaped(text) == shown


_LABELS = [
    "<script>alert(1)</script>", '"><svg onload=alert(1)>', "{title}$body", "=HYPERLINK(\"http://evil\")",
    "+1+cmd|' /C'!A0", "-2+3", "@SUM(1)", "\t=1+1", "\r=1", "two\nlines", "a|b", "```<b>`", "[c](javascript:alert(1))",
    "![](http://evil/b.png)", "\x1b[31mred", "\x1b]0;title\x07", "\x9b31m", "\u202egnp", "\x00nul", "\x08back",
    "# heading", "$x^2$", "\\", "\u2028line", "\ud800", "\uffff",
]  # fmt: skip


@pytest.fixture(scope="module")
def hostile() -> Leaderboard:
    scores = table({label: column([1.0, 2.0]) for label in _LABELS}, ["=1+1", "two\nkeys"])
    truth = dict(zip(scores.keys, (1.0, 2.0)))
    facts = {"command": "nas-zc `x`; <b> \x1b[32m", "images": {"name": "<script>"}}
    return leaderboard(replace(scores, facts=facts), truth, "=truth", options=LeaderboardOptions(resamples=0))


def test_text_of_others_gives_a_terminal_no_orders(hostile: Leaderboard) -> None:
    shown = as_text([hostile])
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u202e\ud800]", shown) and r"two\nlines" in shown


def test_text_of_others_makes_no_formula(hostile: Leaderboard) -> None:
    rows = list(csv.DictReader(io.StringIO(as_csv([hostile]))))
    assert len(rows) == len(_LABELS)
    cells = [cell for row in rows for cell in row.values()]
    assert not [c for c in cells if c.lstrip()[:1] in tuple("=+-@") and not re.fullmatch(r"[-+]?[\d.]+(e[-+]?\d+)?", c)]
    assert "'=truth" in cells and "'@SUM(1)" in cells and "two\nlines" in cells


def test_text_of_others_is_no_markup_in_markdown(hostile: Leaderboard) -> None:
    markdown = pytest.importorskip("markdown_it")
    page = markdown.MarkdownIt("commonmark", {"html": True}).enable("table").render(as_markdown([hostile]))
    assert set(re.findall(r"<(\w+)", page)) <= set("h2 h3 table thead tbody tr th td p ul li code".split())
    assert page.count("<tr>") == 3 * (1 + len(_LABELS)) and page.count("<h2>") == 1 and page.count("<h3>") == 3


def test_the_page_is_well_formed_and_runs_its_own_script_alone(hostile: Leaderboard) -> None:
    page = html_page("<b>\x1b", "".join(map(table_html, board_tables(hostile))))
    found = ElementTree.fromstring(page)
    policy = next(meta.get("content", "") for meta in found.iter("meta") if meta.get("http-equiv"))
    assert "unsafe" not in policy
    for kind in ("script", "style"):
        (element,) = found.iter(kind)
        digest = base64.b64encode(hashlib.sha256((element.text or "").encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}'" in policy
    assert not [1 for element in found.iter() for name in element.attrib if name in ("style", "onload", "onerror")]
