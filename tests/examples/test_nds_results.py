"""GradAlign's tables of NDS: what the example reads, compares and says, short of the campaigns."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml

from naslib_zc_plugin.benchmarks import benchmark
from naslib_zc_plugin.benchmarks.nds import NDS_ENAS
from naslib_zc_plugin.protocols import NDS
from naslib_zc_plugin.report.leaderboards import leaderboard
from tests.benchmarks import nds
from tests.examples import EXAMPLES, example
from tests.report.tables import column, table

results = example("nds_results")


def test_a_configuration_for_every_space_asks_for_what_is_printed() -> None:
    assert set(results.SPACES) == set(NDS)
    for space in NDS:
        given = yaml.safe_load((EXAMPLES.parent / "configs" / f"{space}.yaml").read_text(encoding="utf-8"))
        assert given["space"] == given["architectures"]["benchmark"] == space
        asked = {label for label, *_ in results.printed(space)} - {"tenas"} | {"ntk", "linear_regions"}
        assert asked <= set(given["proxies"])
    assert list(results.printed("nds_darts"))[0] == ("gradalign1", 0.545, 94.36)


def test_rows_stand_beside_what_is_printed(tmp_path: Path) -> None:
    assert results.table_of("nds_enas", tmp_path, tmp_path / "data", True) is None
    jobs = nds.jobs(NDS_ENAS, 30)
    jobs[7]["params"] += 1
    nds.write(tmp_path, jobs, "ENAS")
    said = results.table_of("nds_enas", tmp_path, tmp_path / "data", True)
    assert said == "30 networks; parameters other than ours: 1"
    truth = benchmark("nds_enas", tmp_path / "data").column(results.TRUTH)
    scores = {
        "naswot": column(list(truth.values()), "naswot"),
        "zen": column([-each for each in truth.values()], "zen"),
    }
    lines = results.beside(leaderboard(table(scores, tuple(truth)), truth, results.TRUTH), "nds_enas").splitlines()
    best, worst = max(truth.values()), min(truth.values())
    rows = {line.split(" | ")[0].strip("| "): line.strip("| ").split(" | ")[1:] for line in lines[2:]}
    assert rows["naswot"][0] == "0.370" and rows["naswot"][1].startswith("1.000")
    assert rows["naswot"][3:] == ["94.160", f"{best:.3f}", "30", "0"]
    assert rows["zen"][1].startswith("-1.000") and rows["zen"][4] == f"{worst:.3f}"
    assert set(rows) == {"naswot", "zen"}


def _ended(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> None:
    monkeypatch.setattr("sys.argv", ["nds_results.py", *map(str, arguments)])
    with pytest.raises(SystemExit) as ended:
        results.main()
    assert ended.value.code != 0


def test_a_folder_without_official_files_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _ended(monkeypatch, tmp_path / "none", tmp_path, tmp_path)
    assert "none has none of NDS' files, such as DARTS.json" in capsys.readouterr().err


def test_a_damaged_official_file_is_told_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "Amoeba.json").write_text("<html>", encoding="utf-8")
    _ended(monkeypatch, tmp_path, tmp_path, tmp_path)
    told = capsys.readouterr().err
    assert "Amoeba.json: expected NDS' Amoeba.json, a list of trained networks" in told and told.count("\n") == 1


def test_the_folder_of_stores_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("provenance", "prepare", "run"):
        monkeypatch.setattr(results, name, lambda *_, **__: None)
    monkeypatch.setattr(results, "engine", lambda _: lambda: None)
    store = tmp_path / "new" / "stores" / "nds_enas.db"
    assert results.scored(SimpleNamespace(store=str(store))) == store and store.exists()


@pytest.mark.parametrize("option", ["--number", "--batch-size"])
def test_numbers_below_one_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], option: str
) -> None:
    _ended(monkeypatch, tmp_path, tmp_path, tmp_path, option, "0")
    assert "must be at least 1, found 0" in capsys.readouterr().err


def test_spaces_without_an_official_file_are_left_out(tmp_path: Path) -> None:
    assert all(results.table_of(space, tmp_path, tmp_path, False) is None for space in NDS)
