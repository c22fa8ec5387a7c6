"""The network of an NNI model: drawn from a seed, and of those modules only that its forward pass uses."""

from __future__ import annotations

import copy
import logging
from collections.abc import Iterator
from typing import Any, cast

import torch
from nni.nas.space import ExecutableModelSpace, RawFormatModelSpace, SimplifiedModelSpace
from torch import Tensor, nn

from naslib_zc_plugin.hosts._quiet import quiet
from naslib_zc_plugin.passes.inputs import tensors
from naslib_zc_plugin.passes.network import pick_logits
from naslib_zc_plugin.passes.seeding import kept_random_states, seed_everything

_SAMPLES = 2  # the fewest that batch norm takes in train mode
logger = logging.getLogger(__name__)


def network(model: ExecutableModelSpace, seed: int, key: str) -> nn.Module:
    """The network of a frozen model, freshly initialised; random states are afterwards what they were.

    Its weights depend on the seed and the key. NNI's evaluators get a network whose weights are drawn already, and in
    the raw format one that has the model space's weights; here it is always built anew.

    Args:
        model: a model that is frozen, as strategies submit them.
        seed: of all architectures.
        key: of this one.
    """
    if isinstance(model, RawFormatModelSpace) and model.sample is not None:
        model = SimplifiedModelSpace.from_model(model.model_space).freeze(model.sample)
    # NNI says of every cell of NAS-Bench-101 what it looks like.
    with kept_random_states(), quiet("nni.nas.hub", logging.WARNING):
        seed_everything(seed, "weights", key)
        return cast(nn.Module, model.executable_model())


def without_unused(net: nn.Module, inputs: Any) -> nn.Module:
    """``net`` with empty modules in place of those that a forward pass in train mode never calls.

    NNI's cell of NAS-Bench-101 has a projection for every node, used or not; whatever sums over parameters would count
    them. A module is replaced if neither it nor a module in it is called and no output depends on its parameters. A
    network that cannot be run on ``inputs`` is left as it is.

    Args:
        net: changed in place, but for the weights and buffers that are used.
        inputs: of a batch, of which the first two samples are taken.
    """
    trial = copy.deepcopy(net).train()
    called: set[str] = set()
    for name, module in trial.named_modules():
        module.register_forward_hook(lambda *_, name=name: called.add(name))
    try:
        with kept_random_states():
            outputs = tensors(_run(trial, inputs))
        named = [(name, each) for name, each in trial.named_parameters() if each.requires_grad]
        total = sum(output.sum() for output in outputs if output.requires_grad)
        gradients = torch.autograd.grad(cast(Tensor, total), [each for _, each in named], allow_unused=True)
    except Exception as error:
        logger.debug("unused modules stay: the network does not run", exc_info=error)
        return net
    used = {name for (name, _), gradient in zip(named, gradients) if gradient is not None}
    for name in list(_idle(net, called, used)):
        parent, _, child = name.rpartition(".")
        setattr(net.get_submodule(parent), child, nn.Identity())
    return net


def logits(output: Any) -> Tensor:
    """The logits of a network's output: the first of several, as of DARTS with its auxiliary head."""
    return pick_logits(output, 0 if isinstance(output, (tuple, list)) else None)


def _run(net: nn.Module, inputs: Any) -> Any:
    if isinstance(inputs, dict):
        return net(**{name: each[:_SAMPLES] for name, each in inputs.items()})
    if isinstance(inputs, (tuple, list)):
        return net(*(each[:_SAMPLES] for each in inputs))
    return net(inputs[:_SAMPLES])


def _idle(net: nn.Module, called: set[str], used: set[str]) -> Iterator[str]:
    """Names of the largest modules with parameters that have no part in the pass."""
    found: list[str] = []
    for name, module in net.named_modules():
        inside = f"{name}."
        if not name or any(inside.startswith(f"{outer}.") for outer in found):
            continue
        if any(each == name or each.startswith(inside) for each in called | used):
            continue
        if any(True for _ in module.parameters()):
            found.append(name)
            yield name
