"""A strategy of ours as one of NASLib's optimizers: it asks and is told, ``Trainer`` owns the loop."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping
from typing import Any, Callable

from naslib.optimizers.core.metaclasses import MetaOptimizer
from naslib.search_spaces.core.query_metrics import Metric

from naslib_zc_plugin import strategies
from naslib_zc_plugin.hosts.naslib import given
from naslib_zc_plugin.hosts.naslib.benchmark import Benchmark
from naslib_zc_plugin.hosts.naslib.checkpoint import Checkpoint
from naslib_zc_plugin.hosts.naslib.domains import domain
from naslib_zc_plugin.hosts.naslib.graphs import build
from naslib_zc_plugin.hosts.naslib.record import Entry, Record
from naslib_zc_plugin.hosts.naslib.worth import fitness

Statistics = tuple[float, float, float, float]
logger = logging.getLogger(__name__)


class Search(MetaOptimizer):
    """Any strategy of :mod:`naslib_zc_plugin.strategies`, in ``naslib.defaults.trainer.Trainer``.

    One epoch is one evaluation; scoring by a proxy costs none. An architecture whose evaluation fails is told to have
    no worth and never wins; the search goes on. Once nothing is left to ask for, epochs evaluate nothing. Of what was
    evaluated the keys are kept, not the graphs. A search that begins again begins from its seed; one that is resumed
    goes on as if it had not been stopped.

    Args:
        strategy: its name.
        config: NASLib's (a ``CfgNode``, any mapping, any object): ``dataset``, and under ``search`` ``seed``,
            ``fidelity`` (the epoch of the training whose accuracy counts, −1: the last) and the strategy's options, by
            our names or NASLib's ``population_size`` and ``sample_size``.
        objective: worth of an architecture, a function of its parsed graph, higher is better; unless given, what
            NASLib's benchmark calls validation accuracy, in NAS-Bench-201 the test accuracy (:mod:`.tables`).
        proxy: what the strategy scores by, if it does: a proxy's name or a mapping with its options, a
            :class:`.predictor.ZeroCostPredictor`, or a function of the parsed graph, higher is better.
        data: for a proxy given by name: arguments of :class:`.predictor.ZeroCostPredictor`, its images above all.
        seed: of all that is drawn, weights included, instead of the configuration's.
        preset: published settings (:mod:`naslib_zc_plugin.strategies.PUBLISHED`), which the configuration overrules.
        options: the strategy's own, which overrule both; see its class in :mod:`naslib_zc_plugin.strategies`.

    Raises:
        ValueError, TypeError: no such strategy or proxy.
    """

    using_step_function = False

    def __init__(
        self,
        strategy: str,
        config: Any,
        *,
        objective: Callable[[Any], float] | None = None,
        proxy: Any = None,
        data: Mapping[str, Any] | None = None,
        seed: int | None = None,
        preset: str = "",
        **options: Any,
    ) -> None:
        super().__init__()
        self.config = config
        self._name = strategy
        usual = {"preset": preset or given.value(config, "search.preset", ""), **given.options(strategy, config)}
        self._options = {**usual, **options}
        self._seed = int(given.value(config, "search.seed", 0) if seed is None else seed)
        self._objective = objective
        self._proxy = None if proxy is None else fitness(proxy, **{"seed": self._seed, **(data or {})})
        self._checkpoint = Checkpoint(self.state_dict, self.load_state_dict)
        self._record = Record()

    @property
    def history(self) -> list[Entry]:
        """(key, fitness or None) of every evaluated architecture, in the order told."""
        return self._record.entries

    def adapt_search_space(self, search_space: Any, scope: Any = None, dataset_api: Any = None) -> None:
        """Search a space of NASLib's.

        Args:
            search_space: a graph without architecture; it stays as it is.
            scope: not used; strategies change the whole architecture.
            dataset_api: what the space's ``query`` reads, such as :func:`.tables.dataset_api` gives.

        Raises:
            ValueError, TypeError: an option that cannot be, a space that cannot be searched, or none that can be
                queried, and no objective.
        """
        self.search_space, self.dataset_api = search_space.clone(), dataset_api
        self._benchmark = Benchmark(self.search_space, given.value(self.config, "dataset", ""), dataset_api)
        if self._objective is None and not self._benchmark.answers:
            raise ValueError("what is an architecture worth? Give dataset_api= to query, or the optimizer objective=")
        self._domain = domain(self.search_space, dataset_api)
        self.before_training()

    def before_training(self) -> None:
        """Begin anew; a state that is to be continued is loaded after this."""
        score = None if self._proxy is None else self._score
        self._inner = strategies.strategy(self._name, self._domain, score=score, seed=self._seed, **self._options)
        self._record = Record()
        self._scores: dict[str, float | None] = {}
        self._epoch = -1

    def new_epoch(self, epoch: int) -> None:
        """Evaluate one architecture, unless this epoch's is known or there is none left."""
        self._epoch = epoch
        if epoch < len(self.history):
            return  # NASLib begins to count anew when a checkpoint of another folder is resumed
        try:
            key = self._inner.ask()
        except strategies.Exhausted as error:
            level = logging.WARNING if epoch == len(self.history) else logging.INFO  # the first of them, the others
            logger.log(level, "epoch %d evaluates nothing, and repeats what is known: %s", epoch, error)
            return
        worth, before = self._worth(key), self._inner.best
        self._inner.tell(key, worth)
        self._record.add(key, worth, best=self._inner.best != before)

    def _worth(self, key: str) -> float | None:
        try:
            found = float(self._evaluated(key))
        except Exception:
            logger.warning("the evaluation of %s failed; the search goes on", key, exc_info=True)
            return None
        return found if math.isfinite(found) else None

    def _evaluated(self, key: str) -> float:
        if self._objective is not None:
            return self._objective(self._built(key))
        epoch = given.value(self.config, "search.fidelity", -1)
        return float(self._benchmark.query(key, Metric.VAL_ACCURACY, epoch))

    def _score(self, key: str) -> float | None:
        assert self._proxy is not None
        if key not in self._scores:
            self._scores[key] = self._proxy(self._built(key))
        return self._scores[key]

    def _built(self, key: str) -> Any:
        return build(self.search_space, key, self.dataset_api, self._seed)

    def train_statistics(self, report_incumbent: bool = True) -> Statistics:
        """Train, validation and test accuracy and training time, of the best so far or of the last evaluated.

        NaN is what there is not: all of it while nothing has a fitness; of a space without benchmark all but the
        fitness, in the place of the validation accuracy.
        """
        entry = (self._record.best if report_incumbent else self._record.last)(self._epoch)
        if entry is None:
            return math.nan, math.nan, math.nan, math.nan
        if self._benchmark.answers:
            return self._benchmark.reported(entry[0])
        return math.nan, math.nan if entry[1] is None else entry[1], math.nan, math.nan

    def test_statistics(self) -> Any:
        """All that the benchmark has on the best so far; None where there is neither."""
        entry = self._record.best(self._epoch)
        return self._benchmark.raw(entry[0]) if entry and self._benchmark.answers else None

    def get_final_architecture(self) -> Any:
        """The parsed graph of the best architecture.

        Raises:
            ValueError: none was evaluated, or none has a fitness.
        """
        if self._inner.best is None:
            raise ValueError(f"none of {len(self.history)} evaluated architectures has a fitness: there is no best one")
        return self._built(self._inner.best[0])

    def get_op_optimizer(self) -> Any:
        """There is none: no weights are learnt.

        Raises:
            NotImplementedError: always.
        """
        raise NotImplementedError("a search that trains no weights has no optimizer of them")

    def get_checkpointables(self) -> dict[str, Any]:
        """A module that holds the search's state (:mod:`.checkpoint`)."""
        return {"model": self._checkpoint}

    def state_dict(self) -> dict[str, Any]:
        """Where the search stands, as values that JSON knows."""
        return {"search": self._inner.state_dict(), "scores": dict(self._scores), **self._record.state()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on where a search with the same arguments stood.

        Raises:
            ValueError: the state is another strategy's, or damaged.
        """
        try:
            record, scores, inside = Record.of(state), dict(state["scores"]), state["search"]
        except (LookupError, TypeError, ValueError) as error:
            raise ValueError(f"a damaged state of a search: {type(error).__name__}: {error}") from error
        self._inner.load_state_dict(inside)
        self._record, self._scores, self._epoch = record, scores, len(record.entries) - 1
