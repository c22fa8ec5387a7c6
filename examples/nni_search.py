"""A search in NNI, in this process: a proxy ranks a pool, real training judges the best of it, evolution goes on.

    pip install 'naslib-zc-plugin[nni]'
    python examples/nni_search.py

Everything but the strategy is what an NNI script has anyhow. In a script of yours, take another strategy out and put

    from naslib_zc_plugin.hosts.nni import WarmUp
    strategy = WarmUp(proxy="synflow", batch=loader, pool=500, evaluate=20, around="aging_evolution")

in: the model space, the evaluator and the experiment stay as they are. ``batch`` is a DataLoader, or inputs and labels,
that your networks take. No server is started; with NNI's training service it is the same (nni_training_service.py).
"""

from __future__ import annotations

import tempfile

import torch
from nni.nas.experiment import NasExperiment
from nni.nas.experiment.config import NasExperimentConfig
from nni.nas.hub.pytorch import NasBench201

from naslib_zc_plugin.hosts.nni import Area, TrainingEvaluator, key_of

DIGITS = {"source": "digits", "size": 16}


def main(trials: int = 12) -> None:
    """Search, and print the result."""
    torch.set_num_threads(1)  # networks so small are no faster with more
    space = NasBench201(stem_out_channels=8, num_modules_per_stack=1)
    evaluator = TrainingEvaluator(DIGITS, epochs=5, images=600, seed=0)
    strategy = Area(proxy="naswot", dataset=DIGITS, pool=30, population=6, sample=3, seed=0)

    config = NasExperimentConfig("sequential", "simplified", "local")
    config.max_trial_number = trials
    config.experiment_working_directory = tempfile.mkdtemp()
    experiment = NasExperiment(space, evaluator, strategy, config)
    experiment.run()
    experiment.stop()

    for number, (key, accuracy) in enumerate(strategy.history, 1):
        print(f"{number:3}  {'failed' if accuracy is None else f'{accuracy:5.1f} %'}  {key}")
    (best,) = experiment.export_top_models(1, formatter="dict")
    print(f"best: {key_of(best)}")


if __name__ == "__main__":
    main()
