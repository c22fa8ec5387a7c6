"""What one does with a store on the command line: export, merge, one architecture among the others."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Callable

import numpy as np
import pytest
import yaml
from scipy.stats import rankdata
from typer.testing import CliRunner, Result

from naslib_zc_plugin.campaign.store import read_table, records
from naslib_zc_plugin.cli._app import app
from tests.campaign.conftest import IMAGES

Nas = Callable[..., Result]


@pytest.fixture
def nas(toy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Nas:
    """The command line in a folder with a campaign that is done."""
    plain = {
        "space": "toy", "architectures": ["net-1", "net-2", "net-3", "net-4"], "images": IMAGES,
        "proxies": ["naswot", "synflow"], "preset": "lightweight", "batch": {"batch_size": 8},
    }  # fmt: skip
    (tmp_path / "toy.yaml").write_text(yaml.safe_dump(plain))
    monkeypatch.chdir(tmp_path)

    def run(*words: str) -> Result:
        return CliRunner().invoke(app, list(words))

    done = run("score", "toy.yaml")
    assert done.exit_code == 0, done.output
    return run


def test_scores_are_exported_and_the_canonical_form_is_what_anyone_would_get(nas: Nas, tmp_path: Path) -> None:
    assert nas("export", "toy.db", "all.jsonl").stdout == "8 scores written to all.jsonl.\n"
    lines = [json.loads(line) for line in (tmp_path / "all.jsonl").read_text().splitlines()]
    assert lines == list(records("toy.db"))
    assert nas("export", "toy.db", "same.csv", "--canonical").exit_code == 0
    header, *rows = (tmp_path / "same.csv").read_text().splitlines()
    assert header == "key,proxy,version,value,status,reason" and len(rows) == 8 and rows == sorted(rows)
    done = nas("export", "toy.db", "scores.xml")
    assert done.exit_code == 2 and "end it in .parquet, .csv, .jsonl, .json" in done.stderr
    done = nas("export", "none.db", "scores.csv")
    assert done.exit_code == 2 and "no such store" in done.stderr and not (tmp_path / "scores.csv").exists()


def test_parts_are_merged(nas: Nas) -> None:
    assert nas("score", "toy.yaml", "--store", "other.db").exit_code == 0
    assert nas("merge", "all.db", "toy.db", "other.db").stdout == "8 scores added to all.db.\n"
    assert [(r["key"], r["proxy"], r["value"]) for r in records("all.db")] == [
        (r["key"], r["proxy"], r["value"]) for r in records("toy.db")
    ]


def test_one_architecture_is_shown_among_the_others(nas: Nas) -> None:
    ranked = sorted((r["value"], r["key"]) for r in records("toy.db") if r["proxy"] == "synflow")
    for place, (value, key) in enumerate(ranked):
        done = nas("score", "toy.yaml", "--arch", key)
        assert done.exit_code == 0, done.output
        (line,) = [line.split() for line in done.stdout.splitlines() if line.startswith("synflow")]
        assert float(line[1]) == pytest.approx(value, rel=1e-5)
        assert float(line[2]) == pytest.approx(100 * (place + 0.5) / 4)
        assert line[3:5] == ["4", "scored,"]


def test_one_architecture_has_a_number_by_an_aggregate_among_the_others(nas: Nas, tmp_path: Path) -> None:
    text = (tmp_path / "toy.yaml").read_text().replace("- synflow", "- rank_sum:naswot,synflow")
    (tmp_path / "toy.yaml").write_text(text)  # the same proxies
    found = read_table("toy.db")
    by_hand = sum(rankdata(np.nan_to_num(column.values, nan=-1e9)) for column in found.columns.values())
    for key, number in zip(found.keys, by_hand):
        done = nas("score", "toy.yaml", "--arch", key)
        assert done.exit_code == 0, done.output
        (line,) = [line.split() for line in done.stdout.splitlines() if line.startswith("rank_sum:")]
        assert float(line[1]) == number
        below, equal = (by_hand < number).sum(), (by_hand == number).sum()
        assert float(line[2]) == pytest.approx(100 * (below + equal / 2) / 4, abs=0.05)


def test_one_architecture_without_others_or_with_others_that_do_not_compare(nas: Nas, tmp_path: Path) -> None:
    done = nas("score", "toy.yaml", "--arch", "net-9", "--store", "new.db")
    assert done.exit_code == 0 and "–" in done.stdout and "A score by itself tells little" in done.stdout
    assert not (tmp_path / "new.db").exists()
    (tmp_path / "toy.yaml").write_text((tmp_path / "toy.yaml").read_text() + "seed: 3\n")
    done = nas("score", "toy.yaml", "--arch", "net-9")
    assert done.exit_code == 2 and "seed: 0 → 3" in done.stderr
    done = nas("score", "toy.yaml", "--arch", "nat-9")
    assert done.exit_code == 2 and "'nat-9' is no toy" in done.stderr
