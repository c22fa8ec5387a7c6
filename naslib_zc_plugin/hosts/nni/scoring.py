"""The network of an NNI model, and its score: the same one in evaluators, profilers and strategies."""

from __future__ import annotations

import copy
import logging
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import partial
from random import Random
from typing import Any, Callable, cast

import torch
from nni.nas.space import ExecutableModelSpace, RawFormatModelSpace, SimplifiedModelSpace
from torch import Tensor, nn

from naslib_zc_plugin.aggregates import SAMPLE
from naslib_zc_plugin.hosts._scoring import BatchSource, Images, JoinedProxies, NamedProxy, quiet
from naslib_zc_plugin.hosts.nni.domains import domain
from naslib_zc_plugin.hosts.nni.samples import key_of, space_of
from naslib_zc_plugin.passes.inputs import tensors, tree_map
from naslib_zc_plugin.passes.network import pick_logits
from naslib_zc_plugin.passes.seeding import derived_seed, kept_random_states, seed_everything
from naslib_zc_plugin.proxies import describe
from naslib_zc_plugin.scoring import Score, score

_SAMPLES = 2  # the fewest that batch norm takes in train mode


class Scorer:
    """Scores frozen models.

    All that is random depends on the seed and the architecture: scores are bitwise the same, however often and in
    whatever order. They are those of the modules that the network uses (:func:`without_unused`).

    Args:
        proxy: name; or a mapping with ``name`` and the proxy's options; or what :func:`naslib_zc_plugin.proxy` makes;
            or the name of an aggregate, such as ``"recommended"``, which ranks a model in a random sample of its space.
        dataset, batch, preset, batch_size: see :class:`naslib_zc_plugin.hosts._scoring.BatchSource`; one of the first
            two.
        seed: of the images, the weights, the proxy's draws and an aggregate's sample.
        device: where networks are scored.
        sample: number of models in an aggregate's sample.

    Raises:
        ValueError: the proxy or preset is unknown, not one of dataset and batch is given, or the images are too few.
        TypeError: the proxy or the source has no such option.
        DataError: the images cannot be read.

    >>> from naslib_zc_plugin.hosts.nni import Scorer  # doctest: +SKIP
    >>> Scorer("naswot", {"source": "digits", "size": 32})(model).value  # doctest: +SKIP
    """

    def __init__(
        self, proxy: NamedProxy, dataset: Images | None = None, batch: Any = None, *,
        preset: str = "", batch_size: int = 64, seed: int = 0, device: str = "cpu", sample: int = SAMPLE,
    ) -> None:  # fmt: skip
        if (dataset is None) == (batch is None):
            raise ValueError("give one of dataset= (images) and batch= (inputs and labels, or a DataLoader)")
        self.proxies = JoinedProxies(proxy, sample)
        self.seed, self._device = seed, torch.device(device)
        self._source = BatchSource(dataset, batch, preset, batch_size, seed)

    def __call__(self, model: ExecutableModelSpace) -> Score:
        """Return the score of a frozen model; that of a network that cannot be built has failed.

        Raises:
            NoScore: an aggregate says nothing of its sample.
        """
        return self.proxies.joined(self._scores(model), lambda count: map(self._scores, self._drawn(model, count)))

    def _scores(self, model: ExecutableModelSpace) -> dict[str, Score]:
        key, space = key_of(model.sample), space_of(model.sample)
        try:
            net = network(model, self.seed, key)
        except Exception as error:
            reason = f"the network cannot be built: {type(error).__name__}: {error}"
            infos = {each.label: describe(each.name) for each in self.proxies.requests}
            failed = partial(Score, None, "failed", reason, 0.0, None)
            return {label: failed(info.name, info.version) for label, info in infos.items()}
        return self.member_scores(net, key, space)

    def _drawn(self, model: ExecutableModelSpace, count: int) -> Iterator[ExecutableModelSpace]:
        """Yield random models of a frozen one's space."""
        whole = _whole(model)
        found, rng = domain(whole), Random(f"{self.seed} sample")
        return (whole.freeze(found.to_sample(found.sample(rng))) for _ in range(count))

    def member_scores(self, net: nn.Module, key: str = "", space: str = "") -> dict[str, Score]:
        """Return the scores of a network by label, with the weights that it has; an aggregate's with fresh ones.

        Args:
            net: a network that is the caller's to give away: modules that it does not use are taken out of it.
            key: architecture, on which images and draws depend.
            space: the benchmark of its space, on which the protocol may depend.
        """
        batch = self._source.batch(space, key)
        net, detour = without_unused(net.to(self._device), tree_map(lambda each: each.to(self._device), batch[0]))
        asked = [self._source.request(each, space) for each in self.proxies.requests]
        seed = derived_seed(self.seed, key)
        found = score(net, batch, asked, seed=seed, logits=logits, weights=self.proxies.weights)
        if not detour:
            return found
        return {label: replace(each, detours=(*each.detours, detour)) for label, each in found.items()}

    def of_network(
        self, net: nn.Module, key: str = "", draw: Callable[[int], Iterable[tuple[nn.Module, str]]] | None = None
    ) -> Score:
        """Return the score of a network with the weights that it has; see :meth:`member_scores`.

        Args:
            net: likewise.
            key: likewise.
            draw: returns so many random networks of its space with their keys, for an aggregate.

        Raises:
            ValueError: an aggregate has no networks to compare with.
        """
        if self.proxies.aggregate and draw is None:
            raise ValueError(
                f"{self.proxies.label} ranks a network in a sample of its space: evaluate a frozen model of one"
            )
        sample = (lambda count: (self.member_scores(*each) for each in draw(count))) if draw else lambda count: ()
        return self.proxies.joined(self.member_scores(net, key), sample)

    def fitness(self, model: ExecutableModelSpace) -> float:
        """Return the score of a frozen model, negated if lower is better.

        Raises:
            NoScore: the score is undefined, or scoring failed.
        """
        return self.oriented(self(model))

    def oriented(self, found: Score) -> float:
        """Return the value of a score, negated if lower is better.

        Raises:
            NoScore: the score has no value.
        """
        return self.proxies.fitness(found)


