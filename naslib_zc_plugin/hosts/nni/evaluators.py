"""A proxy, a benchmark's table or plain training as NNI's evaluators, and a proxy as one of its profilers."""

from __future__ import annotations

import copy
from collections.abc import Collection
from pathlib import Path
from typing import Any

import nni
from nni.nas.evaluator import Evaluator
from nni.nas.profiler import Profiler
from nni.nas.space import BaseModelSpace, ExecutableModelSpace, SimplifiedModelSpace
from torch import Tensor, nn

from naslib_zc_plugin.benchmarks import benchmark as read
from naslib_zc_plugin.hosts._scoring import Images, NamedProxy, load_images
from naslib_zc_plugin.hosts.nni.samples import Sample, key101, key_of, space_of
from naslib_zc_plugin.hosts.nni.scoring import Scorer, logits, network
from naslib_zc_plugin.passes.seeding import derived_seed
from naslib_zc_plugin.search.evaluators.benchmark import quality
from naslib_zc_plugin.strategies import NoScore
from naslib_zc_plugin.training import accuracy, train

_WITH_SAMPLES = ("nasbench101", "nasbench201", "nasbench_nlp")
_WITHOUT_SAMPLES = ("nds_", "flexibert", "nats_sss", "nasbench301", "transnasbench101")


@nni.trace
class ZeroCostEvaluator(Evaluator):
    """A proxy's score as the metric; higher is better, also for proxies whose own direction is the other.

    The weights are drawn from the seed and the architecture (NNI draws them before it calls an evaluator). A score that
    is undefined or fails is not reported: the model fails with the reason in the log, and never wins. NNI's own
    strategies then need an engine with ``continue_on_failure``; ours go on by themselves.

    Args:
        proxy, dataset, batch, preset, batch_size, seed, device: see :class:`.scoring.Scorer`.

    Raises:
        ValueError, TypeError, DataError: see there.

    >>> from naslib_zc_plugin.hosts.nni import ZeroCostEvaluator  # doctest: +SKIP
    >>> evaluator = ZeroCostEvaluator("naswot", dataset={"source": "digits", "size": 32})  # doctest: +SKIP
    """

    def __init__(
        self, proxy: NamedProxy, dataset: Images | None = None, batch: Any = None, preset: str = "",
        batch_size: int = 64, seed: int = 0, device: str = "cpu",
    ) -> None:  # fmt: skip
        self.scorer = Scorer(proxy, dataset, batch, preset=preset, batch_size=batch_size, seed=seed, device=device)

    def evaluate(self, model: nn.Module) -> float:
        """Report the score of a network with the weights that it has; the network stays as it is."""
        return _report(self.scorer.oriented(self.scorer.of_network(copy.deepcopy(model))))

    def _execute(self, model: ExecutableModelSpace) -> float:
        return _report(self.scorer.fitness(model))


@nni.trace
class BenchmarkEvaluator(Evaluator):
    """A column of a benchmark's table as the metric; no network is built.

    Args:
        benchmark: one of :func:`~naslib_zc_plugin.benchmarks.list_benchmarks`; in NAS-Bench-101 isomorphic cells are
            one.
        metric: column of results. Where lower is better, its negative is reported.
        data: the data directory, ``NAS_ZC_DATA`` unless given; NAS-Bench-201's table is in the package and needs none.

    Raises:
        ValueError: no such benchmark or column, the column is no quality, no data directory is known where one is
            needed, or NNI's samples are no architectures of it; when models are evaluated, also for a model space that
            is not its own.
        DataError: the table is missing or damaged.

    >>> from naslib_zc_plugin.hosts.nni import BenchmarkEvaluator  # doctest: +SKIP
    >>> evaluator = BenchmarkEvaluator("nasbench201", "cifar10_val_12")  # doctest: +SKIP
    """

    def __init__(
        self, benchmark: str = "nasbench201", metric: str = "cifar10_val_12", data: str | Path | None = None
    ) -> None:
        if benchmark.startswith(_WITHOUT_SAMPLES):
            raise ValueError(
                f"architectures of {benchmark} have no samples in NNI; there are {', '.join(_WITH_SAMPLES)}"
            )
        table = read(benchmark, data)
        self._name = f"{metric} of {benchmark}"
        self._values, self._sign = quality(table, metric)
        self._space = next((name for name in _WITH_SAMPLES if benchmark.startswith(name)), "")
        self._example = next(iter(table.keys), "")

    def check_space(self, labels: Collection[str]) -> None:
        """Check that a model space, given its labels, is the benchmark's.

        Raises:
            ValueError: it is another.
        """
        if self._space and space_of(labels) != self._space:
            found = space_of(labels) or f"another one, with the choices {', '.join(sorted(labels)[:6])}"
            raise ValueError(f"{self._name} is of architectures of {self._space}; the model space is {found}")

    def evaluate(self, model: Any) -> float:
        """Raise ``TypeError``: networks are unknown to a table; NNI calls :meth:`_execute`."""
        raise TypeError("a benchmark knows architectures, not networks: run it in an experiment, or on a frozen model")

    def _execute(self, model: ExecutableModelSpace) -> float:
        self.check_space(model.sample)
        key = key101(model.sample) if self._space == "nasbench101" else key_of(model.sample)
        if key not in self._values:
            raise NoScore(f"there is no {self._name} for {key}; it has architectures such as {self._example}")
        return _report(self._sign * self._values[key])


