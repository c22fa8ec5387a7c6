"""Makes the tables and figures of docs/results/flexibert.md: "ReLU is all you need for NASWOT" on BERT-like encoders.

    python examples/flexibert_results.py DATA docs/results
    python examples/flexibert_results.py DATA docs/results --figures

DATA is a folder of benchmark tables; the other one holds `scores/`, with the campaigns' Parquet exports, each called
like its configuration, and the page, whose tables are replaced, each below the comment that names it.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from result_pages import agreements, beside_each_other, chosen, repeated, replaced, shares, with_columns

from naslib_zc_plugin.benchmarks import benchmark
from naslib_zc_plugin.benchmarks.flexibert import FAILED, TABLE
from naslib_zc_plugin.campaign.store import read_table
from naslib_zc_plugin.files import replace_text
from naslib_zc_plugin.report.figures import RankSimilarity, heatmap, similarities
from naslib_zc_plugin.table import ScoreTable

KINDS = ["relu", "softmax", "relu+softmax"]
PRINTED = {"relu": (0.47, 0.59, 0.69), "relu+softmax": (0.21, 0.15, 0.32)}  # Table 1


class Results:
    """Campaigns' scores of every training of the benchmark that did not fail, and their GLUE."""

    def __init__(self, data: Path, results: Path) -> None:
        self._results = results
        self._known = benchmark("flexibert", data)
        trained = [row for row in TABLE.trainings(self._known.path) if row.number != FAILED[0]]
        self.glue = {str(row.number): row.scores["glue"] for row in trained}
        self._keys = {str(row.number): row.key for row in trained}

    def table(self, name: str) -> ScoreTable | None:
        """Return a row per training, with the product of hidden size and depth; None without an export."""
        path = self._results / "scores" / f"flexibert_{name}.parquet"
        if not path.exists():
            return None
        baselines = {"hidden × depth": self._known.column("hidden_times_depth")}
        return repeated(with_columns(read_table(path), baselines), self._keys)

    def similarities(self) -> dict[str, RankSimilarity]:
        """Compare the kinds of activations that are scored, with each other and with GLUE."""
        table = self.table("activations")
        return {} if table is None else similarities(chosen(table, KINDS), self.glue, "trained")


def tables(results: Results, resamples: int = 1000) -> dict[str, str]:
    """Return each table as Markdown, by its name in the page; those without a campaign are left out."""
    found = {}
    for name, title in (("activations", "table 1"), ("gradients", "gradients"), ("published", "published")):
        table = results.table(name)
        if table is not None:
            found[title] = agreements(table, results.glue, PRINTED if name == "activations" else None, resamples)
    found.update({f"figure 2 {name}": beside_each_other(one) for name, one in results.similarities().items()})
    activations = results.table("activations")
    if activations is not None:
        found["components"] = shares(activations, KINDS, resamples)
    return found


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("results", type=Path)
    parser.add_argument("--figures", action="store_true", help="draw the heat maps, too")
    arguments = parser.parse_args()
    results, page = Results(arguments.data, arguments.results), arguments.results / "flexibert.md"
    found = tables(results)
    replace_text(page, replaced(page.read_text(encoding="utf-8"), found))
    print(page, *found, sep="\n")
    if arguments.figures:
        for name, one in results.similarities().items():
            heatmap(arguments.results / "figures" / f"flexibert_activations_{name}.png", one)


if __name__ == "__main__":
    main()
