"""What every test shares: one torch thread by default, and reference data if there are any."""

from __future__ import annotations

import os
from pathlib import Path

import hypothesis
import pytest

# Before anything imports torch: the tests' networks are small, and threads only get in each other's way.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# A run that is red is red again the next time, on a slow machine as on a fast one.
hypothesis.settings.register_profile("repeatable", deadline=None, derandomize=True)
hypothesis.settings.load_profile("repeatable")

REPOSITORY = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def shared() -> Path:
    """Folder with golden scores and benchmark tables, which is no part of the repository."""
    for folder in (REPOSITORY.parent / "shared", REPOSITORY / "shared"):
        if (folder / "golden").is_dir():
            return folder
    pytest.skip("no folder `shared` with reference data beside the repository")
