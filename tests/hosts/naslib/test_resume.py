"""A search that is stopped goes on from NASLib's own checkpoint as if it had not been."""

from __future__ import annotations

import json
import multiprocessing
import os
import shutil
import signal
import time
from pathlib import Path
from typing import Any

import pytest
import torch

from naslib_zc_plugin.spaces.nasbench201 import SPACE
from tests.hosts.naslib.needs import needs
from tests.hosts.naslib.searches import WAYS, Table, adapted, config, hosted, trainer

zc = needs("naslib_zc_plugin.hosts.naslib")
checkpoints = needs("naslib_zc_plugin.hosts.naslib.optimizers")
optimizers = needs("naslib.optimizers")

EPOCHS = 16


def proxy(graph: Any) -> float:
    """A score that takes no time."""
    return float(SPACE.index(zc.key_of(graph)) * 31 % 1000)


def searching(name: str, folder: Path, freq: int = 4) -> Any:
    """An optimizer with a checkpoint every few epochs."""
    more: dict[str, Any] = {"proxy": proxy} if name in ("Area", "WarmUp", "Move") else {}
    if name == "Move":
        more.update(population=8, children=1)  # fewer graphs to build
    return hosted(name, config(folder, EPOCHS, checkpoint_freq=freq), **more)


STATES = Path(__file__).resolve().parents[1] / "states"


class Stopped(Exception):
    """In the midst of a search."""


def stop_after(last: int) -> Any:
    def after(epoch: int) -> None:
        if epoch == last:
            raise Stopped

    return after


class Flat(Table):
    """Every architecture is there, and equal."""

    def __getitem__(self, key: str) -> Any:
        return {"cifar10-valid": {"train_acc1es": [1.0], "eval_acc1es": [1.0], "cost_info": {"train_time": 1.0}}}


@pytest.mark.parametrize("name", WAYS)
def test_a_stopped_search_goes_on_as_if_it_had_not(name: str, tmp_path: Path) -> None:
    whole = searching(name, tmp_path / "whole")
    trainer(whole).search()
    first = searching(name, tmp_path / "cut")
    with pytest.raises(Stopped):
        trainer(first).search(after_epoch=stop_after(9))
    again = searching(name, tmp_path / "cut")
    trainer(again).search(resume_from=str(tmp_path / "cut" / "search" / "model_0000007.pth"))
    assert again.history == whole.history
    assert again.state_dict() == whole.state_dict()
    asked = again.dataset_api["nb201_data"].asked
    assert {key for key, _ in whole.history[8:]} <= set(asked)
    # A new optimizer, of which evaluate() loads the last checkpoint.
    result = trainer(fresh := searching(name, tmp_path / "cut")).evaluate(dataset_api={"nb201_data": Table()})
    assert fresh.history == whole.history
    assert result == max(value for _, value in whole.history if value is not None)


@pytest.mark.parametrize("name", ["AgingEvolution", "WarmUp", "Move"])
def test_checkpoints_of_earlier_releases_are_continued(name: str, tmp_path: Path) -> None:
    """Written after the eighth of sixteen epochs, before both hosts had one session."""
    again = searching(name, tmp_path)
    trainer(again).search(resume_from=str(STATES / f"naslib_{name}.pth"))
    histories = json.loads((STATES / "naslib_histories.json").read_text(encoding="utf-8"))
    assert [list(trial) for trial in again.history] == histories[name]


def killed(name: str, folder: Path) -> None:
    optimizer = searching(name, folder)
    trainer(optimizer).search(after_epoch=lambda epoch: time.sleep(0.02))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork()")
@pytest.mark.parametrize("name", ["AgingEvolution", "WarmUp"])
def test_a_killed_process_goes_on(name: str, tmp_path: Path) -> None:
    whole = searching(name, tmp_path / "whole")
    trainer(whole).search()
    process = multiprocessing.get_context("fork").Process(target=killed, args=(name, tmp_path / "cut"))
    process.start()
    last = tmp_path / "cut" / "search" / "last_checkpoint"
    while process.is_alive() and not (last.exists() and "0000007" in last.read_text(encoding="utf-8")):
        time.sleep(0.005)
    assert process.pid is not None
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    assert process.exitcode == -signal.SIGKILL
    assert not (last.parent / "model_final.pth").exists()
    again = searching(name, tmp_path / "cut")
    trainer(again).search(resume_from=str(last.parent / last.read_text(encoding="utf-8")))
    assert again.history == whole.history


