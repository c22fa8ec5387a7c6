"""The script that measures a device: on the processor, which is the one that is here, and what it must find."""

from __future__ import annotations

from typing import Any

import pytest
import torch

import naslib_zc_plugin as zc
from tests.examples import example

TINY = {"C": 4, "N": 1, "batch": 8}


@pytest.fixture(scope="module", name="throughput")
def _throughput() -> Any:
    return example("throughput")


def test_it_compares_and_measures(throughput: Any, capsys: pytest.CaptureFixture[str]) -> None:
    tiny = [word for name, value in TINY.items() for word in (f"--{name}", str(value))]
    assert throughput.main(["cpu", "--networks", "4", "--workers", "1", "--compared", "1", *tiny]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[1 : lines.index("")]] == zc.list_proxies()
    assert all(line.endswith("as it should be") for line in lines[1 : lines.index("")])
    workers, networks, pace, failed, minutes, _ = lines[-1].split()
    assert (workers, networks, failed) == ("1", "4", "0")
    assert float(minutes) == pytest.approx(15_625 / float(pace) / 60, rel=0.1)
    with pytest.raises(ValueError, match="too few for 2 workers"):
        throughput.measured("cpu", 5, 2, TINY)


def test_another_score_is_told(throughput: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Some scores are moved by a thousandth where the device's are made, and one fails there."""
    score, calls = zc.score, []

    def moved(net: torch.nn.Module, batch: Any, names: Any) -> Any:
        calls.append(net)
        found = score(net, batch, ["params", "snip", "gradalign1", "ntk"])
        if len(calls) % 2:  # the device comes first
            found["snip"].__dict__["value"] *= 1.001
            found["gradalign1"].__dict__["value"] *= 1.001
            found["params"].__dict__.update(value=None, status="failed", reason="out of memory")
        return found

    monkeypatch.setattr(zc, "score", moved)
    monkeypatch.setattr(zc, "list_proxies", lambda: ["params", "snip", "gradalign1", "ntk"])
    params, snip, gradalign1, ntk = throughput.compared("cpu", 1, TINY)
    assert "ok on the processor, failed there: out of memory" in params.wrong[0]
    assert snip.difference == pytest.approx(1e-3, rel=1e-3) and len(snip.wrong) == 1
    assert gradalign1.difference == pytest.approx(1e-3, rel=1e-3) and gradalign1.wrong == () and ntk.wrong == ()
