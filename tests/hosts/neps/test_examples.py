"""The examples with NePS run, and the page of results says what the stored runs give."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.examples import EXAMPLES, example
from tests.hosts.neps.needs import needs

needs("neps")
RESULTS = EXAMPLES.parent / "docs" / "results"


def test_the_search(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("sklearn", reason="needs scikit-learn, the extra [cli]")
    search = example("neps_search")
    monkeypatch.setattr(search, "train", lambda model, lr: {"objective_to_minimize": lr})
    search.main(str(tmp_path / "run"), trials=3)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[:2] for line in lines[:3]] == [["1", "warm_up"], ["2", "warm_up"], ["3", "warm_up"]]
    scores = [float(line.split()[2]) for line in lines[:3]]
    assert scores == sorted(scores, reverse=True)


def test_the_page_says_what_the_runs_give(tmp_path: Path) -> None:
    pytest.importorskip("pandas")
    results = example("neps_results")
    found = results.run(RESULTS / "scores" / results.RUNS, 30, ["nothing new"])
    page = (RESULTS / "neps.md").read_text(encoding="utf-8")
    assert len(found) == 14
    assert results.table(found) in page and results.table(found, "evolution") in page
    few = results.run(RESULTS / "scores" / results.RUNS, 6, ["nothing new"], is_bayesian=True)
    assert results.table(few) in page and results.table(few, "bayesian") in page and len(few) == 2


def test_a_run_of_the_page(shared: Path, tmp_path: Path) -> None:
    """The first runs are those that are stored."""
    pytest.importorskip("pyarrow")
    results = example("neps_results")
    results.load(shared / "data", RESULTS)
    names = ["random", "as it is", "evolution"]
    again = results.run(tmp_path / "runs.jsonl", 1, names)
    stored = results.run(RESULTS / "scores" / results.RUNS, 30, ["nothing new"])
    assert again == {name: stored[name][:1] for name in names}
