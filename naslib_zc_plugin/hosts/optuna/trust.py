"""How a proxy and the results of a study agree so far, and how far it is followed."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import astuple

from optuna import Study
from optuna.exceptions import UpdateFinishedTrialError
from optuna.study import StudyDirection
from optuna.trial import TrialState

from naslib_zc_plugin.hosts.optuna.judge import BY, CONTROL, PREFIX, logger
from naslib_zc_plugin.strategies import ProxyAgreement, Trust, is_control, proxy_agreement

_LOST = "_lost"
_ENOUGH = 8
"""After so many results in a row that are no better than the best before, a warm-up ends: samplers that have started
choose better than what is left of it, by a good proxy too."""


def agreement(study: Study, proxy: str) -> ProxyAgreement:
    """Return how a proxy's scores agree with the values of the trials that were trained, the first of several values.

    Args:
        study: the study.
        proxy: the proxy's name, such as ``"recommended"``.

    >>> print(agreement(study, "recommended"))  # doctest: +SKIP
    0.41 [0.12, 0.63] (20)
    """
    both = [(score, value) for score, value in _told(study, PREFIX + proxy) if score is not None]
    return proxy_agreement([score for score, _ in both], [value for _, value in both])


def trusted(study: Study, attribute: str, trust: str, number: int) -> tuple[float, bool]:
    """Return how far a study follows a score in a trial, from 0 to 1, and whether the trial is a control.

    Always wholly, or by :class:`~naslib_zc_plugin.strategies.Trust` (``trust="auto"``). Lost trust is a user attribute
    of the study, and does not come back. What is left of a warm-up's queue is ended where results get no better.
    """
    if trust == "always":
        return 1.0, False
    if study.user_attrs.get(attribute + _LOST):
        return 0.0, False
    watch = Trust(automatic=True)
    for place, (score, value) in enumerate(_told(study, attribute)):
        if score is not None:
            watch.score(str(place), score)
        watch.tell(str(place), value)
    if watch.since >= _ENOUGH:
        _withdraw(study, attribute)
    if share := watch.follows():
        return (0.0, True) if is_control(number, watch.since) else (share, False)
    assert watch.lost is not None
    study.set_user_attr(attribute + _LOST, list(astuple(watch.lost)))
    _withdraw(study, attribute)
    return 0.0, False


def _withdraw(study: Study, attribute: str) -> None:
    """End what is left in the queue of a warm-up by this score: it is not evaluated."""
    storage, ended = study._storage, 0
    for trial in study.get_trials(deepcopy=False, states=(TrialState.WAITING,)):
        if trial.user_attrs.get(BY) not in ("warm_up", CONTROL) or attribute not in trial.user_attrs:
            continue
        with suppress(UpdateFinishedTrialError):
            # Whoever makes it RUNNING has it: no other process is training it then.
            if storage.set_trial_state_values(trial._trial_id, state=TrialState.RUNNING):
                storage.set_trial_state_values(trial._trial_id, state=TrialState.FAIL)
                ended += 1
    if ended:
        logger.warning("%d trials that the warm-up had enqueued are not evaluated", ended)


def _told(study: Study, attribute: str) -> list[tuple[float | None, float]]:
    """Return score, if any, and fitness of the trials that were trained, by number."""
    sign = -1.0 if study.directions[0] == StudyDirection.MINIMIZE else 1.0
    trials = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    found = [(trial.user_attrs.get(attribute), trial.values) for trial in trials]
    return [(None if score is None else float(score), sign * values[0]) for score, values in found if values]
