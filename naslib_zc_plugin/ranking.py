"""Networks ranked side by side: each scored by several proxies, the scores joined, and what the order is worth.

A ranking is relative to its candidates: with another one among them, all ranks may move.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, MutableMapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from naslib_zc_plugin.aggregates import Aggregate, Floats, aggregate_named, places
from naslib_zc_plugin.candidates import Record, Scoring, kept, named, scores_by_draw, stand_in
from naslib_zc_plugin.constraints import TABLE, Limit, limits_of
from naslib_zc_plugin.proxies import describe
from naslib_zc_plugin.ranked import SIZES, CandidateRanking, RankedCandidate, some_names
from naslib_zc_plugin.record import ProxyRequest
from naslib_zc_plugin.scoring import Asked, Score, Scores, combined, proxy_requests, taken_batch

if TYPE_CHECKING:
    from naslib_zc_plugin.candidates import Candidates

ONE_SPACE, UNLIKE = "recommended", "recommended_models"
"""The recipes between which a rule chooses where the first is asked for."""
_SHARED = 0.5  # of the kinds of operations, that networks of one space have in common at least


def rank(
    candidates: Candidates,
    batch: Any = None,
    proxies: Asked | Iterable[Asked] = ONE_SPACE,
    *,
    shape: Sequence[int] | None = None,
    example: Any = None,
    samples: int = 32,
    seed: int = 0,
    seeds: int = 1,
    weights: str = "fresh",
    alike: bool | None = None,
    loss: Callable[[Any, Any], Any] | None = None,
    logits: Any = None,
    constraints: Mapping[str, Any] | None = None,
    known: MutableMapping[str, Record] | None = None,
    report: Callable[[str, Record], None] = lambda name, record: None,
) -> CandidateRanking:
    """Rank networks that are not trained.

    Each candidate is scored by several proxies, and their ranks are joined. All proxies read one draw of weights per
    seed, the same initialisation for all candidates, whether they are trained or not. A candidate that cannot be built
    or run is named, and the others are ranked; an undefined score ranks last; a proxy whose definition does not cover
    one of the candidates, or that is undefined for all, has no part, and is named.

    Args:
        candidates: a mapping from names to modules, or to functions without arguments that build them; or pairs of
            both. Networks that are built are let go again, one by one.
        batch: (x, y), or x by itself, or a DataLoader, as for :func:`naslib_zc_plugin.score`. Without it noise stands
            in, and proxies of labels do not apply.
        proxies: an aggregate, such as ``"recommended"``, ``"az_nas"`` or ``"log_rank_sum:synflow,naswot"``; or the
            names of proxies, which are joined by their log-rank sum. ``"recommended"`` is for networks of one search
            space; where the candidates differ in their skeleton or their kinds of operations, ``"recommended_models"``
            takes its place, and the ranking says so.
        shape: without a batch, the shape of one sample, such as (3, 224, 224).
        example: without a batch, an input instead of its shape, such as tokens (:func:`~.candidates.stand_in`).
        samples: of noise.
        seed: of the weights, of noise and of what proxies draw.
        seeds: how many draws of weights. With several, the ranking says which neighbours keep their order.
        weights: ``"fresh"``, or ``"given"``: those that the candidates hold.
        alike: True: the candidates are of one search space; False: they are not; None: find out.
        loss: as for :func:`naslib_zc_plugin.score`.
        logits: likewise.
        constraints: limits on what is known without training, such as ``{"params": "<= 1.0e6", "latency_here": {"max":
            30}}`` (:func:`~.constraints.limits_of`). What is beyond one is not scored, has no rank, and is named.
        known: records by name, from an earlier call with the same arguments: their candidates are not built. New ones
            are added, each as soon as it is there.
        report: called with each candidate's name and record.

    Returns:
        The ranking; ``print`` it, or see :class:`CandidateRanking`.

    Raises:
        ValueError: two candidates of one name, no input, an unknown proxy or limit, or a number out of range.
        TypeError: candidates, batch or proxies of another kind.

    >>> from torch import nn
    >>> def mlp(width): return nn.Sequential(nn.Linear(8, width), nn.ReLU(), nn.Linear(width, 4))
    >>> nets = {"small": mlp(8), "wide": lambda: mlp(64), "broken": lambda: mlp("64")}
    >>> ranking = rank(nets, shape=(8,), proxies=["params", "naswot"])
    >>> ranking.order, ranking["broken"].reason[:22]
    (['wide', 'small'], 'it cannot be built: Ty')
    """
    if seeds < 1 or samples < 2:
        raise ValueError(f"seeds must be at least 1 and samples at least 2, not {seeds} and {samples}")
    if weights not in ("fresh", "given"):
        raise ValueError(f"weights must be 'fresh' or 'given', not {weights!r}")
    recipes = recipes_of(proxies, alike)
    limits = _own_limits(constraints or {})
    stands_in = batch is None
    batch = stand_in(shape, example, samples, seed) if stands_in else _first(batch)
    known = {} if known is None else known
    before = [record["yardstick"] for record in known.values() if "yardstick" in record][:1]
    scoring = Scoring(requests_of(recipes), batch, draws(seed, seeds), weights, loss, logits, limits, before)
    records: dict[str, Record] = {}
    again: dict[str, Callable[[], Any]] = {}
    for name, candidate in named(candidates):
        record = known[name] if name in known else scoring.record(candidate)
        if name not in known:
            known[name] = record
        records[name], again[name] = record, kept(candidate)
        report(name, record)
    found = joined(records, recipes, weights)
    notes = [*found.notes, *_within(limits, records)]
    if stands_in:
        notes.append(f"without a batch: {samples} samples of noise")
    return replace(
        found,
        inputs=kind_of_inputs(batch),
        notes=notes,
        _reread=lambda name: _reread(scoring, found.members, again[name]),
    )


def _own_limits(constraints: Mapping[str, Any]) -> tuple[Limit, ...]:
    """Return the limits on networks of one's own.

    Raises:
        ValueError: as :func:`~.constraints.limits_of`, and for a latency that a table would have.
    """
    limits = limits_of(constraints)
    if any(limit.name == TABLE for limit in limits):
        raise ValueError("no table has the latency of networks of one's own: latency_here measures it")
    return limits


def _within(limits: Sequence[Limit], records: Mapping[str, Record]) -> list[str]:
    """Return a sentence about how many candidates are within the limits; none where there are no limits."""
    if not limits:
        return []
    inside = sum("failed" not in record for record in records.values())
    return [f"{inside} of {len(records)} candidates are within the limits ({', '.join(map(str, limits))})"]


def kind_of_inputs(batch: Any) -> str:
    """Return what networks see in a batch: ``"images"``, ``"tokens"``, or else ``"features"``."""
    from naslib_zc_plugin.passes.inputs import holds_tokens, tensors

    inputs = batch[0] if isinstance(batch, tuple) else batch
    if holds_tokens(inputs):
        return "tokens"
    return "images" if any(each.ndim == 4 for each in tensors(inputs)) else "features"


def _first(batch: Any) -> Any:
    """Return the batch that all candidates see, without labels where they are None."""
    taken, labelled = taken_batch(batch)
    return (taken.inputs, taken.labels) if labelled and taken.labels is not None else taken.inputs


def _reread(scoring: Scoring, members: Sequence[str], again: Callable[[], Any]) -> dict[str, list[str]]:
    asked = [request for request in scoring.requests if request.label in members]
    return replace(scoring, requests=asked).modules_read(again())


def draws(seed: int, seeds: int) -> list[int]:
    """Return the seeds of some draws of weights, the first the seed itself."""
    from naslib_zc_plugin.passes.seeding import derived_seed

    return [seed, *(derived_seed(seed, number) for number in range(1, seeds))]


def recipes_of(proxies: Asked | Iterable[Asked], alike: bool | None = None) -> list[Aggregate]:
    """Return the aggregate that is asked for; two, where the candidates will say which: of one space, or unlike.

    Args:
        proxies: as :func:`rank` takes them.
        alike: likewise.

    Raises:
        ValueError, TypeError: an unknown proxy, or an option that it does not take.
    """
    found = aggregate_named(proxies)
    if found is not None and proxies == ONE_SPACE:
        names = {None: [ONE_SPACE, UNLIKE], True: [ONE_SPACE], False: [UNLIKE]}[alike]
        return list(map(Aggregate.parse, names))
    if found is not None:
        return [found]
    requests = tuple(proxy_requests(proxies).values())
    if not requests:
        raise ValueError("no proxy to rank by: give names of proxies or of an aggregate")
    return [Aggregate("log_rank_sum", requests)]


def requests_of(recipes: Sequence[Aggregate]) -> list[ProxyRequest]:
    """Return the proxies that are scored: the members of all recipes, and the sizes.

    Raises:
        ValueError, TypeError: a member is no proxy, or does not take its options.
    """
    members = {request.label: request for recipe in recipes for request in recipe.requests()}
    return list({**members, **{name: ProxyRequest(name) for name in SIZES if name not in members}}.values())


def joined(records: Mapping[str, Record], recipes: Sequence[Aggregate], weights: str = "fresh") -> CandidateRanking:
    """Rank candidates by their records.

    Args:
        records: by name; all with the scores of the recipes' members, and as many draws.
        recipes: as :func:`recipes_of` returns them.
        weights: as they were scored, for a note.
    """
    reasons = {name: record["failed"] for name, record in records.items() if "failed" in record}
    trials = {name: scores_by_draw(record) for name, record in records.items() if name not in reasons}
    layouts = {name: records[name]["layout"] for name in trials if records[name]["layout"] is not None}
    alike, how = _alike(layouts)
    recipe = recipes[0] if len(recipes) == 1 or alike else recipes[1]
    members, dropped, more = _members(recipe.labels, trials)
    reasons.update(more)
    ranked = [name for name in trials if name not in reasons] if members else []
    joint, ranks = _numbers(recipe, members, [trials[name] for name in ranked])
    mean = joint.mean(axis=0)
    rows = []
    order = np.argsort(-mean, kind="stable").tolist()
    for number, after in zip(order, [*order[1:], None]):
        ahead = None if after is None or len(joint) < 2 else joint[:, number] - joint[:, after]
        rows.append(
            RankedCandidate(
                ranked[number],
                int(1 + (mean > mean[number]).sum()),
                float(mean[number]),
                _shown(records[ranked[number]], recipe.labels),
                dict(zip(members, ranks[:, number].tolist())),
                records[ranked[number]]["seconds"],
                tuple((1 + (joint > joint[:, [number]]).sum(axis=1)).tolist()),
                None if ahead is None else float(np.mean((ahead > 0) + 0.5 * (ahead == 0))),
            )
        )
    for name in [name for name in records if name not in ranked]:
        reason = reasons.get(name, "no proxy says anything of the candidates")
        shown = _shown(records[name], recipe.labels)
        rows.append(RankedCandidate(name, None, None, shown, {}, records[name]["seconds"], reason=reason))
    why = how if len(recipes) > 1 and layouts else ""
    return CandidateRanking(rows, recipe, members, dropped, why, notes=_notes(layouts, weights))


Trials = Mapping[str, Sequence[Mapping[str, Score]]]
"""By candidate, the scores of each draw by label."""


def _members(labels: Sequence[str], trials: Trials) -> tuple[list[str], dict[str, str], dict[str, str]]:
    """Return the members that have a part, label → reason of the others, and name → reason of what has no rank."""
    faults = {name: {label: _fault(scores, label) for label in labels} for name, scores in trials.items()}
    reasons: dict[str, str] = {}
    dropped: dict[str, str] = {}

    def having(label: str, *kinds: str) -> dict[str, str]:
        found = {name: each[label] for name, each in faults.items() if name not in reasons}
        return {name: reason for name, (kind, reason) in found.items() if kind in kinds}

    for name, each in faults.items():
        if all(kind in ("failed", "strange") for kind, _ in each.values()):
            reasons[name] = next(iter(each.values()))[1]
    count = len(faults) - len(reasons)
    for label in labels:
        if count and len(broken := having(label, "failed")) == count:
            dropped[label] = f"it failed for every candidate ({next(iter(broken.values()))})"
    for label in labels:
        if label not in dropped:
            reasons.update({name: f"{label}: {reason}" for name, reason in having(label, "failed").items()})
    count = len(faults) - len(reasons)
    for label in labels:
        strange, undefined = having(label, "strange"), having(label, "undefined")
        if label not in dropped and strange:
            dropped[label] = f"it does not apply to {some_names(list(strange))} ({next(iter(strange.values()))})"
        elif label not in dropped and count and len(undefined) == count:
            dropped[label] = f"it is undefined for every candidate ({next(iter(undefined.values()))})"
    return [label for label in labels if label not in dropped], dropped, reasons


def _fault(trials: Sequence[Mapping[str, Score]], label: str) -> tuple[str, str]:
    """Return why a candidate has no score by a proxy: ``failed``, ``strange`` or ``undefined``, and the reason."""
    scores = [each[label] for each in trials]
    failed = next((score for score in scores if score.status == "failed"), None)
    strange = next((score for score in scores if not score.applies), None)
    if failed is not None or strange is not None:
        return (
            ("strange", strange.reason) if failed is None and strange else ("failed", failed.reason if failed else "")
        )
    return ("undefined", scores[0].reason) if all(score.value is None for score in scores) else ("", "")


def _numbers(
    recipe: Aggregate, members: Sequence[str], trials: Sequence[Sequence[Mapping[str, Score]]]
) -> tuple[Floats, Floats]:
    """Return the joined numbers, (draws, candidates), and the members' ranks, 1 the best, (members, candidates)."""
    if not members or not trials:
        return np.zeros((1, 0)), np.zeros((0, 0))
    joint, ranks = [], []
    for draw in range(len(trials[0])):
        rows = [[_higher(each[draw][label]) for each in trials] for label in members]
        scores = np.array(rows, dtype=np.float64)
        joint.append(recipe.join(scores, scores))
        ranks.append(len(trials) + 1 - places(scores, scores))
    return np.stack(joint), np.mean(ranks, axis=0)