@nni.trace
class TrainingEvaluator(Evaluator):
    """Accuracy after real training, by a plain loop, in per cent of the images that are held out.

    Weights and the order of the images depend on the seed and the architecture. NNI's evaluators of Lightning use one
    trainer for all models, so that in one process only the first is trained.

    Args:
        dataset: images, see :class:`.scoring.Scorer`; a pixel is 0 to 1.
        epochs, batch_size, learning_rate: see :func:`naslib_zc_plugin.training.train`.
        held_out: share of the images, drawn by the seed, that are not trained on.
        images: how many images to use, drawn by the seed; None: all.
        seed: of all that is drawn.
        device: where networks are trained.

    Raises:
        ValueError, TypeError, DataError: the images cannot be read, or the share leaves none on one side.

    >>> from naslib_zc_plugin.hosts.nni import TrainingEvaluator  # doctest: +SKIP
    >>> evaluator = TrainingEvaluator({"source": "digits", "size": 32}, epochs=2, images=256)  # doctest: +SKIP
    """

    def __init__(
        self, dataset: Images, epochs: int = 1, batch_size: int = 64, learning_rate: float = 0.1,
        held_out: float = 0.25, images: int | None = None, seed: int = 0, device: str = "cpu",
    ) -> None:  # fmt: skip
        source = load_images(dataset)
        count = len(source) if images is None else images
        x, y = source.random(count, seed).batch(count)
        part = round(held_out * count)
        if not 0 < part < count:
            raise ValueError(f"held_out={held_out} of {count} images leaves none on one side")
        self._parts = (x[part:], y[part:]), (x[:part], y[:part])
        self._options: dict[str, Any] = {"epochs": epochs, "batch_size": batch_size, "learning_rate": learning_rate}
        self._seed, self._device = seed, device

    def evaluate(self, model: nn.Module) -> float:
        """Train a network with the weights that it has, and report its accuracy."""
        return _report(self._accuracy(model, ""))

    def _execute(self, model: ExecutableModelSpace) -> float:
        key = key_of(model.sample)
        return _report(self._accuracy(network(model, self._seed, key), key))

    def _accuracy(self, net: nn.Module, key: str) -> float:
        net, (learnt, held) = _Logits(net).to(self._device), self._parts
        train(net, *learnt, seed=derived_seed(self._seed, "training", key), **self._options)
        return accuracy(net, *held)


class ProxyProfiler(Profiler):
    """A proxy as a profiler: scores samples of a model space; higher is better.

    Args:
        model_space: of the hub, or one's own.
        proxy: name of a proxy, or more, see :class:`.scoring.Scorer`.
        data: ``dataset`` or ``batch``, ``preset``, ``batch_size``, ``seed``, ``device``, see there.

    Raises:
        ValueError, TypeError, DataError: see there.

    >>> from naslib_zc_plugin.hosts.nni import ProxyProfiler  # doctest: +SKIP
    >>> ProxyProfiler(NasBench201(), "params", dataset="digits").profile(sample)  # doctest: +SKIP
    """

    def __init__(self, model_space: BaseModelSpace, proxy: NamedProxy, **data: Any) -> None:
        super().__init__(model_space)
        self.scorer = Scorer(proxy, **data)
        self._space = SimplifiedModelSpace.from_model(model_space)

    def profile(self, sample: Sample) -> float:
        """Return the score of a sample, negated if lower is better.

        Raises:
            NoScore: the score is undefined, or scoring failed.
            nni.mutable.SampleValidationError: the sample is not of the model space.
        """
        return self.scorer.fitness(self._space.freeze(dict(sample)))


class _Logits(nn.Module):
    """A network whose output is its logits alone."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, x: Tensor) -> Tensor:
        """Map images to logits."""
        return logits(self.net(x))


def _report(value: float) -> float:
    nni.report_final_result(value)
    return value
