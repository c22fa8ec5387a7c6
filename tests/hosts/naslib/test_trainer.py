"""Every optimizer in NASLib's Trainer, on what training really gave: 50 epochs, and what it found."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from naslib_zc_plugin.benchmarks import benchmark
from tests.hosts.naslib.needs import needs
from tests.hosts.naslib.searches import IMAGES, adapted, config

zc = needs("naslib_zc_plugin.hosts.naslib")

SCORED = {"proxy": "naswot", "data": {"dataset": IMAGES}}
OPTIMIZERS: dict[str, dict[str, Any]] = {
    "RandomSearch": {},
    "AgingEvolution": {"preset": "nats_bench"},
    "Area": {"preset": "area", "pool": 12, **SCORED},
    "WarmUp": {"pool": 12, "around": "aging_evolution", **SCORED},
    "Move": {"kind": "children", "children": 1, "population": 40, **SCORED},
}


@pytest.mark.parametrize(("name", "lightweight"), [*((name, False) for name in OPTIMIZERS), ("AgingEvolution", True)])
def test_fifty_epochs_on_the_real_table(name: str, lightweight: bool, shared: Path, tmp_path: Path) -> None:
    real = zc.dataset_api("nasbench201", shared / "data")
    optimizer = adapted(getattr(zc, name)(config(tmp_path, 50, checkpoint_freq=20), **OPTIMIZERS[name]), real)
    loop = needs("naslib.defaults.trainer").Trainer(optimizer, optimizer.config, lightweight_output=lightweight)
    loop.search()
    accuracy = benchmark("nasbench201", shared / "data").column("cifar10_test_200_half_train")
    assert [value for _, value in optimizer.history] == [accuracy[key] for key, _ in optimizer.history]
    best = max(accuracy[key] for key, _ in optimizer.history)
    assert loop.evaluate(dataset_api=real) == best
    assert accuracy[zc.key_of(optimizer.get_final_architecture())] == best
    written = json.loads((tmp_path / "errors.json").read_text(encoding="utf-8"))
    trajectory = written[1] if lightweight else written
    assert trajectory["valid_acc"] == [
        max(accuracy[key] for key, _ in optimizer.history[: epoch + 1]) for epoch in range(50)
    ]
    assert sorted(path.name for path in (tmp_path / "search").iterdir()) == [
        "last_checkpoint", "model_0000019.pth", "model_0000039.pth", "model_final.pth",
    ]  # fmt: skip
