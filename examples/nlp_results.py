"""Makes the tables and figures of docs/results/nasbench_nlp.md: "ReLU is all you need for NASWOT" on recurrent cells.

    python examples/nlp_results.py DATA docs/results
    python examples/nlp_results.py DATA docs/results --figures

DATA is a folder of benchmark tables; the other one holds `scores/`, with the campaigns' Parquet exports, each called
like its configuration, and the page, whose tables are replaced, each below the comment that names it.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path

from result_pages import agreements, beside_each_other, chosen, replaced, shares

from naslib_zc_plugin.benchmarks import benchmark
from naslib_zc_plugin.campaign.store import read_table
from naslib_zc_plugin.files import replace_text
from naslib_zc_plugin.report.figures import heatmap, similarities
from naslib_zc_plugin.table import ScoreTable

KINDS = ["relu", "sigmoid", "tanh", "relu+sigmoid", "relu+tanh", "sigmoid+tanh", "relu+sigmoid+tanh"]
# Table 1, with signs turned: there a lower perplexity is better, here + prefers it.
PRINTED = {"signs": (0.27, 0.24, 0.43), "relu": (0.27, 0.24, 0.43), "relu+sigmoid+tanh": (0.31, -0.05, 0.46)}


def perplexities(data: Path) -> dict[str, float]:
    """Return test perplexities on PTB by architecture, negated."""
    return {key: -value for key, value in benchmark("nasbench_nlp", data).column("ptb_test_ppl").items()}


def read(results: Path, name: str) -> ScoreTable | None:
    """Return the export of a campaign; None where there is none."""
    path = results / "scores" / f"nasbench_nlp_{name}.parquet"
    return read_table(path) if path.exists() else None


def tables(data: Path, results: Path, resamples: int = 1000) -> dict[str, str]:
    """Return each table as Markdown, by its name in the page; those without a campaign are left out."""
    truth, found = perplexities(data), {}
    activations, partitions, loss, hidden = (
        read(results, name) for name in ("activations", "partitions", "loss", "hidden")
    )
    if activations is not None:
        found["table 1"] = agreements(activations, truth, PRINTED, resamples)
        found.update(_each_other(activations, truth))
        found["components"] = shares(chosen(_trained(activations, truth), KINDS), KINDS, resamples)
    if partitions is not None:
        tested = activations.keys if activations is not None else ()
        found["partitions"] = agreements(chosen(partitions, list(partitions), set(tested)), truth, resamples=resamples)
    if loss is not None:
        found["loss"] = agreements(loss, truth, resamples=resamples)
    if hidden is not None:
        found["hidden"] = agreements(hidden, truth, {"hidden_covariance 1": (0.37, None, None)}, resamples)
    return found


def _trained(table: ScoreTable, truth: Mapping[str, float]) -> ScoreTable:
    return chosen(table, list(table), {key for key in table.keys if key not in truth})


def _each_other(table: ScoreTable, truth: Mapping[str, float]) -> dict[str, str]:
    found = similarities(chosen(table, KINDS), truth, "trained")
    return {f"figure 2 {name}": beside_each_other(one) for name, one in found.items()}


def draw(data: Path, results: Path) -> None:
    """Draw Figure 2 for each coefficient."""
    table = read(results, "activations")
    if table is not None:
        for name, found in similarities(chosen(table, KINDS), perplexities(data), "trained").items():
            heatmap(results / "figures" / f"nasbench_nlp_activations_{name}.png", found)


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("results", type=Path)
    parser.add_argument("--figures", action="store_true", help="draw the heat maps, too")
    arguments = parser.parse_args()
    page = arguments.results / "nasbench_nlp.md"
    found = tables(arguments.data, arguments.results)
    replace_text(page, replaced(page.read_text(encoding="utf-8"), found))
    print(page, *found, sep="\n")
    if arguments.figures:
        draw(arguments.data, arguments.results)


if __name__ == "__main__":
    main()
