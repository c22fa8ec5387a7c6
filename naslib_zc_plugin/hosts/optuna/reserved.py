"""What is made once for a study, whoever comes first: a claim by the name of a reserved study, and what was made in it.

Creating a study of a name succeeds once in every storage of Optuna. The process that has created the reserved study
makes what is wanted, and the others wait for it. If it is killed, the next of the same machine goes on from what was
made by then, under the name with a number behind it.
"""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Sequence
from typing import Any, Callable

import optuna
from optuna import Study
from optuna.trial import TrialState

PATIENCE = 600.0
"""Seconds without any progress of the process that others wait for."""
PROGRESS = "zc_progress"
"""User attribute of a reserved study that changes while somebody works at it, besides its trials."""
_CLAIM, _DONE, _SETTINGS = "zc_claimed_by", "zc_done", "zc_settings"
_LONGEST_PAUSE = 1.0
_KEEPS_ALIVE = os.name == "posix"  # where a process can be asked for without harm


def once(
    study: Study, purpose: str, settings: dict[str, Any], make: Callable[[Study, Sequence[Study]], None],
    patience: float = PATIENCE,
) -> Study:  # fmt: skip
    """Return the reserved study in which something was made; make it where nobody has.

    Args:
        study: the study that it belongs to.
        purpose: names it.
        settings: what it depends on, values that JSON knows.
        make: makes it in the reserved study, given those of claims whose processes are gone.
        patience: seconds without progress, after which waiting for another process ends.

    Raises:
        ValueError: it was made with other settings.
        TimeoutError: another process has claimed it, and neither goes on nor is known to be gone.
    """
    earlier: list[Study] = []
    while True:
        number = f" {len(earlier) + 1}" if earlier else ""
        name = f"{study.study_name} (zero-cost {purpose}){number}"
        try:
            mine = optuna.create_study(study_name=name, storage=study._storage, direction="maximize")
        except optuna.exceptions.DuplicatedStudyError:
            theirs = _wait(study, name, purpose, settings, patience)
            if theirs is not None and theirs.user_attrs.get(_DONE):
                return theirs
            earlier += [theirs] if theirs is not None else []
            continue
        return _make(mine, earlier, settings, make)


def _make(
    mine: Study, earlier: Sequence[Study], settings: dict[str, Any], make: Callable[[Study, Sequence[Study]], None]
) -> Study:
    mine.set_user_attr(_SETTINGS, settings)
    mine.set_user_attr(_CLAIM, _this_process())
    try:
        make(mine, earlier)
    except Exception:
        optuna.delete_study(study_name=mine.study_name, storage=mine._storage)  # nothing came of it: free again
        raise
    except BaseException:
        mine.set_user_attr(_CLAIM, None)  # stopped: who comes next goes on
        raise
    mine.set_user_attr(_DONE, True)
    return mine


def _wait(study: Study, name: str, purpose: str, settings: dict[str, Any], patience: float) -> Study | None:
    """Return a reserved study that is done, or whose process is gone; None if it is there no more."""
    pause, seen, since = 0.05, (-1, None), time.monotonic()
    while True:
        try:
            theirs = optuna.load_study(study_name=name, storage=study._storage)
            known = theirs.user_attrs
            count = len(theirs.get_trials(deepcopy=False)), known.get(PROGRESS)
        except KeyError:
            return None
        if _SETTINGS in known and known[_SETTINGS] != settings:
            raise ValueError(
                f"the {purpose} of the study {study.study_name!r} was made with {known[_SETTINGS]}, and is asked for "
                f"with {settings}: give the earlier settings, or delete the study {name!r} (optuna.delete_study)"
            )
        if known.get(_DONE) or (_CLAIM in known and _is_gone(known[_CLAIM])):
            return theirs
        if count != seen:
            seen, since = count, time.monotonic()
        if time.monotonic() - since > patience:
            raise TimeoutError(
                f"the {purpose} of the study {study.study_name!r} was begun by {known.get(_CLAIM)}, and nothing has "
                f"come of it for {patience:g} s. If that process was killed, free its claim by "
                f"optuna.delete_study(study_name={name!r}, storage=...) and start again. {stale_advice(study)}".strip()
            )
        time.sleep(pause)
        pause = min(2 * pause, _LONGEST_PAUSE)


def stale_advice(study: Study) -> str:
    """Return what to do about trials that are RUNNING; empty where there are none."""
    running = [trial.number for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))]
    if not running:
        return ""
    return (
        f"RUNNING trials of {study.study_name!r}: {', '.join(map(str, running))}. Those whose process was killed stay "
        "so where the storage has no heartbeat (RDBStorage(url, heartbeat_interval=60)): "
        "study.tell(NUMBER, state=optuna.trial.TrialState.FAIL) ends one, and "
        "study.enqueue_trial(study.trials[NUMBER].params) has it evaluated again"
    )


def _this_process() -> dict[str, Any]:
    return {"machine": _machine(), "process": os.getpid()}


def _machine() -> str:
    """Return a name of this machine, and of the space of its process numbers."""
    try:
        space = os.readlink("/proc/self/ns/pid")
    except OSError:
        space = ""
    return f"{platform.node()} {space}".strip()


def _is_gone(claim: dict[str, Any] | None) -> bool:
    """Return whether the process of a claim is known to have ended."""
    if claim is None:
        return True
    if not _KEEPS_ALIVE or claim["machine"] != _machine():
        return False
    try:
        os.kill(claim["process"], 0)  # the signal 0 asks whether it is there
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False
