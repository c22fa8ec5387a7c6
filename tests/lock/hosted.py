"""Searches of ours in NNI's experiment and in NASLib's Trainer: how their checkpoints were made, and are continued.

An architecture is worth what its hash says, so that a history is the same on every machine. ``python -m tests.lock
--stores nni`` (or ``naslib``) made the checkpoints, once, at the commit that brought them.
"""

from __future__ import annotations

import json
import math
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from unittest.mock import patch

from . import face
from .histories import worth

STORES = Path(__file__).parent / "stores"
TREE = Path(__file__).resolve().parents[3] / "NASLib"
IMAGES = {"source": "synthetic:normal", "n": 16, "size": 8}
SMALL = {"population": 4, "sample": 2}
WAYS: dict[str, dict[str, Any]] = {
    "RandomSearch": {"distinct": True},
    "AgingEvolution": {**SMALL, "mutation": "node"},
    "Area": {**SMALL, "pool": 8, "proxy": "naswot"},
    "WarmUp": {"pool": 8, "evaluate": 5, "around": {"name": "aging_evolution", **SMALL}, "proxy": "synflow"},
    "Move": {**SMALL, "kind": "children", "children": 2, "proxy": "params"},
}
ASKED: list[str] = []
"""What the last run evaluated, or looked up."""
STEPS, STOP = 20, 9
"""Evaluations of a search, and the one in which it is interrupted (NNI), or after which (NASLib)."""


def histories(host: str) -> dict[str, list[list[Any]]]:
    """What each search had evaluated in the end: key and fitness."""
    found: dict[str, list[list[Any]]] = json.loads((STORES / f"{host}.json").read_text(encoding="utf-8"))
    return found


def make(host: str) -> None:
    """Stop each search half way, keep its checkpoint; go on to the end, keep the history."""
    run = {"nni": in_nni, "naslib": in_naslib}[host]
    done = {}
    for name in WAYS:
        with tempfile.TemporaryDirectory() as folder:
            run(name, Path(folder), stop=True)
            shutil.copy(checkpoint(host, Path(folder)), STORES / f"{host}_{name}.ckpt")
            done[name] = run(name, Path(folder), resume=True)
    lines = [f"{json.dumps(name)}: {json.dumps(history)}" for name, history in done.items()]
    (STORES / f"{host}.json").write_text("{" + ",\n".join(lines) + "}\n", encoding="utf-8")


def checkpoint(host: str, folder: Path) -> Path:
    """Where a host keeps and looks for it."""
    if host == "nni":
        return folder / "lock" / "checkpoint" / "state.ckpt.torch"
    return folder / "search" / "model_0000007.pth"


def in_nni(name: str, folder: Path, stop: bool = False, resume: bool = False) -> list[list[Any]]:
    """Run a search in NNI, from its beginning or from the checkpoint that lies in the folder."""
    zc = face.host("nni")
    import nni
    from nni.nas.evaluator import Evaluator
    from nni.nas.experiment import NasExperiment
    from nni.nas.experiment.config import NasExperimentConfig
    from nni.nas.hub.pytorch import NasBench201

    ASKED.clear()

    class Made(Evaluator):  # type: ignore[misc]
        def _execute(self, model: Any) -> None:
            ASKED.append(zc.key_of(model.sample))
            if stop and len(ASKED) == STOP:
                raise KeyboardInterrupt
            number = worth(ASKED[-1])
            if number is None:
                raise RuntimeError("no luck")
            nni.report_final_result(number)

    data = {"dataset": IMAGES} if "proxy" in WAYS[name] else {}
    strategy = getattr(zc, name)(seed=3, **WAYS[name], **data)
    config = NasExperimentConfig("sequential", "simplified", "local")
    config.max_trial_number = STEPS
    config.experiment_working_directory = str(folder)
    with _own_list_of_experiments(folder):
        experiment = NasExperiment(NasBench201(4, 1), Made(), strategy, config, id="lock")
        experiment.save_checkpoint()  # its configuration alone: nothing has begun
        try:
            finished = experiment.resume() if resume else experiment.run()
        finally:
            experiment.stop()
    assert bool(finished) != stop
    return [list(each) for each in strategy.history]


@contextmanager
def _own_list_of_experiments(folder: Path) -> Iterator[None]:
    """NNI's list of experiments in a folder instead of the user's home, with the one that is resumed in it."""
    import nni.experiment.experiment
    import nni.nas.experiment.experiment
    from nni.tools.nnictl.config_utils import Experiments

    (home := folder / "list").mkdir(exist_ok=True)
    listed = partial(Experiments, home_dir=str(home))
    if not listed().get_all_experiments():
        listed().add_experiment("lock", "N/A", None, "local", "lock", logDir=str(folder))
    modules = (nni.experiment.experiment, nni.nas.experiment.experiment)
    with patch.object(modules[0], "Experiments", listed), patch.object(modules[1], "Experiments", listed):
        yield


class Table(Mapping[str, Any]):
    """NASLib's data of NAS-Bench-201, made up: what it does not have is not there."""

    def __getitem__(self, key: str) -> Any:
        ASKED.append(key)
        number = worth(key)
        if number is None:
            raise KeyError(key)
        return {
            "cifar10-valid": {
                "train_acc1es": [number],
                "eval_acc1es": [number / 2, number],
                "cost_info": {"train_time": 1.0},
            }
        }

    def __iter__(self) -> Iterator[str]:
        space = face.space("nasbench201")
        return map(space.key, range(space.size))

    def __len__(self) -> int:
        return int(face.space("nasbench201").size)


def naslib_is_there() -> bool:
    """Whether NASLib is on ``sys.path``, where it is put if its tree lies beside the checkout."""
    if find_spec("naslib") is None and (TREE / "naslib" / "__init__.py").exists():
        sys.path.append(str(TREE))
    return find_spec("naslib") is not None


class _Stopped(Exception):
    pass


def in_naslib(name: str, folder: Path, stop: bool = False, resume: bool = False) -> list[list[Any]]:
    """Run a search in NASLib's Trainer, from its beginning or from the checkpoint that lies in the folder."""
    assert naslib_is_there()
    ASKED.clear()
    zc = face.host("naslib")
    import_module(f"{zc.__name__}.compat").repair()
    from fvcore.common.config import CfgNode
    from naslib.defaults.trainer import Trainer
    from naslib.search_spaces import NasBench201SearchSpace

    (folder / "search").mkdir(parents=True, exist_ok=True)
    search = {"epochs": STEPS, "checkpoint_freq": 4, "seed": 3}
    config = CfgNode({"dataset": "cifar10", "save": str(folder), "search": search})
    options = dict(WAYS[name])
    if "proxy" in options:  # NASLib's networks are large: no network is built
        options["proxy"] = lambda graph: worth(zc.key_of(graph), "score ") or math.nan
    optimizer = getattr(zc, name)(config, **options)
    optimizer.adapt_search_space(NasBench201SearchSpace(), dataset_api={"nb201_data": Table()})

    def after(epoch: int) -> None:
        if stop and epoch == STOP:
            raise _Stopped

    more = {"resume_from": str(checkpoint("naslib", folder))} if resume else {}
    stopped = False
    try:
        Trainer(optimizer, config).search(after_epoch=after, **more)
    except _Stopped:
        stopped = True
    assert stopped == stop
    return [list(each) for each in optimizer.history]
