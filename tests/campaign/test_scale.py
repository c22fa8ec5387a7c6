"""The size of NAS-Bench-101 in short form: what a part of it takes, projected on the whole by the processor's time."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.campaign import scale

PART = 6_000
PARTS = scale.ARCHITECTURES / PART


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, float]:
    path = tmp_path_factory.mktemp("scale") / "scale.db"
    return path, scale.write(path, PART, time.process_time)


def test_the_store_takes_20_000_scores_a_second(filled: tuple[Path, float]) -> None:
    assert PART * len(scale.LABELS) / filled[1] > 20_000


def test_what_is_done_is_known_in_5_seconds_of_the_whole(filled: tuple[Path, float]) -> None:
    counted, told = scale.known(filled[0], PART, time.process_time)
    assert counted * PARTS < 5 and told * PARTS < 5


def test_the_whole_is_tabulated_in_30_seconds_and_1_gb(filled: tuple[Path, float]) -> None:
    _, busy, peak = scale.tabulated(filled[0], PART)
    assert busy * PARTS < 30
    # 24 bytes a score (value, status, seconds; read in blocks), besides what Python and numpy are.
    assert peak + 24 * len(scale.LABELS) * scale.ARCHITECTURES / 1e9 < 1
