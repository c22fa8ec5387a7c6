"""A sampler of Optuna that scores what another one suggests, and takes the best."""

from __future__ import annotations

import logging
from collections.abc import Container, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from optuna import Study
from optuna.distributions import BaseDistribution
from optuna.samplers import (
    BaseSampler,
    NSGAIIISampler,
    NSGAIISampler,
    PartialFixedSampler,
    RandomSampler,
    TPESampler,
)
from optuna.trial import FrozenTrial, TrialState

from naslib_zc_plugin.aggregates import SAMPLE
from naslib_zc_plugin.hosts.optuna.candidates import Build, CandidateTrial, network
from naslib_zc_plugin.hosts.optuna.constraints import Limit, Limits
from naslib_zc_plugin.hosts.optuna.judge import BY, CONTROL, PRUNED, Judge, Proxy, Sample, logger, sample_of
from naslib_zc_plugin.hosts.optuna.trust import trusted
from naslib_zc_plugin.strategies import AllFailed, NoScore, at_least, one_of

_TAKEN = (RandomSampler, TPESampler, NSGAIISampler, NSGAIIISampler)
_CHOICE = "zc_choice"
_MEMORY = 10_000  # networks whose scores are remembered


class ProxySampler(BaseSampler):
    """Scores whole candidates that a sampler of Optuna suggests for ``build``, and gives a trial the best of them.

    For a trial ``candidates`` networks are built and scored; what else the objective asks, such as a learning rate, is
    what the inner sampler suggested with the one chosen, or suggests when it is asked. A candidate that the study has
    evaluated is passed over where there is another. Enqueued trials are left as they are; nothing is scored for them.

    What is chosen stands with the trial, not here: threads (``n_jobs``) and processes share a study. The inner sampler
    does not see trials that :func:`.pruning.prune` ended, neither in its start-up nor later; with ``candidates=1`` this
    is all that is done.

    Args:
        build: the function of a trial that returns the network, as the objective calls it.
        batch: inputs and labels, inputs alone, or a DataLoader; a function as proxy needs none.
        proxy: as for :class:`.judge.Judge`; an aggregate ranks a network in a random sample, kept with the study.
        candidates: number of networks to score for a trial.
        around: the sampler inside, TPE unless given: ``RandomSampler``, ``TPESampler``, ``NSGAIISampler``,
            ``NSGAIIISampler``, or one of them in a ``PartialFixedSampler``.
        constraints: limits of measures (:func:`.constraints.constrain`): a candidate beyond them is drawn again before
            it is scored.
        redraws: how often at most, for each candidate.
        trust: ``"auto"``: as many of the candidates as the agreement with the results so far deserves
            (:class:`~naslib_zc_plugin.strategies.Trust`), and one, scored, in each fifth trial, or two of three while
            results get no better. Without any trust there is one, unscored, and what is left of a warm-up's queue is
            not evaluated; nor is it after eight results in a row that are no better than the best before.
        if_all_fail: ``"stop"``: raise :class:`~naslib_zc_plugin.strategies.AllFailed` where no candidate has a score;
            ``"go_on"``: as the inner sampler alone, which is logged.
        seed: of the networks' weights and the sample.
        sample: number of networks in an aggregate's sample.
        loss, logits: as for :func:`naslib_zc_plugin.score`.

    Raises:
        ValueError: the inner sampler is of another kind, an option is wrong, the proxy is unknown or has no batch.
        TypeError: the proxy has no such option.

    >>> sampler = ProxySampler(build, batch=batch, proxy="recommended", around=TPESampler())  # doctest: +SKIP
    """

    def __init__(
        self, build: Build, *, batch: Any = None, proxy: Proxy = "recommended", candidates: int = 32,
        around: BaseSampler | None = None, constraints: Mapping[str, Limit] | None = None, redraws: int = 10,
        trust: str = "always", if_all_fail: str = "stop", seed: int = 0, sample: int = SAMPLE, loss: Any = None,
        logits: Any = None,
    ) -> None:  # fmt: skip
        self.build, self.around = build, TPESampler() if around is None else around
        _check_inside(self.around)
        self.candidates, self._redraws = at_least("candidates", candidates), at_least("redraws", redraws, 0)
        self._trust = one_of("trust", trust, "always", "auto")
        self._if_all_fail = one_of("if_all_fail", if_all_fail, "stop", "go_on")
        self.judge = Judge(proxy, batch, seed=seed, sample=sample, loss=loss, logits=logits)
        self._limits = Limits(constraints or {}, batch)
        self._scores: dict[str, Any] = {}  # by candidate: no state, for it gives the same numbers again

    def __str__(self) -> str:
        return f"{type(self).__name__}({self.around})"

    def reseed_rng(self) -> None:
        """Give the inner sampler another seed."""
        self.around.reseed_rng()

    def before_trial(self, study: Study, trial: FrozenTrial) -> None:
        """Tell the inner sampler of a new trial; end a warm-up's queue where trust is lost by now.

        Optuna asks for nothing more where a trial was enqueued whole.
        """
        if "fixed_params" in trial.system_attrs:
            trusted(study, self.judge.attribute, self._trust, trial.number)
        self.around.before_trial(_Trained(study), trial)

    def after_trial(self, study: Study, trial: FrozenTrial, state: TrialState, values: Sequence[float] | None) -> None:
        """Tell the inner sampler of the end of a trial."""
        self.around.after_trial(_Trained(study), trial, state, values)

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """Return what the inner sampler suggests at once."""
        return self.around.infer_relative_search_space(_Trained(study), trial)

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Choose a candidate, note it with the trial, and return what the inner sampler suggested at once with it."""
        trained = _Trained(study)
        share, is_control = trusted(study, self.judge.attribute, self._trust, trial.number)
        count = 1 + round((self.candidates - 1) * share)
        is_scored = self.candidates > 1 and (share > 0 or is_control)
        if "fixed_params" in trial.system_attrs or not (is_scored or self._limits):
            return self.around.sample_relative(trained, trial, search_space)
        chosen = self._choose(study, trial, search_space, count, is_scored)
        asked: Any = {
            name: [float(each.to_internal_repr(chosen.trial.params[name])), repr(each)]
            for name, each in chosen.trial.distributions.items()
        }
        storage = study._storage
        storage.set_trial_system_attr(trial._trial_id, _CHOICE, asked)
        if chosen.score is not None:
            storage.set_trial_user_attr(trial._trial_id, self.judge.attribute, chosen.score)
            storage.set_trial_user_attr(trial._trial_id, BY, "sampler" if count > 1 else CONTROL)
        return chosen.relative

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        """Return the value of the trial's candidate; what it has not is the inner sampler's."""
        choice = trial.system_attrs.get(_CHOICE, {})
        if param_name in choice:
            value, asked = choice[param_name]
            if asked == repr(param_distribution):
                return param_distribution.to_external_repr(value)
            logger.warning(
                "the objective asks for %s of %s, and build for %s: the trial is not the one that was scored",
                param_name, param_distribution, asked,
            )  # fmt: skip
            for attribute in (BY, self.judge.attribute):
                study._storage.set_trial_user_attr(trial._trial_id, attribute, None)
        return self.around.sample_independent(_Trained(study), trial, param_name, param_distribution)

    # Candidates --------------------

    def _choose(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution], count: int, is_scored: bool
    ) -> _Candidate:
        sample = sample_of(study, self.judge, self.build) if self.judge.is_rank and is_scored else None
        drawn = [self._feasible(study, trial, search_space, sample, is_scored) for _ in range(count)]
        feasible = [each for each in drawn if not each.beyond]
        if not feasible:
            least = min(drawn, key=lambda each: each.beyond)
            logger.warning(
                "none of %d candidates, each drawn %d times, keeps the limits: %s", count, self._redraws + 1, least.why
            )
            return least
        scored = [each for each in feasible if each.score is not None]
        if count > 1 and not scored:
            self._none_scored(feasible)
        return max(scored or feasible[:1], key=lambda each: (not _is_evaluated(study, each), each.score or 0.0))

    def _feasible(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution], sample: Sample | None,
        scored: bool,
    ) -> _Candidate:  # fmt: skip
        """Return a candidate within the limits, scored, or the last of those that are not."""
        for _ in range(self._redraws + 1):
            found = self._draw(study, trial, search_space, sample, scored)
            if not found.beyond:
                break
        return found

    def _draw(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution], sample: Sample | None,
        scored: bool,
    ) -> _Candidate:  # fmt: skip
        trained = _Trained(study)
        with _silent_about_independence():
            found = _Candidate(self.around.sample_relative(trained, trial, search_space))

            def value(name: str, distribution: BaseDistribution) -> Any:
                if name in found.relative and _has(distribution, found.relative[name]):
                    return found.relative[name]
                return self.around.sample_independent(trained, trial, name, distribution)

            found.trial = CandidateTrial(value, trial.number)
            try:
                self._look(found, sample, scored)
            except NoScore as error:
                found.why = str(error)
        return found

    def _look(self, found: _Candidate, sample: Sample | None, scored: bool) -> None:
        net = network(self.build, found.trial, self.judge.seed)
        if self._limits:
            measured = self._limits.measured(net)
            found.beyond, found.why = self._limits.beyond(measured), self._limits.told(measured)
        if found.beyond or not scored:
            return
        key = found.trial.key
        if key not in self._scores:
            if len(self._scores) >= _MEMORY:
                self._scores.clear()
            self._scores[key] = self.judge.scores(net)
        found.score = self.judge.joined_fitness(self._scores[key], None if sample is None else sample.joined)

    def _none_scored(self, found: Sequence[_Candidate]) -> None:
        reason = f"{self.judge.label} scores none of {len(found)} candidates: {found[0].why}"
        if self._if_all_fail == "stop":
            raise AllFailed(f"{reason}. Mend that, or search on without it by if_all_fail='go_on'")
        logger.warning("%s; the trial is the inner sampler's", reason)


class _Candidate:
    """What was drawn for a trial.

    Attributes:
        relative: what the inner sampler suggests at once.
        trial: what ``build`` asked, and got.
        score: of the network, higher better; None: there is none.
        beyond: how far it is beyond its limits; 0: feasible.
        why: it has no score, or is beyond its limits.
    """

    trial: CandidateTrial

    def __init__(self, relative: dict[str, Any]) -> None:
        self.relative = relative
        self.score: float | None = None
        self.beyond, self.why = 0.0, ""


class _Trained(Study):
    """A study without the trials that a proxy ended: nothing was trained in them."""

    def __init__(self, whole: Study) -> None:
        self.__dict__.update(whole.__dict__)
        self._whole = whole

    def _get_trials(
        self, deepcopy: bool = True, states: Container[TrialState] | None = None, use_cache: bool = False
    ) -> list[FrozenTrial]:
        found = self._whole._get_trials(deepcopy, states, use_cache)
        return [trial for trial in found if PRUNED not in trial.user_attrs]


def _has(distribution: BaseDistribution, value: Any) -> bool:
    """Return whether a distribution has a value, which may be of another kind."""
    try:
        return distribution._contains(distribution.to_internal_repr(value))
    except (TypeError, ValueError):
        return False


def _is_evaluated(study: Study, candidate: _Candidate) -> bool:
    """Return whether a trial of the study has the candidate's parameters."""
    wanted = candidate.trial.params.items()
    return any(wanted <= each.params.items() for each in study._get_trials(deepcopy=False, use_cache=True))


def _check_inside(around: BaseSampler) -> None:
    inside = around._base_sampler if isinstance(around, PartialFixedSampler) else around
    if not isinstance(inside, _TAKEN):
        raise ValueError(
            f"ProxySampler asks the sampler inside it for several candidates of a trial, and {inside} does not give "
            "them: grid, brute-force and quasi-Monte-Carlo samplers count off what they suggest, CMA-ES and Gaussian "
            f"processes have one suggestion. Take around={', '.join(each.__name__ for each in _TAKEN)}"
        )


# TPE says, for each value that it draws alone, that it would rather draw all: once for a trial, not for each candidate.
_drawing: ContextVar[bool] = ContextVar("drawing", default=False)


class _NotWhileDrawing(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        return not _drawing.get()


logging.getLogger("optuna.samplers._tpe.sampler").addFilter(_NotWhileDrawing())


@contextmanager
def _silent_about_independence() -> Iterator[None]:
    token = _drawing.set(True)
    try:
        yield
    finally:
        _drawing.reset(token)
