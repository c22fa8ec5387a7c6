"""Proxies as a hyperparameter of NNI: which one, on how many images, chooses the best networks?

    pip install 'naslib-zc-plugin[nni]'
    python examples/nni_hpo.py       # NAS-Bench-201's accuracies, which are in the package, judge the proxies

The tuner is ours, by its name in NNI. ``register`` here, or ``nnictl algo register --meta`` with the file
``naslib_zc_plugin/hosts/nni/tuner.yml``, makes the name known; ``AlgorithmConfig(name="Random")`` would do as well.

CAUTION: an HPO experiment starts NNI's server, which listens on the port at ALL network interfaces of the machine,
without a password. Run it where nobody else reaches that port.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import Any

from nni.experiment import AlgorithmConfig, Experiment

from naslib_zc_plugin.hosts.nni import register

SPACE: dict[str, Any] = {
    "proxy": {"_type": "choice", "_value": ["naswot", "synflow", "grad_norm", "params"]},
    "batch_size": {"_type": "choice", "_value": [16, 32, 64]},
    "candidates": {"_type": "choice", "_value": [10]},
    "seed": {"_type": "choice", "_value": [0, 1, 2, 3]},
}


def experiment(trials: int) -> Experiment:
    """Return the experiment, not begun."""
    made = Experiment("local")
    made.config.search_space = SPACE
    made.config.trial_command = f"{sys.executable} nni_hpo_trial.py"
    made.config.trial_code_directory = Path(__file__).parent
    made.config.trial_concurrency = 1
    made.config.max_trial_number = trials
    made.config.tuner = AlgorithmConfig(
        name=register(), class_args={"strategy": "aging_evolution", "population": 6, "sample": 3, "seed": 0}
    )
    return made


def main() -> None:
    """Run it, and print the trials."""
    parser = argparse.ArgumentParser(description="Let NNI find the proxy that chooses best.")
    parser.add_argument("--trials", type=int, default=12)
    parser.add_argument("--port", type=int, default=8080)
    parser.add_argument("--data", help="directory with a table of NAS-Bench-201 that goes before the package's")
    asked = parser.parse_args()
    if asked.data:
        os.environ["NAS_ZC_DATA"] = str(Path(asked.data).resolve())
    running = experiment(asked.trials)
    running.run(asked.port)
    for trial in sorted(running.export_data(), key=lambda trial: -float(trial.value)):
        print(f"{float(trial.value):10.3f}  {trial.parameter}")
    running.stop()


if __name__ == "__main__":
    main()
