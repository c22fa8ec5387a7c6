# %% [markdown]
# # Zero-cost proxies for users of NNI
#
# Cells as in a notebook: run them one by one in an editor that knows `# %%`, or all by `python nni_notebook.py`.
# Needs `pip install 'naslib-zc-plugin[nni]'`. No server is started.

# %%
import logging
import math
import tempfile
from random import Random

import torch
from nni.nas.experiment import NasExperiment
from nni.nas.experiment.config import NasExperimentConfig
from nni.nas.hub.pytorch import DARTS, NasBench101, NasBench201
from nni.nas.nn.pytorch import LayerChoice, ModelSpace
from nni.nas.strategy import RegularizedEvolution
from nni.nas.strategy.middleware import Chain, Filter

import naslib_zc_plugin as zc
from naslib_zc_plugin.hosts.nni import NoScore, ProxyProfiler, WarmUp, ZeroCostEvaluator, domain, key_of

logging.getLogger("nni").setLevel(logging.ERROR)  # NNI reports every step
torch.set_num_threads(1)
IMAGES = {"source": "synthetic:normal", "n": 32, "size": 16}

# %% [markdown]
# ## Your own model space
#
# A proxy is an evaluator: a network is scored instead of trained. Weights depend on the seed and the architecture
# alone, so that a score is the same at every call.


# %%
class Mine(ModelSpace):
    """Two layers, each a choice."""

    def __init__(self, width: int = 16) -> None:
        super().__init__()
        self.first = LayerChoice(
            [torch.nn.Conv2d(3, width, size, padding=size // 2) for size in (1, 3, 5)], label="one"
        )
        self.second = LayerChoice(
            [torch.nn.Conv2d(width, width, size, padding=size // 2) for size in (1, 3, 5)], label="two"
        )
        self.head = torch.nn.Linear(width, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map images to logits."""
        x = torch.relu(self.first(x))
        return self.head(torch.relu(self.second(x)).mean((2, 3)))


def run(space: ModelSpace, evaluator: object, strategy: object, trials: int) -> NasExperiment:
    """Run an experiment in this process."""
    config = NasExperimentConfig("sequential", "simplified", "local")
    config.max_trial_number = trials
    config.experiment_working_directory = tempfile.mkdtemp()
    config.execution_engine.continue_on_failure = True
    experiment = NasExperiment(space, evaluator, strategy, config)
    experiment.run()
    experiment.stop()
    return experiment


found = run(Mine(), ZeroCostEvaluator("naswot", IMAGES), RegularizedEvolution(population_size=4, sample_size=2), 6)
for model in found.export_top_models(3):
    print(f"{model.metric:8.2f}  {model.sample}")

# %% [markdown]
# ## A warm-up before real evaluation
#
# Two lines in an existing script: the import and the strategy. The pool is scored outside of the budget of trials.

# %%
strategy = WarmUp(proxy="synflow", dataset=IMAGES, pool=9, evaluate=4, distinct=True, around="aging_evolution")
run(Mine(), ZeroCostEvaluator("grad_norm", IMAGES), strategy, 6)
for key, fitness in strategy.history:
    print(f"{fitness:8.3f}  {key}")

# %% [markdown]
# ## NNI's spaces, by key
#
# NAS-Bench-201 has the benchmark's strings, any other space a short JSON text. Whatever NNI builds and does not use is
# not counted: a cell of NAS-Bench-101 has a projection for every node there.

# %%
for space in (NasBench201(8, 1), NasBench101(8, 2, 1), DARTS(width=4, num_cells=3)):
    keys = domain(space)
    key = keys.sample(Random(0))
    profiler = ProxyProfiler(space, "params", dataset=IMAGES)
    print(f"{type(space).__name__}: {profiler.profile(keys.to_sample(key)):,.0f} parameters, {key[:60]}")

# %% [markdown]
# ## A profiler in NNI's own middleware
#
# Candidates below a score are not evaluated, and cost no trial.

# %%
space = NasBench201(8, 1)
profiler = ProxyProfiler(space, "naswot", dataset=IMAGES)
names = domain(space)


def score(sample: dict[str, str]) -> float:
    """Return the score of a sample; below all others where it is undefined, such as of a network without path."""
    try:
        return profiler.profile(sample)
    except NoScore:
        return -math.inf


floor = sorted(score(names.to_sample(names.sample(Random(seed)))) for seed in range(9))[4]
passing = Chain(RegularizedEvolution(population_size=4, sample_size=2), Filter(lambda m: score(m.sample) > floor))
found = run(space, ZeroCostEvaluator("synflow", IMAGES), passing, 5)
print(f"best of those with naswot above {floor:.1f}: {key_of(found.export_top_models(1)[0].sample)}")

# %% [markdown]
# ## What there is

# %%
for name in zc.list_proxies():
    print(f"{name:16} {zc.describe(name).summary}")
