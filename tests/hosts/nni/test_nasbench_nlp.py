"""Recurrent cells as a model space of NNI: samples, searches with proxies by name."""

from __future__ import annotations

from pathlib import Path
from random import Random
from typing import Any

import pytest

from naslib_zc_plugin.spaces.nasbench_nlp import EXAMPLES, SPACE
from tests.hosts.nni import made
from tests.hosts.nni.needs import needs

SIZES = {"num_classes": 9, "embedding": 8, "hidden": 7, "layers": 2}


@pytest.fixture(scope="module")
def zc() -> Any:
    return needs("naslib_zc_plugin.hosts.nni")


@pytest.fixture(scope="module")
def batch() -> Any:
    torch = needs("torch")
    words = torch.randint(0, 9, (6, 6), generator=torch.Generator().manual_seed(0))
    return words[:, :-1], words[:, 1:]


def test_samples_are_keys_of_our_space(zc: Any, batch: Any) -> None:
    space = zc.NasBenchNlp(**SIZES)
    domain = zc.domain(space)
    key = domain.sample(Random(0))
    assert key == SPACE.canonical(SPACE.sample(Random(0)))
    sample = domain.to_sample(key)
    assert zc.key_of(sample) == key
    assert space.check_contains(sample) is None
    for other in ("tanh(x)>0", 5, None, ["tanh(x)>0"]):
        assert "recurrent_cell" in str(space.check_contains({"recurrent_cell": other}))
        with pytest.raises(ValueError):
            zc.key_of({"recurrent_cell": other})
    assert domain.neighbours(key) == SPACE.neighbours(key)
    assert domain.mutate(key, Random(1)) == SPACE.mutate(key, Random(1))
    model = made.frozen(space, key).executable_model()
    assert tuple(model(batch[0]).shape) == (6, 5, 9)
    own = SPACE.build(key, **SIZES)
    assert [tuple(each.shape) for each in model.parameters()] == [tuple(each.shape) for each in own.parameters()]


def test_nni_draws_cells_itself(zc: Any) -> None:
    space, state = zc.NasBenchNlp(**SIZES), needs("numpy").random.RandomState(0)
    drawn = {zc.key_of(_drawn(space, state)) for _ in range(5)}
    assert len(drawn) > 1
    assert space.simplify()["recurrent_cell"].default() == EXAMPLES["rnn"]


def _drawn(space: Any, state: Any) -> dict[str, Any]:
    sample: dict[str, Any] = {}
    needs("nni.mutable").MutableDict(space.simplify()).random(sample, state)
    return sample


@pytest.mark.parametrize("proxy", ["generalized_naswot", "hidden_covariance", "snip"])
def test_proxies_by_name_search_it(zc: Any, batch: Any, tmp_path: Path, proxy: str) -> None:
    evaluator = zc.ZeroCostEvaluator(proxy, batch=batch)
    strategy = zc.AgingEvolution(seed=0, population=3, sample=2)
    experiment = made.run(tmp_path, zc.NasBenchNlp(**SIZES), evaluator, strategy, 6)
    models = experiment.export_top_models(top_k=1, formatter="dict")
    assert SPACE.canonical(models[0]["recurrent_cell"])
