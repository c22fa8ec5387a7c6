"""A proxy judged by NASLib: its search space, its PredictorEvaluator, accuracies from our table.

    python examples/naslib_predictor.py configs/naslib/predictor.yaml --data DIR

NASLib's source must be importable (`git clone https://github.com/automl/NASLib`, on PYTHONPATH), with the packages that
``pip install 'naslib-zc-plugin[naslib]'`` brings. DIR holds benchmark tables and probe images.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from naslib_zc_plugin.hosts.naslib import compat


def main(config_file: Path, data: Path) -> None:
    """Evaluate the predictor that the configuration names, and print what NASLib found."""
    compat.repair()  # what is broken on this Python; nothing where nothing is
    from naslib import utils
    from naslib.defaults.predictor_evaluator import PredictorEvaluator
    from naslib.search_spaces import get_search_space

    from naslib_zc_plugin.hosts.naslib import configuration, dataset_api, predictor_of

    config = configuration(config_file, data)
    utils.set_seed(config.seed)
    evaluator = PredictorEvaluator(predictor_of(config), config=config)
    space = get_search_space(config.search_space, config.dataset)
    evaluator.adapt_search_space(space, load_labeled=False, dataset_api=dataset_api(config.search_space, data))
    evaluator.evaluate()
    kendall, spearman = (evaluator.results[-1][name] for name in ("kendalltau", "spearman"))
    print(f"{config.predictor}, {config.test_size} architectures: Kendall {kendall:.3f}, Spearman {spearman:.3f}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("config", type=Path)
    parser.add_argument("--data", type=Path, required=True)
    arguments = parser.parse_args()
    main(arguments.config, arguments.data)
