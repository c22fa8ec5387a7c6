"""The quickstart's results file: whatever the moment it was cut at, what is whole is kept."""

from __future__ import annotations

from pathlib import Path

import pytest

from naslib_zc_plugin.cli._results import FILES, Results, Row
from naslib_zc_plugin.table import STATUSES

CONFIGURATION = {"seed": 0, "proxies": {"a": 1, "b": 2}}
ROWS = [
    Row("|x~0|", 12.5, {"a": 0.1 + 0.2, "b": None}, 'b undefined: "all", equal'),
    Row("|y~0|", 98.75, {"a": -1e-300, "b": 3.0}),
]


def _results(folder: Path, **options: bool) -> Results:
    return Results(folder, ["a", "b"], CONFIGURATION, **options)


def test_rows_come_back_bit_by_bit(tmp_path: Path) -> None:
    written = _results(tmp_path / "new" / "folder")
    for row in ROWS:
        written.add(row)
    assert list(_results(tmp_path / "new" / "folder").rows.values()) == ROWS == list(written.rows.values())


def test_a_file_cut_at_any_byte_keeps_its_whole_rows_and_can_be_completed(tmp_path: Path) -> None:
    for row in ROWS:
        _results(tmp_path).add(row)
    path = tmp_path / "scores.csv"
    whole = path.read_bytes()
    ends = [index + 1 for index, byte in enumerate(whole) if byte == ord("\n")]
    for length in range(len(whole) + 1):
        path.write_bytes(whole[:length])
        results = _results(tmp_path)
        kept = sum(end <= length for end in ends[1:])
        assert list(results.rows.values()) == ROWS[:kept]
        for row in ROWS[kept:]:
            results.add(row)
        assert path.read_bytes() == whole


def test_notes_stay_on_their_line(tmp_path: Path) -> None:
    _results(tmp_path).add(Row("k", 1.0, {"a": None, "b": None}, "a failed: first\nsecond\r\nthird"))
    assert _results(tmp_path).rows["k"].notes == "a failed: first second third"


@pytest.mark.parametrize("line", ["k,1.0,2.0", "k,1.0,2.0,3.0,4.0,", "k,much,1.0,2.0,", "k,1.0,two,3.0,"])
def test_a_line_of_another_form_is_named(tmp_path: Path, line: str) -> None:
    _results(tmp_path).add(ROWS[0])
    with (tmp_path / "scores.csv").open("a", encoding="utf-8") as file:
        file.write(line + "\n")
    with pytest.raises(ValueError, match=r"scores\.csv, line 3: .*--restart"):
        _results(tmp_path)


def test_other_columns_are_refused(tmp_path: Path) -> None:
    _results(tmp_path).add(ROWS[0])
    with pytest.raises(ValueError, match="other columns"):
        Results(tmp_path, ["a"], CONFIGURATION)


@pytest.mark.parametrize("text", [None, "", "[]", "{"])
def test_scores_whose_making_is_unknown_are_refused(tmp_path: Path, text: str | None) -> None:
    _results(tmp_path)
    (tmp_path / "config.json").unlink()
    if text is not None:
        (tmp_path / "config.json").write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match="does not tell how"):
        _results(tmp_path)


def test_rows_are_a_table_of_what_they_say(tmp_path: Path) -> None:
    results = Results(tmp_path, ["naswot", "ntk"], CONFIGURATION)
    results.add(Row("|x~0|", 12.5, {"naswot": 0.5, "ntk": None}, "ntk undefined: singular; or so"))
    results.add(Row("|y~0|", 98.75, {"naswot": None, "ntk": None}, "naswot failed: no memory; ntk failed: the same"))
    results.add(Row("|z~0|", 50.0, {"naswot": 1.5, "ntk": 2.0}))
    table = results.table(["|z~0|", "|x~0|", "|y~0|"], "nas-zc quickstart")
    assert list(table.keys) == ["|z~0|", "|x~0|", "|y~0|"]
    statuses = {label: [STATUSES[code] for code in table[label].status] for label in table}
    assert statuses == {"naswot": ["ok", "ok", "failed"], "ntk": ["ok", "undefined", "failed"]}
    assert table["naswot"].values[:2].tolist() == [1.5, 0.5] and not table["ntk"].higher_is_better
    assert table.facts == {**CONFIGURATION, "command": "nas-zc quickstart"}


def test_restart_forgets_its_own_files_and_no_others(tmp_path: Path) -> None:
    for name in (*FILES, "mine.txt"):
        (tmp_path / name).write_text("old", encoding="utf-8")
    assert _results(tmp_path, restart=True).rows == {}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["config.json", "mine.txt", "scores.csv"]