def test_in_another_folder_the_statistics_are_whole(tmp_path: Path) -> None:
    whole = searching("AgingEvolution", tmp_path / "whole")
    trainer(whole).search()
    with pytest.raises(Stopped):
        trainer(searching("AgingEvolution", tmp_path / "cut")).search(after_epoch=stop_after(13))
    checkpoint = shutil.copy(tmp_path / "cut" / "search" / "model_0000011.pth", tmp_path / "kept.pth")

    def trajectory(folder: str) -> list[Any]:
        found = json.loads((tmp_path / folder / "errors.json").read_text(encoding="utf-8"))
        return [found[each] for each in ("train_acc", "valid_acc", "test_acc", "train_time")]

    there, elsewhere = searching("AgingEvolution", tmp_path / "cut"), searching("AgingEvolution", tmp_path / "other")
    for optimizer in (there, elsewhere):
        trainer(optimizer).search(resume_from=checkpoint)
        assert optimizer.history == whole.history
    # In the same folder NASLib writes those after the checkpoint only.
    assert repr(trajectory("cut")) == repr([each[12:] for each in trajectory("whole")])
    assert repr(trajectory("other")) == repr(trajectory("whole"))


def test_checkpoints_of_others_are_refused(tmp_path: Path) -> None:
    trainer(searching("AgingEvolution", tmp_path / "own", EPOCHS)).search()
    own = str(tmp_path / "own" / "search" / "model_final.pth")
    with pytest.raises(ValueError, match="a state of 'AgingEvolution' cannot be continued by RandomSearch"):
        trainer(searching("RandomSearch", tmp_path / "a")).search(resume_from=own)
    given = config(tmp_path / "theirs", 2, fidelity=-1)
    trainer(adapted(optimizers.RandomSearch(given), {"nb201_data": Flat()}), given).search()
    with pytest.raises(ValueError, match="no checkpoint of a search of ours: it holds"):
        trainer(searching("RandomSearch", tmp_path / "b")).search(
            resume_from=str(tmp_path / "theirs" / "search" / "model_final.pth")
        )


@pytest.mark.parametrize("size", [0, 5, 500])
def test_a_state_survives_the_checkpointer(size: int, tmp_path: Path) -> None:
    checkpointer = needs("naslib.utils").Checkpointer
    saved, other = {"keys": ["|ä~0|"] * size, "value": -0.1, "none": None}, {"of": ["another", "length"]}
    loaded: list[Any] = []
    saving = checkpointer(model=checkpoints.StateModule(lambda: saved, loaded.append), save_dir=str(tmp_path))
    saving.save("model", iteration=size)
    loading = checkpointer(model=checkpoints.StateModule(lambda: other, loaded.append), save_dir=str(tmp_path))
    extra = loading.resume_or_load("", resume=True)
    assert loaded == [saved]
    assert extra["iteration"] == size


@pytest.mark.parametrize("damage", [b"", b"{", b"[1]", b"\xff\xfe", b"null"])
def test_damaged_states_are_refused(damage: bytes) -> None:
    with pytest.raises(ValueError, match="a damaged checkpoint"):
        checkpoints.unpacked(torch.tensor(list(damage), dtype=torch.uint8))


def test_states_that_json_does_not_know_are_not_written() -> None:
    with pytest.raises(ValueError, match="JSON"):
        checkpoints.packed({"value": float("nan")})


@pytest.mark.parametrize("part", ["search", "history", "scores"])
def test_incomplete_states_are_refused(part: str, tmp_path: Path) -> None:
    optimizer = searching("RandomSearch", tmp_path)
    state = optimizer.state_dict()
    del state[part]
    with pytest.raises(ValueError, match=f"a damaged state of a search: KeyError: '{part}'"):
        optimizer.load_state_dict(state)
