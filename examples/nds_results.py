"""Makes GradAlign's Tables 6 and 7 on NDS, beside the paper's numbers, from the official files.

    python examples/nds_results.py OFFICIAL DATA STORES

OFFICIAL is the folder with DARTS.json, DARTS_fix-w-d.json, ENAS.json, PNAS.json, NASNet.json and Amoeba.json, of which
some may be missing; DATA a folder of benchmark tables, which gets theirs, with probes/cifar10.npz; STORES gets the
campaigns of configs/nds_*.yaml. The same command goes on where it was stopped.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

from result_pages import difference, markdown

from naslib_zc_plugin.aggregates import Aggregate
from naslib_zc_plugin.benchmarks import BENCHMARKS, benchmark, convert_benchmark
from naslib_zc_plugin.campaign.config import Config, load_campaign, provenance
from naslib_zc_plugin.campaign.engines import engine
from naslib_zc_plugin.campaign.run import prepare, run
from naslib_zc_plugin.campaign.store import Store, read_table
from naslib_zc_plugin.report.leaderboards import Leaderboard, LeaderboardOptions, ProxyRow, leaderboard
from naslib_zc_plugin.report.rendering import interval

CONFIGS = Path(__file__).resolve().parents[1] / "configs"
SPACES = ("nds_amoeba", "nds_darts", "nds_darts_fix_w_d", "nds_enas", "nds_nasnet", "nds_pnas")
TRUTH = "test_accuracy"
# By proxy: Kendall's coefficients of Table 6, and the accuracies of the selected networks of Table 7, in this order.
PRINTED = """
gradalign1 .274  .545  .189  .444  .306  .415  93.640 94.360 92.170 93.670 92.630 93.380
gradalign2 .257  .540  .148  .425  .298  .408  93.640 93.530 92.170 94.160 92.630 93.380
gradsign   .260  .541  .153  .427  .293  .408  93.640 93.530 92.170 94.160 92.630 93.380
naswot     .187  .462  .102  .370  .278  .360  93.320 93.530 92.900 94.160 94.250 94.670
tenas      .039  .164  .021  .205 -.533  .151  90.850 92.410 91.480 92.680 93.170 92.110
fisher    -.122  .197 -.213  .032 -.099  .040  91.830 87.480 10.000 83.310 92.210 92.860
grad_norm -.113  .228 -.186  .056 -.078  .097  91.830 87.480 10.000 83.310 90.190 88.650
grasp      .072 -.052  .086  .053  .171  .021  10.000 88.770 83.520 36.480 88.830 91.310
jacov      .236  .192  .169  .122  .122  .158  93.960 93.920 87.620 93.530 94.740 94.260
snip      -.079  .272 -.157  .093 -.048  .152  91.830 87.480 10.000 83.310 90.390 88.650
synflow   -.053  .299 -.092  .133  .019  .181  90.830 93.710 10.000 93.350 92.930 91.580
zen       -.020  .323  .011  .183  .071  .187  91.630 92.670 92.170 93.020 78.410 93.000
"""
HEADER = ["proxy", "τ printed", "τ", "difference", "selected, printed", "selected", "N", "undefined"]


def printed(space: str) -> Iterator[tuple[str, float, float]]:
    """Return proxy, coefficient and accuracy of the selected network, as printed."""
    for line in PRINTED.strip().splitlines():
        label, *values = line.split()
        place = SPACES.index(space)
        yield label, float(values[place]), float(values[len(SPACES) + place])


def table_of(space: str, official: Path, data: Path, partial: bool) -> str | None:
    """Read the official file unless its table exists; return a note on it, None where there is neither."""
    form = BENCHMARKS.load(space)
    source = official / f"{form.official}.json"
    if not (data / form.file).exists():
        if not source.exists():
            return None
        convert_benchmark(space, source, data, partial)
    found = benchmark(space, data)
    differing = len(form.differing_parameters(found))
    return f"{len(found):,} networks; parameters other than ours: {differing:,}"


def scored(config: Config) -> Path:
    """Complete the campaign's store, in a folder that is made, and return it."""
    Path(config.store).parent.mkdir(parents=True, exist_ok=True)
    provenance(config)  # errors of the configuration come before a file is made
    with Store(Path(config.store)) as store:
        prepare(config, store)
        run(config, store, engine(config))
    return Path(config.store)


def beside(board: Leaderboard, space: str) -> str:
    """Return a space's rows of both tables."""
    rows = {row.label: row for row in board.rows}
    return markdown(HEADER, [_row(rows[label], *numbers) for label, *numbers in printed(space) if label in rows])


def _row(row: ProxyRow, tau: float, selected: float) -> list[str]:
    found, chosen = row.agreement, row.selected
    ours = "–" if chosen is None else f"{chosen.accuracy:.3f}"
    taus = [f"{tau:.3f}", interval(found.kendall), difference(tau, found.kendall)]
    return [row.label, *taus, f"{selected:.3f}", ours, f"{found.n:,}", f"{found.undefined:,}"]


def _count(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"must be at least 1, found {number}")
    return number


def shown(space: str, given: argparse.Namespace) -> bool:
    """Print a space's part; return whether its official file or table exists."""
    said = table_of(space, given.official, given.data, given.partial)
    print(f"\n## {space}\n\n{said or 'no official file'}\n")
    if said is None:
        return False
    config = load_campaign(CONFIGS / f"{space}.yaml", given.data)
    asked = list(config.architectures)[: given.number]  # type: ignore[arg-type]
    batch = {"batch_size": given.batch_size} if given.batch_size else config.batch
    config = config.replace(store=str(given.stores / f"{space}.db"), architectures=asked, batch=batch)
    truth = benchmark(space, given.data).column(TRUTH)
    options = LeaderboardOptions([Aggregate.parse("tenas")])
    print(beside(leaderboard(read_table(scored(config)), truth, TRUTH, options), space))
    return True


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("official", "data", "stores"):
        parser.add_argument(name, type=Path)
    parser.add_argument("--number", type=_count, help="networks of each space, instead of 1,000")
    parser.add_argument("--batch-size", type=_count, help="images, instead of 128")
    parser.add_argument("--partial", action="store_true", help="take files that lack networks")
    given = parser.parse_args()
    try:
        found = [shown(space, given) for space in SPACES]
    except (ValueError, OSError) as error:
        parser.exit(1, f"{error}\n")
    if not any(found):
        parser.exit(1, f"{given.official} has none of NDS' files, such as DARTS.json\n")


if __name__ == "__main__":
    main()
