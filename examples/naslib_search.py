"""A search in NASLib: its search space, its Trainer, and an optimizer of ours or one of its own with our proxies.

    python examples/naslib_search.py configs/naslib/area.yaml --data DIR
    python examples/naslib_search.py configs/naslib/bananas.yaml --data DIR
    python examples/naslib_search.py configs/naslib/area.yaml --data DIR --resume run/…/search/model_0000029.pth

NASLib's source must be importable (`git clone https://github.com/automl/NASLib`, on PYTHONPATH), with the packages that
``pip install 'naslib-zc-plugin[naslib]'`` brings. DIR holds benchmark tables and probe images.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from naslib_zc_plugin.hosts.naslib import compat


def main(config_file: Path, data: Path, resume: str = "") -> float:
    """Search as the configuration says; print and return the test accuracy of the best architecture, in percent."""
    compat.repair()  # what is broken on this Python; nothing where nothing is
    from naslib import utils
    from naslib.defaults.trainer import Trainer
    from naslib.search_spaces import get_search_space

    from naslib_zc_plugin.hosts.naslib import configuration, dataset_api, key_of, optimizer_of

    config = configuration(config_file, data)
    utils.set_seed(config.seed)
    search, api = optimizer_of(config), dataset_api(config.search_space, data)
    search.adapt_search_space(get_search_space(config.search_space, config.dataset), dataset_api=api)
    trainer = Trainer(search, config, lightweight_output=True)
    trainer.search(resume_from=resume)
    accuracy = float(trainer.evaluate(dataset_api=api))
    print(f"{config.optimizer}: {accuracy:.2f} % in {config.save}, {key_of(search.get_final_architecture())}")
    return accuracy


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("config", type=Path)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--resume", default="", metavar="CHECKPOINT", help="Go on from a checkpoint of this search.")
    arguments = parser.parse_args()
    main(arguments.config, arguments.data, arguments.resume)
