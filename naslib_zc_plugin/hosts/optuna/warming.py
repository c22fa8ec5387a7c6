"""Zero-cost warm-up of a study: a pool is scored, and its best are enqueued."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from random import Random
from typing import TYPE_CHECKING, Any

from optuna import Study
from optuna.trial import FixedTrial, TrialState, create_trial

from naslib_zc_plugin.aggregates import SAMPLE
from naslib_zc_plugin.hosts._session import SearchSession
from naslib_zc_plugin.hosts.optuna.candidates import Build, CandidateTrial, at_random, key_of, network
from naslib_zc_plugin.hosts.optuna.constraints import Limit, Limits
from naslib_zc_plugin.hosts.optuna.judge import BY, CONTROL, REASON, Judge, Proxy, Sample, logger, sample_of
from naslib_zc_plugin.hosts.optuna.reserved import PATIENCE, once, stale_advice
from naslib_zc_plugin.strategies import NoScore, at_least, is_control, one_of

if TYPE_CHECKING:
    from torch import nn

_PURPOSE = "warm-up"


def warm_up(
    study: Study, build: Build, *, batch: Any = None, proxy: Proxy = "recommended", pool: int = 500,
    evaluate: int = 20, constraints: Mapping[str, Limit] | None = None, redraws: int = 10, trust: str = "always",
    if_all_fail: str = "stop", seed: int = 0, sample: int = SAMPLE, patience: float = PATIENCE, loss: Any = None,
    logits: Any = None,
) -> int:  # fmt: skip
    """Score a random pool of the networks that ``build`` makes, and enqueue the best, once for a study.

    The pool is drawn uniformly from what ``build`` asks and scored in a reserved study beside this one, where every
    score stands with its parameters. Each of the best is enqueued once, with its score as a user attribute; Optuna's
    samplers draw the rest, such as a learning rate. A process that comes while another scores waits; one that comes
    later, after an interruption say, enqueues nothing; if the scoring was killed, it goes on from the scores that there
    are.

    Args:
        study: the study, of any storage.
        build: the function of a trial that returns the network, as the objective calls it.
        batch: inputs and labels, inputs alone, or a DataLoader; a function as proxy needs none.
        proxy: as for :class:`.judge.Judge`; an aggregate ranks a network in a random sample.
        pool: number of random networks.
        evaluate: number of the best to enqueue.
        constraints: limits of measures; one of the pool beyond them is drawn again.
        redraws: how often at most.
        trust: ``"auto"``, for a study with a ``ProxySampler`` of ``trust="auto"``: after each four of the best a random
            one of the pool is enqueued too, so that what the score prefers is compared with what it does not.
        if_all_fail: where nothing in the pool has a score, ``"stop"``: raise ``AllFailed``; ``"go_on"``: enqueue
            nothing.
        sample: number of networks in the sample.
        seed: of weights and the sample.
        loss: as for :func:`naslib_zc_plugin.score`.
        logits: likewise.
        patience: seconds that another process may be without progress.

    Returns:
        The number of trials that were enqueued by this call.

    Raises:
        AllFailed: nothing in the pool has a score; the message has the first reason.
        ValueError: an option is wrong, or the study was warmed up with other settings.
        TypeError: the proxy has no such option.
        TimeoutError: another process has begun the warm-up, and is stuck or was killed on another machine.
    """
    if at_least("evaluate", evaluate) > at_least("pool", pool):
        raise ValueError(f"evaluate={evaluate} of a pool of {pool}: at most the whole pool can be enqueued")
    judge = Judge(proxy, batch, seed=seed, sample=sample, loss=loss, logits=logits)
    drawn = _Pool(build, judge, Limits(constraints or {}, batch), at_least("redraws", redraws, 0))
    session = SearchSession("warm_up", drawn, drawn.score, seed=seed, pool=pool, if_all_fail=if_all_fail)
    limits = {name: str(limit) for name, limit in (constraints or {}).items() if not isinstance(limit, tuple)}
    settings = {**judge.settings(), "pool": pool, "evaluate": evaluate, "constraints": limits, "trust": trust}
    one_of("trust", trust, "always", "auto")
    enqueued = 0

    def make(scratch: Study, earlier: Sequence[Study]) -> None:
        nonlocal enqueued
        drawn.scratch, drawn.kept = scratch, sample_of(study, judge, build) if judge.is_rank else None
        for trial in (trial for before in earlier for trial in before.get_trials(deepcopy=False)):
            session.scores.setdefault(key_of(trial.params), trial.value)
        ranked = dict.fromkeys(session.ask() for _ in range(pool))  # a network that was drawn twice is trained once
        scored = [key for key in ranked if session.scores.get(key) is not None]
        best, rest = scored[:evaluate], set(scored[evaluate:])
        others = [key for key in drawn.trials if key in rest] if trust == "auto" else []
        queued = study.get_trials(deepcopy=False)
        there = {key_of(each.system_attrs.get("fixed_params", {})) for each in queued if each.user_attrs.get(BY)}
        for key, by in _with_controls(best, others):
            if key not in there:
                told = {judge.attribute: session.scores[key], BY: by}
                study.enqueue_trial(drawn.trials[key].params, user_attrs=told)
                enqueued += 1
        drawn.say(len(ranked), len(best), evaluate)

    once(study, _PURPOSE, settings, make, patience)
    if not enqueued and (advice := stale_advice(study)):
        logger.warning("the study was warmed up before. %s", advice)
    return enqueued


def _with_controls(best: list[str], others: list[str]) -> Iterator[tuple[str, str]]:
    """Yield the best, and others at the places of controls while there are any, each with what has chosen it."""
    left, number = iter(others), 0
    for key in best:
        if is_control(number) and (other := next(left, None)) is not None:
            yield other, CONTROL
            number += 1
        yield key, "warm_up"
        number += 1


class _Pool:
    """What ``build`` makes as a search space: keys are parameters, drawn uniformly, within the limits if possible."""

    def __init__(self, build: Build, judge: Judge, limits: Limits, redraws: int) -> None:
        self._build, self._judge, self._limits, self._redraws = build, judge, limits, redraws
        self.trials: dict[str, CandidateTrial] = {}
        self.scratch: Study | None = None
        self.kept: Sample | None = None
        self._draws = self._feasible = 0

    def sample(self, rng: Random) -> str:
        """Return a random key."""
        for _ in range(self._redraws + 1):
            trial = CandidateTrial(at_random(rng.getrandbits(32)))
            try:
                feasible = not self._beyond(network(self._build, trial, self._judge.seed))
            except NoScore:
                feasible = True  # said when it is scored
            self._draws += 1
            self._feasible += feasible
            if feasible:
                break
        self.trials[trial.key] = trial
        return trial.key

    def mutate(self, key: str, rng: Random, rule: str = "") -> str:
        """Refuse: a warm-up draws at random."""
        raise ValueError("what build makes of a trial is drawn at random alone")

    def neighbours(self, key: str) -> list[str]:
        """Refuse likewise."""
        raise ValueError("what build makes of a trial is drawn at random alone")

    def score(self, key: str) -> float:
        """Return the score of a key, and write it down.

        Raises:
            NoScore: there is none.
        """
        trial = self.trials[key]
        try:
            net = network(self._build, FixedTrial(trial.params), self._judge.seed)
            if beyond := self._beyond(net):
                raise NoScore(f"beyond its limits: {beyond}", failed=False)
            value = self._judge.fitness(net, self.kept)
        except NoScore as error:
            self._write(trial, state=TrialState.FAIL, user_attrs={REASON: str(error)})
            raise
        self._write(trial, state=TrialState.COMPLETE, value=value)
        return value

    def _beyond(self, net: nn.Module) -> str:
        return self._limits.told(self._limits.measured(net)) if self._limits else ""

    def _write(self, trial: CandidateTrial, **more: Any) -> None:
        assert self.scratch is not None
        self.scratch.add_trial(create_trial(params=trial.params, distributions=trial.distributions, **more))

    def say(self, networks: int, best: int, wanted: int) -> None:
        """Say what the pool had, where it is not what was asked for."""
        if self._limits:
            share = self._feasible / max(1, self._draws)
            logger.info("%d of %d random networks keep the limits (%.0f %%)", self._feasible, self._draws, 100 * share)
        if best < wanted:
            logger.warning("%d networks are enqueued, not %d: the pool had %d that differ, with a score or without",
                           best, wanted, networks)  # fmt: skip
