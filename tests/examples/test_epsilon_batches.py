"""epsilon by size of the batch: what is scored, where it goes on, and what medians and quartiles are of."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import kendalltau, spearmanr

import naslib_zc_plugin as zc
from naslib_zc_plugin.probes import Probe
from naslib_zc_plugin.protocols import protocol as published_protocol
from naslib_zc_plugin.spaces import space
from tests.examples import EXAMPLES, example

batches = example("epsilon_batches")
KEY = "|nor_conv_3x3~0|+|nor_conv_1x1~0|skip_connect~1|+|skip_connect~0|none~1|nor_conv_3x3~2|"


@pytest.fixture
def source() -> Probe:
    rng = np.random.default_rng(0)
    images = rng.integers(256, size=(20, 8, 8, 3)).astype(np.uint8)
    return Probe("cifar10.npz", images, np.arange(20) % 10, 10)


def test_every_batch_is_of_its_size_and_scored_as_it_would_be_alone(
    source: Probe, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = batches.scored(KEY, source, sizes=(4, 16), draws=2)
    protocol = published_protocol("epsilon")
    network = space("nasbench201").build(KEY, num_classes=1)
    for size, values in found.items():
        for seed, value in enumerate(values):
            chosen = protocol.__class__(**{**vars(protocol), "batch_size": int(size)})
            x, y = chosen.batch(source, "nasbench201", seed)
            assert len(x) == int(size)
            assert value == zc.score(network, (x, y), ["epsilon"])["epsilon"].value is not None
    assert len({value for values in found.values() for value in values}) == 4


def test_it_goes_on_where_it_was(source: Probe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setattr(batches, "scored", lambda key, source: asked.append(key) or {"8": [1.0]})
    batches.continued(tmp_path / "a.jsonl", source, 3)
    first = (tmp_path / "a.jsonl").read_text(encoding="utf-8")
    batches.continued(tmp_path / "a.jsonl", source, 5)
    assert len(asked) == len(set(asked)) == 5
    lines = (tmp_path / "a.jsonl").read_text(encoding="utf-8")
    assert lines.startswith(first) and [json.loads(line)["key"] for line in lines.splitlines()] == asked


def test_medians_and_quartiles(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    truth = {f"k{place}": float(value) for place, value in enumerate(rng.normal(size=30))}
    noise = rng.normal(size=(30, 4))
    rows = [
        {"key": key, "scores": {"8": [None if key == "k0" else value + float(n) for n in noise[place]], "16": [value]}}
        for place, (key, value) in enumerate(truth.items())
    ]
    path = tmp_path / "epsilon_batches_cifar10.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    small, large = batches.spreads(path, truth)
    values = np.array(list(truth.values()))[1:]
    for found, oracle in ((small.rho, spearmanr), (small.tau, kendalltau)):
        each = [oracle(values + noise[1:, draw], values)[0] for draw in range(4)]
        assert found == pytest.approx((np.median(each), *np.quantile(each, [0.25, 0.75])))
    assert (small.size, small.architectures, small.kept) == (8, 30, pytest.approx(29 / 30))
    assert large.rho == pytest.approx((1, 1, 1))
    (line,) = batches.lines({"cifar10": [small, large]})
    assert line.places.tolist() == [3, 4] and line.low[0] == pytest.approx(small.rho[1])
    assert batches.table({"cifar10": [small]}).splitlines()[2].startswith("| CIFAR-10 | 8 | 30 | 96.7 % | ")


def test_the_page_holds_what_the_committed_scores_give(shared: Path) -> None:
    results = EXAMPLES.parent / "docs" / "results"
    page = (results / "epsilon.md").read_text(encoding="utf-8")
    found = batches.table(batches.read(shared / "data", results))
    assert batches.replaced(page, {"figure 4": found}) == page