def _whole(model: ExecutableModelSpace) -> SimplifiedModelSpace:
    """Return the space of a frozen model, none of its choices made."""
    if isinstance(model, RawFormatModelSpace):
        return SimplifiedModelSpace.from_model(model.model_space)
    return SimplifiedModelSpace(model.model, model.mutables, None)


def network(model: ExecutableModelSpace, seed: int, key: str) -> nn.Module:
    """Build the network of a frozen model; random states are afterwards as before.

    Its weights depend on the seed and the key. NNI's evaluators get a network whose weights are drawn already, and in
    the raw format one that has the model space's weights; here it is always built anew.

    Args:
        model: a model that is frozen, as strategies submit them.
        seed: of all architectures.
        key: of this one.
    """
    if isinstance(model, RawFormatModelSpace) and model.sample is not None:
        model = SimplifiedModelSpace.from_model(model.model_space).freeze(model.sample)
    # NNI logs the shape of every cell of NAS-Bench-201.
    with kept_random_states(), quiet("nni.nas.hub", logging.WARNING):
        seed_everything(seed, "weights", key)
        return cast(nn.Module, model.executable_model())


def without_unused(net: nn.Module, inputs: Any) -> tuple[nn.Module, str]:
    """Replace modules that a forward pass in train mode never uses by empty ones.

    NNI's cell of NAS-Bench-101 has a projection for every node, used or not; whatever sums over parameters would count
    them. A module is replaced if neither it nor a module in it is called and no output depends on its parameters. A
    network that cannot be run on ``inputs`` is left as it is, which is a detour of its scores.

    Args:
        net: changed in place, but for the weights and buffers that are used.
        inputs: of a batch, of which the first two samples are taken.

    Returns:
        The network, and why its modules were left; empty where it was run.
    """
    trial = copy.deepcopy(net).train()
    called: set[str] = set()
    for name, module in trial.named_modules():
        module.register_forward_hook(lambda *_, name=name: called.add(name))
    try:
        with kept_random_states():
            outputs = tensors(_run(trial, inputs))
        named = [(name, each) for name, each in trial.named_parameters() if each.requires_grad]
        roots = [output.sum() for output in outputs if output.requires_grad]
        gradients = torch.autograd.grad(roots, [each for _, each in named], allow_unused=True) if roots else ()
    except Exception as error:
        return net, f"unused modules counted, for the network does not run: {type(error).__name__}: {error}"
    used = {name for (name, _), gradient in zip(named, gradients) if gradient is not None}
    for name in list(_unused(net, called | used)):
        parent, _, child = name.rpartition(".")
        setattr(net.get_submodule(parent), child, nn.Identity())
    return net, ""


def logits(output: Any) -> Tensor:
    """Return the logits of a network's output: the first of several, as of DARTS with its auxiliary head."""
    return pick_logits(output, 0 if isinstance(output, (tuple, list)) else None)


def _run(net: nn.Module, inputs: Any) -> Any:
    few = tree_map(lambda each: each[:_SAMPLES], inputs)
    if isinstance(few, dict):
        return net(**few)
    return net(*few) if isinstance(few, (tuple, list)) else net(few)


def _unused(net: nn.Module, used: set[str]) -> Iterator[str]:
    """Yield the names of the largest modules with parameters that have no part in the pass."""
    found: list[str] = []
    for name, module in net.named_modules():
        inside = f"{name}."
        if not name or any(inside.startswith(f"{outer}.") for outer in found):
            continue
        if any(each == name or each.startswith(inside) for each in used):
            continue
        if any(True for _ in module.parameters()):
            found.append(name)
            yield name
