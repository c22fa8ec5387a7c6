"""``nas-zc quickstart``: every proxy against really trained networks, in minutes and without a download."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

import naslib_zc_plugin as zc
from naslib_zc_plugin.cli import _trial
from naslib_zc_plugin.cli._console import say, steps
from naslib_zc_plugin.cli._results import Results
from naslib_zc_plugin.cli.cost import chosen

_MOST_THREADS = 2  # more do not help networks that small


def quickstart(
    architectures: Annotated[int, typer.Option(min=3, help="How many networks to draw.")] = 40,
    epochs: Annotated[int, typer.Option(min=1, help="How long to train each.")] = _trial.EPOCHS,
    seed: Annotated[int, typer.Option(min=0, help="All that is random depends on it.")] = 0,
    proxies: Annotated[str, typer.Option(metavar="A,B,…", help="Names or patterns, with commas.")] = "*",
    output: Annotated[Path, typer.Option(metavar="DIR", help="Where the results go.")] = Path("nas-zc-quickstart"),
    restart: Annotated[bool, typer.Option("--restart", help="Forget the results that are there.")] = False,
) -> None:
    """Score networks, train them, and compare: a leaderboard of the proxies in minutes, without a download.

    The networks are random ones of NAS-Bench-201, the images scikit-learn's handwritten digits. Results are written
    as they come; the same command goes on where an interrupted one stopped.
    """
    import torch

    torch.set_num_threads(min(_MOST_THREADS, torch.get_num_threads()))
    names, keys = chosen(proxies), _trial.architectures(architectures, seed)
    results = Results(output, names, _configuration(names, epochs, seed), restart)
    left = [key for key in keys if key not in results.rows]
    say(f"{len(keys)} random networks of NAS-Bench-201 (C={_trial.CHANNELS}, N={_trial.CELLS}), {len(names)} proxies.")
    say(f"Each is scored on {_trial.BATCH} handwritten digits, then trained on {_trial.TRAINED:,} of them.")
    if len(left) < len(keys):
        say(f"{len(keys) - len(left)} are already in {output / 'scores.csv'}; going on from there.")
    try:
        _evaluate(results, left, len(keys), names, epochs, seed)
    except KeyboardInterrupt:
        done = sum(key in results.rows for key in keys)
        raise KeyboardInterrupt(
            f"interrupted with {done} of {len(keys)} networks in {output / 'scores.csv'}; "
            "the same command goes on from there"
        ) from None
    _report(results, keys, names, output)


def _configuration(names: Sequence[str], epochs: int, seed: int) -> dict[str, Any]:
    """All that a score or an accuracy depends on, besides the architecture."""
    import torch

    return {
        "seed": seed,
        "epochs": epochs,
        "proxies": {name: zc.describe(name).version for name in names},
        "network": f"{_trial.SPACE}, C={_trial.CHANNELS}, N={_trial.CELLS}",
        "images": f"digits, {_trial.SIZE}×{_trial.SIZE}, scored in a batch of {_trial.BATCH}",
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "naslib-zc-plugin": zc.__version__,
    }


def _evaluate(results: Results, left: Sequence[str], total: int, names: Sequence[str], epochs: int, seed: int) -> None:
    data = _trial.digits(seed)
    with steps(total, done=total - len(left)) as step:
        for key in left:
            row = _trial.run(key, data, names, epochs, seed)
            results.add(row)
            step(f"{row.accuracy:5.1f} %  {key}")


def _report(results: Results, keys: Sequence[str], names: Sequence[str], output: Path) -> None:
    from scipy.stats import rankdata

    from naslib_zc_plugin.report.figures import scatter
    from naslib_zc_plugin.report.leaderboard import as_markdown, as_text, leaderboard

    rows = {key: results.rows[key] for key in keys}
    truth = {key: row.accuracy for key, row in rows.items()}
    scores = {name: {key: row.scores[name] for key, row in rows.items()} for name in names}
    upward = {name: zc.describe(name).higher_is_better for name in names}
    board = leaderboard(truth, scores, upward)
    low, high = min(truth.values()), max(truth.values())
    notes = [
        f"Agreement with the test accuracy of {len(keys)} trained networks, {low:.1f} to {high:.1f} %: + means that a",
        "proxy prefers the better ones, whatever the direction (↑ ↓) of its own scores. –: there is no rank",
        "correlation, as all its scores are equal or fewer than three are defined. Undefined scores are left out and",
        "counted; the last column of scores.csv says why.",
        f"{len(keys)} networks are few, the images easy, the trainings short and noisy: where intervals overlap there",
        "is no winner, and on a real benchmark the order is another. It shows how this works, not which proxy is best.",
    ]
    say(f"\n{as_text(board)}")
    say("\n".join(notes))
    markdown = "\n".join(["# Quickstart: proxies against trained accuracy", "", as_markdown(board), *notes, ""])
    (output / "leaderboard.md").write_text(markdown, encoding="utf-8")
    # Ranks: a network that learns nothing would press all others into one line.
    ranks = dict(zip(truth, rankdata(list(truth.values()))))
    label = "test accuracy (rank, the best at the top)"
    scatter(output / "scatter.png", ranks, scores, higher_is_better=upward, truth_label=label)
    say(f"\nWritten to {output}: scores.csv, leaderboard.md, scatter.png.")
    say("Next: `nas-zc proxies --details` tells what each proxy is, `nas-zc cost` what it costs.")
