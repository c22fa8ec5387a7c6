"""A trial of nni_hpo.py: scores one cell of NAS-Bench-201 by one proxy, and reports how good a choice that was.

The result is the trained accuracy of the cell with the best score among some, as the benchmark's table has it: which
proxy chooses best is then a question for NNI.
"""

from __future__ import annotations

from random import Random
from typing import Any

import nni

import naslib_zc_plugin as zc
from naslib_zc_plugin.benchmarks import benchmark
from naslib_zc_plugin.passes.seeding import seed_everything
from naslib_zc_plugin.probes import probe
from naslib_zc_plugin.spaces import space


def result(given: dict[str, Any]) -> float:
    """Return the accuracy, in per cent, of the network that the proxy chooses."""
    topologies = space("nasbench201")
    rng = Random(given["seed"])
    keys = [topologies.sample(rng) for _ in range(given["candidates"])]
    batch = probe("digits", size=16).balanced(given["batch_size"], seed=0).batch(given["batch_size"])
    scores = {}
    for key in keys:
        seed_everything(0, "weights", key)
        scores[key] = zc.score(topologies.build(key, C=8, N=1), batch, given["proxy"])[given["proxy"]].value
    sign = 1 if zc.describe(given["proxy"]).higher_is_better else -1
    defined = {key: sign * value for key, value in scores.items() if value is not None}
    chosen = max(defined, key=lambda key: defined[key])
    return benchmark("nasbench201").column("cifar10_val_200")[chosen]


if __name__ == "__main__":
    nni.report_final_result(result(nni.get_next_parameter()))
