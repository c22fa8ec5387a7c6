"""Ends trials before training, by a proxy's score in a fixed random sample of the space; scores as objectives."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import optuna
from optuna import Study
from optuna.trial import BaseTrial, FrozenTrial

from naslib_zc_plugin.aggregates import SAMPLE
from naslib_zc_plugin.hosts.optuna.candidates import Build
from naslib_zc_plugin.hosts.optuna.judge import BY, CONTROL, PRUNED, REASON, Judge, Proxy, logger, sample_of
from naslib_zc_plugin.hosts.optuna.sampler import ProxySampler
from naslib_zc_plugin.hosts.optuna.trust import trusted
from naslib_zc_plugin.strategies import NoScore, one_of

if TYPE_CHECKING:
    from torch import nn


def prune(
    trial: BaseTrial, net: nn.Module, *, batch: Any = None, proxy: Proxy = "recommended", keep: float = 0.3,
    build: Build | None = None, trust: str = "always", sample: int = SAMPLE, seed: int = 0, loss: Any = None,
    logits: Any = None,
) -> None:  # fmt: skip
    """End a trial before its training unless its network is among the best share of a random sample of the space.

    The sample is drawn and scored once, uniformly from what ``build`` asks, and kept with the study: whether a network
    passes depends on nothing else that was scored. Trials that were enqueued, by :func:`.warming.warm_up` or by hand,
    or that :class:`.sampler.ProxySampler` chose are never ended. An undefined score is below all others; a network
    whose scoring fails is trained, which is logged.

    A trial that is ended is PRUNED and costs no training, but counts for ``n_trials``, and most of Optuna's samplers
    take it for an observation: TPE counts it in ``n_startup_trials`` and ranks it last. Around the sampler,
    ``ProxySampler(build, ..., around=TPESampler())`` keeps it from that, with ``candidates=1`` too. NSGA-II and -III
    learn from trained trials alone, and a random sampler from none.

    Args:
        trial: as the objective got it; nothing is ended of a ``FixedTrial``.
        net: its network, left as it is.
        batch: inputs and labels, inputs alone, or a DataLoader; a function as proxy needs none.
        proxy: as for :class:`.judge.Judge`; an aggregate ranks a network in a random sample.
        keep: share of the sample that passes, above 0, at most 1.
        build: the function of a trial that returns a network, for the sample; that of the study's ``ProxySampler``
            unless given, and not needed once the study has its sample.
        trust: ``"auto"``: the less the score agrees with what was trained, the more passes, and each fifth trial passes
            anyway, two of three while results get no better; nothing is ended any more once there is no trust.
        sample: number of networks in the sample.
        seed: of weights and the sample.
        loss: as for :func:`naslib_zc_plugin.score`.
        logits: likewise.

    Raises:
        optuna.TrialPruned: the network is not among the best.
        ValueError: an option is wrong, or there is no ``build`` to draw the sample by.
        AllFailed: no network of the sample has a score.
    """
    if isinstance(keep, bool) or not 0 < keep <= 1:
        raise ValueError(f"keep is the share of random networks that passes, above 0 and at most 1, not {keep!r}")
    one_of("trust", trust, "always", "auto")
    if not isinstance(trial, optuna.Trial):
        return
    judge = Judge(proxy, batch, seed=seed, sample=sample, loss=loss, logits=logits)
    study = trial.study
    known = study._storage.get_trial(trial._trial_id)
    if _is_chosen(known):
        return
    share, is_control = trusted(study, judge.attribute, trust, trial.number)
    if not (share or is_control):
        return
    kept = sample_of(study, judge, build or _build_of(study))
    bound = kept.bound(passing := 1 - (1 - keep) * share)
    try:
        value = judge.fitness(net, kept)
    except NoScore as error:
        trial.set_user_attr(REASON, str(error))
        if error.failed:
            logger.warning("trial %d is trained without a score: %s", trial.number, error)
            return
        value = float("-inf")
    else:
        trial.set_user_attr(judge.attribute, value)
    if is_control:
        trial.set_user_attr(BY, CONTROL)
    elif value < bound:
        trial.set_user_attr(PRUNED, judge.label)
        raise optuna.TrialPruned(
            f"not trained: {judge.label} {value:.6g} is below {bound:.6g}, that of the best {passing:.0%} of "
            f"{len(kept.values)} random networks"
        )


def proxy_score(
    trial: BaseTrial, net: nn.Module, *, batch: Any = None, proxy: Proxy = "recommended", build: Build | None = None,
    sample: int = SAMPLE, seed: int = 0, loss: Any = None, logits: Any = None,
) -> float:  # fmt: skip
    """Return a proxy's score of a trial's network, higher better, as a further objective; it is a user attribute too.

    Args:
        trial: as the objective got it.
        net: its network, left as it is.
        batch: inputs and labels, inputs alone, or a DataLoader; a function as proxy needs none.
        proxy: as for :class:`.judge.Judge`; an aggregate ranks a network in a random sample.
        build: draws an aggregate's sample, as for :func:`prune`.
        sample: number of networks in the sample.
        seed: of weights and the sample.
        loss: as for :func:`naslib_zc_plugin.score`.
        logits: likewise.

    Raises:
        NoScore: there is none; a network of a ``FixedTrial`` has no rank.
        ValueError, AllFailed: as for :func:`prune`.

    >>> return accuracy, proxy_score(trial, net, batch=batch, proxy="naswot")  # doctest: +SKIP
    """
    judge = Judge(proxy, batch, seed=seed, sample=sample, loss=loss, logits=logits)
    kept = None
    if judge.is_rank:
        if not isinstance(trial, optuna.Trial):
            raise NoScore(f"{judge.label} is a rank in a sample of a study's networks, and the trial is of none")
        kept = sample_of(trial.study, judge, build or _build_of(trial.study))
    value = judge.fitness(net, kept)
    trial.set_user_attr(judge.attribute, value)
    return value


def _is_chosen(trial: FrozenTrial) -> bool:
    return "fixed_params" in trial.system_attrs or trial.user_attrs.get(BY) is not None


def _build_of(study: Study) -> Build | None:
    return study.sampler.build if isinstance(study.sampler, ProxySampler) else None
