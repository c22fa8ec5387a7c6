"""How a proxy and the results of a study agree so far, and whether it is still followed."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import astuple

from optuna import Study
from optuna.exceptions import UpdateFinishedTrialError
from optuna.study import StudyDirection
from optuna.trial import TrialState

from naslib_zc_plugin.hosts.optuna.judge import BY, PREFIX, logger
from naslib_zc_plugin.strategies import ProxyAgreement, Trust, proxy_agreement

_LOST = "_lost"


def agreement(study: Study, proxy: str) -> ProxyAgreement:
    """Return how a proxy's scores agree with the values of the trials that were trained, the first of several values.

    Args:
        study: the study.
        proxy: the proxy's name, such as ``"recommended"``.

    >>> print(agreement(study, "recommended"))  # doctest: +SKIP
    0.41 [0.12, 0.63] (20)
    """
    both = _both(study, PREFIX + proxy)
    return proxy_agreement([score for score, _ in both], [value for _, value in both])


def follows(study: Study, attribute: str, trust: str) -> bool:
    """Return whether a study follows a score: always, or until their agreement is not shown (``trust="auto"``).

    Lost trust is a user attribute of the study, and does not come back.
    """
    if trust == "always":
        return True
    if study.user_attrs.get(attribute + _LOST):
        return False
    watch = Trust(automatic=True)
    for place, (score, value) in enumerate(_both(study, attribute)):
        watch.score(str(place), score)
        watch.tell(str(place), value)
    if watch.follows():
        return True
    assert watch.lost is not None
    study.set_user_attr(attribute + _LOST, list(astuple(watch.lost)))
    _withdraw(study, attribute)
    return False


def _withdraw(study: Study, attribute: str) -> None:
    """End what is left in the queue of a warm-up by this score: it is not evaluated."""
    storage, ended = study._storage, 0
    for trial in study.get_trials(deepcopy=False, states=(TrialState.WAITING,)):
        if trial.user_attrs.get(BY) != "warm_up" or attribute not in trial.user_attrs:
            continue
        with suppress(UpdateFinishedTrialError):
            # Whoever makes it RUNNING has it: no other process is training it then.
            if storage.set_trial_state_values(trial._trial_id, state=TrialState.RUNNING):
                storage.set_trial_state_values(trial._trial_id, state=TrialState.FAIL)
                ended += 1
    if ended:
        logger.warning("%d trials that the warm-up had enqueued are not evaluated", ended)


def _both(study: Study, attribute: str) -> list[tuple[float, float]]:
    """Return score and fitness of the trials that have both, by number."""
    sign = -1.0 if study.directions[0] == StudyDirection.MINIMIZE else 1.0
    trials = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    found = [(trial.user_attrs.get(attribute), trial.values) for trial in trials]
    return [(float(score), sign * values[0]) for score, values in found if score is not None and values]
