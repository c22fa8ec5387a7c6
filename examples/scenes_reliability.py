"""Measure whether training on scenes means something: two seeds on the same networks, beside CIFAR-10.

    python3 examples/scenes_reliability.py scenes.jsonl --networks 200
    python3 examples/scenes_reliability.py scenes2.jsonl --networks 200 --pieces 2 --batch-size 32

Each network of a random sample of NAS-Bench-201 is trained by the ``training`` evaluator with each seed, which draws
the scenes, the weights and the order. Every training is a line of the file, and the same command goes on where it was
stopped. It prints Spearman's rho and Kendall's tau of the seeds' test accuracies with each other, and of their mean
with the test accuracy on CIFAR-10 that the package's table has, each with a 95 % interval of a bootstrap over networks.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
from scipy.stats import kendalltau, spearmanr

from naslib_zc_plugin.benchmarks import benchmark
from naslib_zc_plugin.files import DataError
from naslib_zc_plugin.search.config import SearchConfig
from naslib_zc_plugin.search.evaluators.training import TrainingEvaluator
from naslib_zc_plugin.spaces import space

METRIC = TrainingEvaluator.metric_names[0]
RESAMPLES = 1000


def sample(number: int) -> list[str]:
    """Return random keys; those of a smaller number are the first of a larger one."""
    whole = space("nasbench201")
    return [whole.key(index) for index in Random(1).sample(range(whole.size or 0), number)]


def measure(path: Path, keys: Sequence[str], seeds: Sequence[int], options: dict[str, Any]) -> list[dict[str, Any]]:
    """Train what the file does not have, and return its lines of these keys and seeds.

    Raises:
        DataError: the file has results of other options.
    """
    lines = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    if any(line["options"] != options for line in lines):
        raise DataError(path, f"results with {options}", f"{lines[0]['options']}: name another file")
    done = {(line["key"], line["seed"]) for line in lines}
    for seed in seeds:
        left = [key for key in keys if (key, seed) not in done]
        if not left:
            continue
        evaluator = TrainingEvaluator(SearchConfig(space="nasbench201", seed=seed), None, None, **options)
        for key in left:
            found = evaluator(key)
            accuracies = {"validation": found.fitness, "test": found.metrics[METRIC]}
            lines.append({"key": key, "seed": seed, **accuracies, "seconds": found.seconds, "options": options})
            with path.open("a") as file:
                file.write(json.dumps(lines[-1]) + "\n")
    wanted = set(keys), set(seeds)
    return [line for line in lines if line["key"] in wanted[0] and line["seed"] in wanted[1]]


def table(lines: Sequence[dict[str, Any]], keys: Sequence[str], seeds: Sequence[int]) -> list[str]:
    """Return the lines of the result."""
    tested = {(line["key"], line["seed"]): line["test"] for line in lines}
    first, second = (np.array([tested[key, seed] for key in keys]) for seed in seeds)
    trained = benchmark("nasbench201").column("cifar10_test_200")
    real = np.array([trained[key] for key in keys])
    seconds = np.array([line["seconds"] for line in lines])
    low, middle, high = np.quantile(np.concatenate([first, second]), [0.1, 0.5, 0.9])
    return [
        f"{len(keys)} networks, seeds {seeds[0]} and {seeds[1]}; {np.median(seconds):.1f} s a training (median)",
        f"test accuracy: 10 % below {low:.1f}, half below {middle:.1f}, 90 % below {high:.1f}",
        f"between the seeds: {agreement(first, second)}",
        f"with CIFAR-10 (mean of the seeds): {agreement((first + second) / 2, real)}",
    ]


def agreement(first: np.ndarray, second: np.ndarray) -> str:
    """Return both rank correlations with their intervals."""
    rng = np.random.default_rng(0)
    draws = rng.integers(len(first), size=(RESAMPLES, len(first)))
    parts = []
    for name, statistic in (("rho", spearmanr), ("tau", kendalltau)):
        drawn = [statistic(first[rows], second[rows]).statistic for rows in draws]
        low, high = np.nanquantile(drawn, [0.025, 0.975])
        parts.append(f"{name} {statistic(first, second).statistic:.2f} [{low:.2f}, {high:.2f}]")
    return ", ".join(parts)


def main() -> None:
    """Read the command line, train what is left, and print the result."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", type=Path, help="a file with a line for each training")
    parser.add_argument("--networks", type=int, default=200)
    parser.add_argument("--seeds", type=int, nargs=2, default=[0, 1])
    parser.add_argument("--pieces", type=int, default=1)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--learning-rate", type=float, default=0.1)
    asked = parser.parse_args()
    options = {
        "images": {"source": "scenes", "pieces": asked.pieces},
        "batch_size": asked.batch_size,
        "learning_rate": asked.learning_rate,
    }
    keys = sample(asked.networks)
    print(*table(measure(asked.results, keys, asked.seeds, options), keys, asked.seeds), sep="\n")


if __name__ == "__main__":
    main()
