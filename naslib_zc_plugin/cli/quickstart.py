"""``nas-zc quickstart``: every proxy against really trained networks, in minutes and without a download."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

import naslib_zc_plugin as zc
from naslib_zc_plugin.cli import _trial
from naslib_zc_plugin.cli._again import again
from naslib_zc_plugin.cli._console import say, steps
from naslib_zc_plugin.cli._results import Results
from naslib_zc_plugin.cli.cost import chosen


def quickstart(
    context: typer.Context,
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

    # Networks that small gain little from a second thread, and where the cores are busy two wait for each other.
    torch.set_num_threads(1)
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
    _report(results, keys, output, again(context))


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


def _report(results: Results, keys: Sequence[str], output: Path, command: str) -> None:
    from scipy.stats import rankdata

    from naslib_zc_plugin.cli._publish import Picture, publish
    from naslib_zc_plugin.report.leaderboard import leaderboard
    from naslib_zc_plugin.report.render import as_text

    table = results.table(keys, command)
    truth = {key: results.rows[key].accuracy for key in keys}
    board = leaderboard(table, truth, "test accuracy (%)")
    say(f"\n{as_text([board], brief=True).rstrip()}")
    say(f"\n{len(keys)} networks are few, the images easy, the trainings short and noisy: where intervals overlap")
    say("there is no winner, and on a real benchmark the order is another. It shows how this works, and no more.")
    # Ranks: a network that learns nothing would press all others into one line.
    ranks = dict(zip(truth, rankdata(list(truth.values())).tolist()))
    picture = Picture(table, ranks, "test accuracy (rank, the best at the top)")
    written = publish(output, [board], [picture], None, "Quickstart")
    say(f"\nWritten to {output}: scores.csv (its last column says why a score is undefined), {', '.join(written)}.")
    say("Next: `nas-zc proxies --details` tells what each proxy is, `nas-zc cost` what it costs.")
