"""NASLib itself: broken without the repairs, whole with them, whether they come before its import or after."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr

from naslib_zc_plugin.hosts.naslib.compat import repairs
from tests.hosts.naslib.needs import needs

utils = needs("naslib.utils")
spaces = needs("naslib.search_spaces")

_IMPORTS = "predictors optimizers search_spaces defaults.trainer defaults.predictor_evaluator evaluators".split()


def _python(code: str) -> str:
    """What the code prints, in a process that finds NASLib where this one does."""
    tree = str(Path(utils.__file__).parents[2])
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([*filter(None, [os.environ.get("PYTHONPATH")]), tree])},
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def test_parameters_are_counted() -> None:
    net = torch.nn.Sequential(torch.nn.Conv2d(3, 8, 3), torch.nn.Linear(10, 7))
    assert utils.count_parameters_in_MB(net) == pytest.approx(sum(p.numel() for p in net.parameters()) / 1e6)


def test_metrics_are_numbers() -> None:
    evaluator = needs("naslib.defaults.predictor_evaluator").PredictorEvaluator
    rng = np.random.default_rng(0)
    true, given = rng.normal(size=(2, 120))
    for found in (utils.compute_scores(true, given), evaluator.compare(None, true, given)):
        assert found["spearman"] == pytest.approx(spearmanr(true, given)[0])
        assert found["rmse"] == pytest.approx(np.sqrt(np.mean((true - given) ** 2)))


@pytest.mark.parametrize("space", ["NasBench201SearchSpace", "NATSBenchSizeSearchSpace", "NasBenchASRSearchSpace"])
def test_the_text_of_a_hash_is_that_of_a_tuple(space: str) -> None:
    parent, child = (getattr(spaces, space)() for _ in range(2))
    parent.instantiate_model = child.instantiate_model = False
    parent.sample_random_architecture(dataset_api=None)
    child.mutate(parent, dataset_api=None)
    for graph in (parent, child):
        assert ast.literal_eval(str(graph.get_hash())) == graph.get_hash()


def test_it_is_broken_without_and_whole_when_repaired_late() -> None:
    needed = [each.name for each in repairs() if each.status == "applied"]
    loads = [name for name in ("collections", "torchvision-operators", "missing-packages") if name in needed]
    code = f"""
from naslib_zc_plugin.hosts.naslib import compat
compat.repair({loads})
import naslib.utils, naslib.optimizers, naslib.search_spaces, torch, numpy
from naslib.utils import count_parameters_in_MB

def state():
    broken = set()
    try:
        count_parameters_in_MB(torch.nn.Linear(2, 3))
    except TypeError:
        broken.add("numpy-sum")
    if numpy.isnan(naslib.utils.compute_scores(range(101), range(101))["spearman"]):
        broken.add("sklearn-squared")
    graph = naslib.search_spaces.NasBench201SearchSpace()
    graph.set_spec([numpy.int64(4)] * 6)
    if "int64" in str(graph.get_hash()):
        broken.add("numpy-hashes")
    return broken

before = state()
compat.repair()
print(sorted(before), sorted(state()))
"""
    expected = sorted({"numpy-sum", "sklearn-squared", "numpy-hashes"} & set(needed))
    assert _python(code).splitlines()[-1] == f"{expected} []"


def test_without_the_packages_of_its_corners_it_is_imported_and_proxies_score() -> None:
    code = f"""
import importlib.util, sys
from naslib_zc_plugin.hosts.naslib import compat

# Matplotlib, which NASLib needs, needs six as well.
gone = {{*compat.CORNERS, "tkinter", "_tkinter"}} - {{"turtle", "six"}}
find = importlib.util.find_spec

class Gone:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in gone:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

compat.find_spec = lambda name: None if name in gone else find(name)
sys.meta_path.insert(0, Gone())
assert "missing-packages" in compat.repair()
from importlib import import_module
for name in {_IMPORTS}:
    import_module(f"naslib.{{name}}")
assert not gone & {{name.partition(".")[0] for name in sys.modules}}
import torch
from naslib.predictors import ZeroCost
graph = import_module("naslib.search_spaces").NasBench201SearchSpace()
graph.sample_random_architecture()
graph.parse()
batch = [(torch.randn(4, 3, 16, 16), torch.arange(4))]
assert ZeroCost("jacov").query(graph, batch) < 0
try:
    ZeroCost("flops").query(graph, batch)
except ImportError as error:
    print(error)
"""
    said = _python(code).splitlines()[-1]
    assert said == "tensorwatch.ModelStats is used, and tensorwatch is not installed: pip install tensorwatch"
