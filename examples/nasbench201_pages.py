"""Makes the pages docs/results/nasbench201_<data set>.md: the campaigns' leaderboards, one after the other.

    python examples/nasbench201_pages.py DATA docs/results

DATA is a folder of benchmark tables; the other folder holds `scores/`, with the campaigns' Parquet exports, and gets
the pages and `figures/`. Each leaderboard is written by `nas-zc leaderboard`, by the command that stands below it.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from naslib_zc_plugin.cli.leaderboard import read_sources
from naslib_zc_plugin.files import replace_text
from naslib_zc_plugin.proxies import measured_costs
from naslib_zc_plugin.report.figures import heatmap, scatter, similarities

DATASETS = {"cifar10": "CIFAR-10", "cifar100": "CIFAR-100", "imagenet16_120": "ImageNet16-120"}
# Of the campaigns: the proxies whose cost is shown, further options, and the figures shown.
PRICED = "grad_norm snip plain fisher grasp jacov epe_nas naswot zen synflow l2_norm params"
CAMPAIGNS = {
    "naslib": (PRICED, [], ["scatter", "heatmap"]),
    "gradalign": ("", [], ["scatter"]),
    "gradalign_balanced": ("", [], []),
    "gradalign_others": ("", [], []),
    "epsilon": ("epsilon", [], ["scatter"]),
    "tenas": ("", ["--aggregate", "tenas"], []),
}
CAPTIONS = {
    "scatter": "Scores against accuracy, coloured by parameters",
    "heatmap": "Rank correlations between proxies",
}
HEAD = """# NAS-Bench-201, {name}: leaderboards

Made by `nas-zc leaderboard` from [`scores/`](scores), one campaign after the other. What the campaigns are, and how far
they went: [overview](nasbench201.md). Units: [what a score costs](../cost.md), where it is known.
"""


def section(data: Path, results: Path, config: str, priced: str, asked: list[str], shown: list[str]) -> str:
    """Return a campaign's leaderboard, and put its figures where the page finds them."""
    known = measured_costs()
    costs = [word for name in priced.split() for word in ("--units", f"{name}={known[name]['units']:g}")]
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(
            [sys.executable, "-m", "naslib_zc_plugin", "leaderboard", f"{config}.parquet", *asked, *costs,
             "--output", folder],
            cwd=results / "scores", env={**os.environ, "NAS_ZC_DATA": str(data.resolve())}, check=True,
            stdout=subprocess.DEVNULL,
        )  # fmt: skip
        text = (Path(folder) / "leaderboard.md").read_text(encoding="utf-8").partition("\n\n")[2]
        text = re.sub(r" --output \S+", "", text)  # a folder that is gone
    for figure in shown:
        name = f"{config}_{figure}.png"
        draw(results / "figures" / name, figure, results / "scores" / f"{config}.parquet", data)
        text += f"\n![{CAPTIONS[figure]}](figures/{name})\n"
    return text


def draw(path: Path, figure: str, scores: Path, data: Path) -> None:
    """Draw a figure of a campaign."""
    ((found,), _) = read_sources([scores], data, None, [])
    if figure == "heatmap":
        heatmap(path, similarities(found.table, found.truth, found.truth_name)["spearman"])
        return
    sizes = {key: size for key, size in found.sizes.get("params", {}).items() if size > 0}
    whole = all(key in sizes for key in found.table.keys if key in found.truth)
    scatter(path, found.table, found.truth, colour=sizes if whole else None, truth_label=found.truth_name)


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("results", type=Path)
    parser.add_argument("--dataset", choices=DATASETS, action="append")
    arguments = parser.parse_args()
    results = arguments.results
    (results / "figures").mkdir(exist_ok=True)
    for dataset in arguments.dataset or DATASETS:
        parts = [HEAD.format(name=DATASETS[dataset])]
        for campaign, how in CAMPAIGNS.items():
            config = f"nasbench201_{dataset}_{campaign}"
            if (results / "scores" / f"{config}.parquet").exists():
                priced, asked, shown = how
                large = campaign == "naslib" and dataset != "cifar10"  # half a megabyte each, and much alike
                parts.append(section(arguments.data, results, config, priced, asked, [] if large else shown))
        path = results / f"nasbench201_{dataset}.md"
        replace_text(path, "\n".join(parts))
        print(path)


if __name__ == "__main__":
    main()
