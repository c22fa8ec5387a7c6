"""A search in NNI with its training service: trials are processes of their own, two at a time.

    pip install 'naslib-zc-plugin[nni]'
    python examples/nni_training_service.py --port 8080 --yes

CAUTION: NNI's server listens on the port at ALL network interfaces of the machine, and whoever reaches it can run
commands there; it has no password and no option that keeps it to this machine. Run this behind a firewall that closes
the port, or in a container without a network, and then add ``--yes``. nni_search.py needs no server.

Evaluators and the model space are named in modules that the trials' processes can import; ours are. Several trials end
in an order that is not the same twice, so that unlike with one worker histories differ from run to run.
"""

from __future__ import annotations

import argparse

from nni.nas.experiment import NasExperiment
from nni.nas.experiment.config import NasExperimentConfig
from nni.nas.hub.pytorch import NasBench201

from naslib_zc_plugin.hosts.nni import TrainingEvaluator, WarmUp, key_of

DIGITS = {"source": "digits", "size": 16}


def main() -> None:
    """Search, and print the best."""
    parser = argparse.ArgumentParser(description="Search with NNI's training service.")
    parser.add_argument("--port", type=int, default=8080)
    parser.add_argument("--trials", type=int, default=8)
    parser.add_argument("--yes", action="store_true", help="the port is closed to others")
    asked = parser.parse_args()
    if not asked.yes:
        parser.error("the server would listen on all network interfaces; read the top of this file")

    config = NasExperimentConfig("ts", "simplified", "local")
    config.max_trial_number = asked.trials
    config.trial_concurrency = 2
    experiment = NasExperiment(
        NasBench201(stem_out_channels=8, num_modules_per_stack=1),
        TrainingEvaluator(DIGITS, epochs=3, images=600),
        WarmUp(proxy="synflow", dataset=DIGITS, pool=30, evaluate=4, around="aging_evolution"),
        config,
    )
    experiment.run(asked.port)
    (best,) = experiment.export_top_models(1, formatter="dict")
    print(f"best: {key_of(best)}")
    experiment.stop()


if __name__ == "__main__":
    main()
