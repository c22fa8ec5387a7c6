"""The pages of NASWOT on text hold what committed scores give, and made scores what they were made to say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from naslib_zc_plugin.benchmarks import benchmark
from naslib_zc_plugin.store.parquet import write_parquet
from tests.examples import EXAMPLES, example, pages

pytest.importorskip("pyarrow")
nlp, bert = example("nlp_results"), example("flexibert_results")


def written(path: Path, keys: list[str], scores: dict[str, list[float | None]]) -> None:
    """An export of made scores; None is undefined."""
    proxies = {label: {"name": label, "version": 1, "higher_is_better": True, "options": {}} for label in scores}
    records: list[dict[str, Any]] = [
        {"key": key, "proxy": label, "version": 1, "value": value, "status": "ok" if value is not None else "undefined",
         "seconds": 0.1}
        for label, values in scores.items() for key, value in zip(keys, values)
    ]  # fmt: skip
    path.parent.mkdir(exist_ok=True)
    write_parquet(path, records, {"proxies": proxies, "architectures": len(keys)})


def asked(config: str) -> set[str]:
    plain = yaml.safe_load((EXAMPLES.parent / "configs" / f"{config}.yaml").read_text(encoding="utf-8"))
    return {each if isinstance(each, str) else each.get("label", each["name"]) for each in plain["proxies"]}


def cells(table: str, label: str) -> list[str]:
    (line,) = (line for line in table.splitlines() if line.startswith(f"| {label} |"))
    return line.strip("| ").split(" | ")


def test_the_configurations_make_the_columns_that_are_shown() -> None:
    assert {*nlp.KINDS, *nlp.PRINTED} <= asked("nasbench_nlp_activations")
    assert {*bert.KINDS, *bert.PRINTED, "params"} <= asked("flexibert_activations")


@pytest.mark.parametrize("page", ["nasbench_nlp", "flexibert"])
def test_pages_hold_what_the_committed_scores_give(page: str, shared: Path) -> None:
    pages.check(page, shared / "data")


def test_recurrent_cells_by_made_scores(shared: Path, tmp_path: Path) -> None:
    known = benchmark("nasbench_nlp", shared / "data").column("ptb_test_ppl")
    rng, keys = np.random.default_rng(0), list(known)[:80]
    worst_first = [-known[key] for key in keys[:50]]
    made: dict[str, list[float | None]] = {label: [*worst_first] for label in (*nlp.KINDS, "signs")}
    made["tanh"] = [*map(float, rng.normal(size=48)), None, None]
    written(tmp_path / "scores" / "nasbench_nlp_activations.parquet", keys[:50], made)
    parts: dict[str, list[float | None]] = {"sigmoid 2": [-known[key] for key in keys[40:]]}
    written(tmp_path / "scores" / "nasbench_nlp_partitions.parquet", keys[40:], parts)
    found = nlp.tables(shared / "data", tmp_path, resamples=20)
    assert cells(found["table 1"], "relu")[:6] == ["relu", "50", "0", "0.27", "1.000 [1.000, 1.000]", "+0.730"]
    assert cells(found["table 1"], "tanh")[1:4] == ["48", "2", "–"]
    assert cells(found["figure 2 kendall"], "trained")[2] == "1.00" and " (48)" in found["figure 2 pearson"]
    assert found["components"].splitlines()[2].startswith("| standardised | 48 | 2 | 0.8")
    assert cells(found["partitions"], "sigmoid 2")[:2] == ["sigmoid 2", "30"]  # ten of the forty are of the test set
    assert "loss" not in found


def test_encoders_by_made_scores(shared: Path, tmp_path: Path) -> None:
    known = benchmark("flexibert", shared / "data")
    made: dict[str, list[float | None]] = {
        "relu": [float(place) for place in range(len(known))],
        "softmax": [float(value) for value in np.random.default_rng(0).normal(size=len(known))],
    }
    made["relu+softmax"] = [None, *made["relu"][1:]]
    written(tmp_path / "scores" / "flexibert_activations.parquet", list(known.keys), made)
    found = bert.tables(bert.Results(shared / "data", tmp_path), resamples=0)
    assert cells(found["table 1"], "relu")[1:4] == ["499", "0", "0.47"]
    product = cells(found["table 1"], "hidden × depth")
    assert product[1] == "499" and float(product[4]) == pytest.approx(0.745, abs=0.01)  # a known baseline
    assert int(cells(found["table 1"], "relu+softmax")[2]) in (1, 2) and len(found) == 5
