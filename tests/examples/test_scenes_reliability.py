"""The script that measures what accuracies on scenes are worth: it goes on where it was stopped."""

from __future__ import annotations

import json
import runpy
from pathlib import Path
from typing import Any

import pytest

from naslib_zc_plugin.benchmarks import benchmark
from naslib_zc_plugin.files import DataError
from tests.conftest import REPOSITORY

pytest.importorskip("sklearn")
SCRIPT = runpy.run_path(str(REPOSITORY / "examples" / "scenes_reliability.py"))
TINY: dict[str, Any] = {
    "images": {"source": "scenes", "n": 60, "size": 8, "pieces": 0}, "train": 30, "validate": 10,
    "network": {"C": 2, "N": 1},
}  # fmt: skip


def test_a_longer_sample_begins_with_the_shorter_one() -> None:
    assert SCRIPT["sample"](20)[:12] == SCRIPT["sample"](12)


def test_only_what_is_left_is_trained(tmp_path: Path) -> None:
    keys, path = SCRIPT["sample"](3), tmp_path / "scenes.jsonl"
    first = SCRIPT["measure"](path, keys[:2], [0, 1], TINY)
    assert [(line["key"], line["seed"]) for line in first] == [(key, seed) for seed in (0, 1) for key in keys[:2]]
    before = path.read_text()
    assert SCRIPT["measure"](path, keys[:2], [0, 1], TINY) == first and path.read_text() == before
    path.write_text("".join(before.splitlines(keepends=True)[:3]))  # stopped in the last training
    again = SCRIPT["measure"](path, keys[:2], [0, 1], TINY)
    plain = [{name: line[name] for name in line if name != "seconds"} for line in (*first, *again)]
    assert plain[:4] == plain[4:]
    with pytest.raises(DataError, match="name another file"):
        SCRIPT["measure"](path, keys, [0, 1], {**TINY, "batch_size": 8})


def test_the_result_is_that_of_the_accuracies() -> None:
    keys = SCRIPT["sample"](30)
    real = benchmark("nasbench201").column("cifar10_test_200")
    lines = [{"key": key, "seed": seed, "test": real[key] - seed, "seconds": 5.0} for key in keys for seed in (0, 1)]
    said = SCRIPT["table"](json.loads(json.dumps(lines)), keys, [0, 1])
    assert said[0] == "30 networks, seeds 0 and 1; 5.0 s a training (median)"
    assert said[2].startswith("between the seeds: rho 1.00 [1.00, 1.00], tau 1.00")
    assert said[3].startswith("with CIFAR-10 (mean of the seeds): rho 1.00")