def _higher(score: Score) -> float:
    if score.value is None:
        return -math.inf
    return score.value if describe(score.name).higher_is_better else -score.value


def _shown(record: Record, labels: Sequence[str]) -> Scores:
    """Return the scores of a record, the means over draws, of some labels and the sizes."""
    trials = scores_by_draw(record) if "scores" in record else []
    wanted = dict.fromkeys([*labels, *SIZES])
    return Scores({label: combined([each[label] for each in trials]) for label in wanted if trials})


# Are they alike? --------------------


def _alike(layouts: Mapping[str, Mapping[str, Sequence[str]]]) -> tuple[bool, str]:
    """Return whether networks are of one search space, and why: the same skeleton, and most kinds of operations."""
    first, *others = layouts or [""]
    for other in others:
        one, two = layouts[first]["skeleton"], layouts[other]["skeleton"]
        if list(one) != list(two):
            mine, theirs = (
                [each for each in a if each not in b] or ["another order"] for a, b in ((one, two), (two, one))
            )
            return False, f"the candidates differ in their skeleton ({first} {mine[0]}, {other} {theirs[0]})"
    kinds = [set(each["operations"]) for each in layouts.values()]
    common, every = len(set.intersection(*kinds)) if kinds else 0, len(set().union(*kinds))
    share = f"{common} of {every} kinds of operations"
    if common < _SHARED * every:
        return False, f"the candidates have only {share} in common"
    return True, f"the candidates have one skeleton, and {share} in common"


def _notes(layouts: Mapping[str, Mapping[str, Sequence[str]]], weights: str) -> list[str]:
    if weights == "given":
        return ["the weights are those that the candidates hold"]
    holding = [name for name, layout in layouts.items() if layout["kept"]]
    if not holding:
        return []
    names = some_names(layouts[holding[0]]["kept"])
    return [f"fresh weights leave scales and tokens as they are held in {some_names(holding)} ({names})"]
