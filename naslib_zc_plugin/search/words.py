"""Results put into words: what was found, beside what is printed, and under it how it was made."""

from __future__ import annotations

import csv
import io
import math
from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np

from naslib_zc_plugin.report.sheet import Sheet
from naslib_zc_plugin.search.config import SECONDS
from naslib_zc_plugin.search.protocol import notes
from naslib_zc_plugin.search.results import Result
from naslib_zc_plugin.search.run import Prepared

_NAMED = 3  # architectures named for each search


def summary(results: Sequence[Result], prepared: Sequence[Prepared], command: str) -> Sheet:
    """Mean ± standard deviation over the repeats of what each search found, beside the published numbers."""
    titles = list(dict.fromkeys(title for result in results for title in result.search.report))
    printed = {title for result in results for title in result.search.published}
    header = ["search", "runs", "evaluations", "without fitness"]
    for title in titles:
        header += [title, *(("published", "difference") if title in printed else ())]
    header += ["best after", "seconds", *(("published", "ratio") if SECONDS in printed else ())]
    body = [
        [*_counts(result), *_reported(result, titles, printed), _best_after(result), *_seconds(result, printed)]
        for result in results
    ]
    return Sheet("What was found", header, body, notes=[*notes(prepared), f"Made again by `{command}`."])


def architectures(results: Sequence[Result]) -> Sheet:
    """The architectures that most repeats of each search found."""
    body = []
    for result in results:
        found = Counter(repeat.best.key for repeat in result.repeats if repeat.best)
        for key, times in found.most_common(_NAMED):
            repeat = next(each for each in result.repeats if each.best and each.best.key == key)
            assert repeat.best is not None and repeat.best.fitness is not None
            told = "; ".join(f"{title} {repeat.found(title):.2f}" for title in result.search.report)
            body.append(
                [result.search.label, f"{times} of {len(result.repeats)}", f"{repeat.best.fitness:.6g}", told, key]
            )
    header = ["search", "found by", "fitness", "reported", "architecture"]
    return Sheet("The best architectures", header, body, words=["reported", "architecture"])


def as_csv(results: Sequence[Result]) -> str:
    """A line per repeat, in full precision."""
    titles = list(dict.fromkeys(title for result in results for title in result.search.report))
    file = io.StringIO()
    header = ["search", "repeat", "evaluations", "without_fitness", "seconds", "best_after", "fitness", "architecture"]
    writer = csv.DictWriter(file, [*header, *titles], lineterminator="\n")
    writer.writeheader()
    for result in results:
        for repeat in result.repeats:
            best = repeat.best
            line = {
                "search": result.search.label, "repeat": repeat.number, "evaluations": len(repeat.entries),
                "without_fitness": sum(entry.fitness is None for entry in repeat.entries),
                "seconds": repeat.seconds(), "best_after": repeat.best_after if best else None,
                "fitness": best.fitness if best else None, "architecture": best.key if best else None,
            }  # fmt: skip
            found = {title: repeat.found(title) for title in result.search.report} if best else {}
            writer.writerow({**line, **found})
    return file.getvalue()


def mean_and_deviation(result: Result, title: str) -> tuple[float, float]:
    """Over the repeats that found something: mean, and population standard deviation as the papers' codes take it."""
    found = np.array([repeat.found(title) for repeat in result.repeats if repeat.best])
    found = found[~np.isnan(found)]
    return (float(found.mean()), float(found.std())) if len(found) else (math.nan, math.nan)


def _counts(result: Result) -> Iterator[str]:
    evaluations, without = result.counts()
    yield result.search.label
    yield _runs(result)
    yield f"{evaluations:,}"
    yield f"{without:,}"


def _runs(result: Result) -> str:
    begun, asked = len(result.repeats), result.search.repeats
    if begun < asked:
        return f"{begun} of {asked}, stopped"
    # The space may be exhausted before the budget is.
    return f"{begun}" if result.complete() else f"{begun}, budget not used up"


def _reported(result: Result, titles: Sequence[str], printed: set[str]) -> Iterator[str]:
    for title in titles:
        mean, deviation = mean_and_deviation(result, title) if title in result.search.report else (math.nan, math.nan)
        yield "–" if math.isnan(mean) else f"{mean:.2f} ± {deviation:.2f}"
        if title in printed:
            numbers = _stated(result, title)
            yield " ± ".join(f"{number:.2f}" for number in numbers) or "–"
            yield f"{mean - numbers[0]:+.2f}" if numbers and not math.isnan(mean) else "–"


def _stated(result: Result, title: str) -> Sequence[float]:
    """What is published for a title; nothing, a mean, or a mean and a deviation."""
    stated = result.search.published.get(title, [])
    return stated if isinstance(stated, (list, tuple)) else [stated]


def _best_after(result: Result) -> str:
    """Median over the repeats that found something."""
    found = [repeat.best_after for repeat in result.repeats if repeat.best]
    return f"{np.median(found):,.0f}" if found else "–"


def _seconds(result: Result, printed: set[str]) -> Iterator[str]:
    """Mean of the simulated clock over the repeats."""
    clocks = [repeat.seconds() for repeat in result.repeats]
    yield f"{np.mean(clocks):,.1f}" if clocks else "–"
    if SECONDS in printed:
        numbers = _stated(result, SECONDS)
        yield " ± ".join(f"{number:,.1f}" for number in numbers) or "–"
        yield f"{np.mean(clocks) / numbers[0]:.3g}" if numbers and clocks else "–"
