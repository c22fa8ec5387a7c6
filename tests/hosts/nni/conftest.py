"""What the tests of NNI as a host share."""

from __future__ import annotations

from functools import partial
from importlib.util import find_spec
from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """NNI's list of experiments, in a folder of the test instead of the user's home."""
    folder = tmp_path / "nni-experiments"
    if find_spec("nni") and find_spec("pytorch_lightning"):
        import nni.experiment.experiment
        import nni.nas.experiment.experiment
        from nni.tools.nnictl.config_utils import Experiments

        folder.mkdir()
        for module in (nni.experiment.experiment, nni.nas.experiment.experiment):
            monkeypatch.setattr(module, "Experiments", partial(Experiments, home_dir=str(folder)))
    return folder
