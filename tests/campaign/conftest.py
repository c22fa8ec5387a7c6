"""The toy space as an installed distribution, and a campaign on it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Callable

import pytest

from naslib_zc_plugin.campaign.config import Config

IMAGES = {"source": "synthetic:normal", "n": 16, "size": 8, "classes": 4, "seed": 0}


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder on the search path, of this process and of its workers, that registers the space and engine ``toy``."""
    site = tmp_path / "site"
    information = site / "toy_space-1.dist-info"
    information.mkdir(parents=True)
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: toy-space\nVersion: 1\n")
    (information / "entry_points.txt").write_text(
        "[naslib_zc_plugin.spaces]\ntoy = tests.campaign.toy:SPACE\n"
        "[naslib_zc_plugin.engines]\ntoy = tests.campaign.toy_worker:engine\n"
    )
    monkeypatch.syspath_prepend(str(site))
    return site


@pytest.fixture
def campaign(toy: Path, tmp_path: Path) -> Callable[..., Config]:
    """Makes a campaign on the toy space; the arguments change its fields."""

    def make(**changes: Any) -> Config:
        plain: dict[str, Any] = {
            "space": "toy",
            "architectures": 12,
            "images": IMAGES,
            "proxies": ["naswot", "snip", "zen"],
            "preset": "lightweight",
            "batch": {"batch_size": 8},
            "store": str(tmp_path / "scores.db"),
            **changes,
        }
        return Config(**plain)

    return make
