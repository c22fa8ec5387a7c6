"""Which layers a forward run calls, with which outputs, and whether the weights in force reach the network's output.

Calls of all other modules are seen here, too, by those who ask for them.

A layer is a convolution or linear module (:data:`~.network.LAYERS`). Its call is seen as a module's, whatever its
forward makes of the weight (a mask, a slice, a product of its own). A function that gets a layer's weight outside of
such a call, or something that was computed of layers' weights alone, is a call of that layer, too.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from types import TracebackType
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from naslib_zc_plugin.passes.capture import CONVOLUTIONS, TRANSPOSED, Function, Handler, See, Watch
from naslib_zc_plugin.passes.degenerate import NotApplicable
from naslib_zc_plugin.passes.inputs import holds_tokens, tensors, tree_map
from naslib_zc_plugin.passes.network import Network, memory, some, without_compiled
from naslib_zc_plugin.passes.seeding import kept_random_states
from naslib_zc_plugin.passes.snapshot import put_back

PRODUCTS: dict[Function, tuple[int, int]] = {
    **dict.fromkeys(
        (torch.matmul, Tensor.matmul, Tensor.__matmul__, torch.mm, Tensor.mm, torch.bmm, Tensor.bmm), (0, 1)
    ),
    **dict.fromkeys((torch.addmm, Tensor.addmm, torch.baddbmm, Tensor.baddbmm), (1, 2)),
    Tensor.__rmatmul__: (1, 0),
}
"""Matrix products, and the places of their two factors."""

TABLES: tuple[Function, ...] = (F.embedding, F.embedding_bag, torch.gather, torch.index_select)
"""Functions whose output is data, also where they look it up in a weight. So is what a tensor of indices takes."""


@dataclass(frozen=True)
class LayerCall:
    """A call of a convolution or linear layer.

    Attributes:
        name: of its weight, as in ``p.weights`` (or where it would stand, if a module computes it by itself).
        input: its input, a tensor; None where it was given by keyword.
        output: its output, a tensor, bias included. The network may write over it: to keep it, return a copy.
        channel: the dimension of the output's channels: 1, or −1 for a linear layer.
        fan_in: weights per output channel that were multiplied (in-channels per group × kernel); 0 where that could not
            be seen.
        batch: the dimension of the output's samples: 0, or 1 inside ``nn.MultiheadAttention``.
    """

    name: str
    input: Any
    output: Any
    channel: int
    fan_in: int
    batch: int = 0


_FROZEN = object()
"""Stands for the node of an output that was computed without gradients on purpose."""


@dataclass
class _Call:
    """A call of a layer's module under way.

    Attributes:
        weights: how many it was seen to multiply by.
        held: whether these were its weight in force as it is.
    """

    module: nn.Module
    name: str
    weights: int = 0
    held: bool = False


class LayerCalls:
    """A context of forward runs that sees every layer's call.

    Args:
        network: whose layers.
        held: the parameters and buffers in force, by name.
        sees: functions called with each :class:`LayerCall`; what one returns stands in for the output.
        derive: whether to recognise what is computed of weights, which needs a graph.

    Attributes:
        plain: whether all layers that were called multiplied by the weights in force as they are. If so, no other
            weights were multiplied by.
        blind: whether functions may multiply unseen (scripted ones).
        lost: names of parameters that are not in force by which a function outside of layers' modules multiplied.
        modules: functions called with each module's name and output; what one returns stands in for the output.
    """

    def __init__(
        self, network: Network, held: Mapping[str, Tensor], sees: Sequence[See] = (), derive: bool = False
    ) -> None:
        self._network, self._held, self._sees, self._derive = network, held, sees, derive
        self._names = {id(tensor): name for name, tensor in held.items()}
        self._layers = frozenset(network.layers)
        # Without a graph a view of a weight is known by its memory.
        self._layer_memory = {memory(held[name]): name for name in network.layers}
        self._under_way: list[_Call] = []
        self._called: list[tuple[str, Any]] = []
        self._data: set[Any] = {None}
        self._sources: dict[Any, str | None] = {}
        self._stale: list[str] = []
        self._met: set[str | None] = set()
        self._unknown = False
        self._hooks: list[Any] = []
        self.plain, self.blind, self.lost = not network.cached, False, list[str]()
        self.modules: list[See] = []

    @property
    def handlers(self) -> dict[Function, Handler]:
        """Handlers of the functions that a :class:`~.capture.Watch` must see; made anew, for they refer to this."""
        made: dict[Function, Handler] = {
            **dict.fromkeys((*CONVOLUTIONS, *TRANSPOSED), partial(self._function, 1)),
            F.linear: partial(self._function, -1),
            F.multi_head_attention_forward: self._attention,
        }
        if self._derive or self._sees:
            made.update({product: partial(self._product, *places) for product, places in PRODUCTS.items()})
            made.update({torch.einsum: self._einsum, **dict.fromkeys(TABLES, self._looked_up)})
            made[Tensor.__getitem__] = self._indexed
        return made

    def __enter__(self) -> LayerCalls:
        """Put hooks on the layers' modules."""
        for module, name in self._network.layer_modules.items():
            self._hooks.append(module.register_forward_pre_hook(partial(self._before, name)))
            self._hooks.append(module.register_forward_hook(partial(self._after, name), prepend=True))
        for path, part in self._network.parts.items() if self.modules else ():
            if path.rpartition(".")[2] == "_orig_mod":  # what is compiled is one module with what compiled it
                continue
            self._hooks.append(part.register_forward_hook(partial(self._module, without_compiled(path))))
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Take them off."""
        for hook in self._hooks:
            hook.remove()
        self._hooks.clear()
        self._under_way.clear()

    @property
    def unmet(self) -> list[str]:
        """The layers that may have been missed: without a graph, a function multiplied by what may be made of them."""
        missed = [name for name in self._network.layers if name not in self._met]
        return missed if self._unknown and not self._derive else []

    @property
    def inside(self) -> bool:
        """Whether a layer's module is under way, whose output will be seen."""
        return bool(self._under_way)

    def is_derived(self, tensor: Any) -> bool:
        """Return whether a tensor is a layer's weight, or was computed of weights and constants alone."""
        return self._source(tensor) is not None

    def is_made_of_weight(self, tensor: Tensor, samples: int) -> bool:
        """Return whether a tensor that a function gets or gives is a weight, or was computed of weights alone.

        Without a graph what a layer's module makes is known by its shape: that of the weight, or another number of
        samples first.
        """
        if self.is_derived(tensor):
            return True
        if self._derive or not self._under_way:
            return False
        held = self._held.get(self._under_way[-1].name)
        return tensor.shape[:1] != (samples,) or (held is not None and held.shape == tensor.shape)

    def check(self, output: Tensor) -> None:
        """Check, after a run with a graph, that the output was computed with the weights in force and no others.

        Raises:
            Undefined: it was not, or it was computed without a graph.
        """
        nodes, leaves = _graph(output)
        called, self._called = self._called, []  # they hold the graph
        names = [*self._stale, *self._foreign(leaves)]
        if names:
            listed = some(list(dict.fromkeys(names)))
            raise NotApplicable(
                f"the network computes with parameters that no pass can substitute ({listed}): a copy or a part of "
                "them that was made before the run, or parameters that are not registered"
            )
        if called and not nodes:
            raise NotApplicable("the network computes its outputs without gradients (no_grad or detach)")
        reaching = nodes | {None}  # what has no gradient where it could have one was not computed with the weight
        missed = [name for name, node in called if node in reaching and not self._reached(name, leaves)]
        if missed:
            raise NotApplicable(
                f"the outputs of layers do not depend on their weights in force ({some(list(dict.fromkeys(missed)))}): "
                "they compute with a copy that was made before the run, or with detached weights"
            )

    def _foreign(self, leaves: Mapping[int, Tensor]) -> list[str]:
        """Return the names of the parameters among the leaves that are not in force."""
        found = [leaf for leaf in leaves.values() if isinstance(leaf, nn.Parameter) and id(leaf) not in self._names]
        return [self._network.name_of(leaf) or f"of shape {tuple(leaf.shape)}" for leaf in found]

    def rest(self) -> None:
        """See no more calls; go on to tell data from weights, for what is computed again in a backward run."""
        self._sees, self._called = (), []

    def close(self) -> None:
        """Let go of everything."""
        self.rest()
        self._data.clear()
        self._sources.clear()
        self.modules.clear()

    def _reached(self, name: str, leaves: Mapping[int, Tensor]) -> bool:
        """Return whether a layer's weight is among the leaves, or is a constant (a buffer)."""
        return name in self._network.buffers or (name in self._held and id(self._held[name]) in leaves)

    # Modules --------------------

    def _before(self, name: str, module: nn.Module, args: Any) -> None:
        self._under_way.append(_Call(module, name))

    def _after(self, name: str, module: nn.Module, args: Any, output: Any) -> Any:
        call = _Call(module, name)
        while self._under_way:
            call = self._under_way.pop()
            if call.module is module:  # those above it have ended by an error that the network caught
                break
        self.plain = self.plain and call.held
        with torch._C.DisableTorchFunction():  # an attribute is a function, too, for the modes that are active
            node = getattr(output, "grad_fn", None)
        self._met.add(name)
        self._called.append((name, node if node is not None or torch.is_grad_enabled() else _FROZEN))
        self._data.add(node)
        channel = -1 if isinstance(module, nn.Linear) else 1
        if self._sees and isinstance(output, Tensor) and output.ndim > 1:
            stored = self._held[name].numel() if name in self._held and not self.blind else 0
            fan_in = (call.weights or stored) // output.shape[channel]
            return self._see(LayerCall(name, args[0] if args else None, output, channel, fan_in))
        return self._see(LayerCall(name, None, output, 0, 0)) if self._sees else None

    def _module(self, name: str, module: nn.Module, args: Any, output: Any) -> Any:
        with torch._C.DisableTorchFunction():
            for see in self.modules:
                seen = see(name, output)
                output = output if seen is None else seen
        return output

    def _see(self, call: LayerCall) -> Any:
        output = call.output
        with torch._C.DisableTorchFunction():
            for see in self._sees:
                seen = see(replace(call, output=output))
                output = output if seen is None else seen
        return output

    # Functions --------------------

    def _function(self, channel: int, args: Sequence[Any], kwargs: Mapping[str, Any], output: Any) -> Any:
        """See a convolution or linear function."""
        weight = args[1] if len(args) > 1 else kwargs["weight"]
        return self._multiplied(args[0] if args else kwargs["input"], weight, channel, output)

    def _product(self, left: int, right: int, args: Sequence[Any], kwargs: Mapping[str, Any], output: Any) -> Any:
        """See a matrix product, if one of its factors is a weight."""
        factors = [*args, *(value for value in kwargs.values() if isinstance(value, Tensor))]
        for weight, data, channel in ((factors[right], factors[left], -1), (factors[left], factors[right], -2)):
            if self.is_derived(weight):
                return self._multiplied(data, weight, channel if weight.ndim == 2 else 0, output)
        self._unknown = self._unknown or self._may_hide(factors[right]) or self._may_hide(factors[left])
        return self._looked_up(args, kwargs, output)

    def _may_hide(self, weight: Tensor) -> bool:
        """Return whether a factor may have been computed of a layer's weight, which no graph shows."""
        return weight.ndim == 2 and not self._under_way and id(weight) not in self._names

    def _einsum(self, args: Sequence[Any], kwargs: Mapping[str, Any], output: Any) -> Any:
        weight = next((each for each in tensors(list(args)) if self.is_derived(each)), None)
        return self._looked_up(args, kwargs, output) if weight is None else self._multiplied(None, weight, 0, output)

    def _looked_up(self, args: Sequence[Any], kwargs: Mapping[str, Any], output: Any) -> None:
        self._data.add(output.grad_fn)

    def _indexed(self, args: Sequence[Any], kwargs: Mapping[str, Any], output: Any) -> None:
        """See an index: a slice of a weight is a weight."""
        index = args[1] if isinstance(args[1], tuple) else (args[1],)
        if not all(isinstance(part, (slice, int, type(None), type(...))) for part in index):
            self._looked_up(args, kwargs, output)

    def _multiplied(self, data: Any, weight: Any, channel: int, output: Any, batch: int = 0) -> Any:
        """Note a multiplication by a weight; outside of a layer's module see it; ``channel`` 0: not known."""
        if self._derive and not (self.is_derived(data) and self.is_derived(weight)):
            self._data.add(output.grad_fn)
        if id(weight) not in self._names and self._network.shares_memory(weight):
            self._stale.append(self._under_way[-1].name if self._under_way else f"of shape {tuple(weight.shape)}")
        if self._under_way:
            call = self._under_way[-1]
            call.weights = weight.numel()
            call.held = call.held or self._names.get(id(weight)) == call.name
            return None
        self.plain = self.plain and id(weight) in self._names
        name = self._source(weight)
        self._met.add(name)
        self._unknown = self._unknown or (name is None and id(weight) not in self._names)
        if name is None and self._sees:
            shared = [f"of shape {tuple(weight.shape)}"] if self._network.shares_memory(weight) else []
            self.lost += shared or self._foreign({id(weight): weight, **_graph(weight)[1]})
        if name is None or not self._sees:
            return None
        fan_in = weight.numel() // output.shape[channel] if channel else 0
        return self._see(LayerCall(name, data, output, channel, fan_in, batch))

    def _attention(self, args: Sequence[Any], kwargs: Mapping[str, Any], output: Any) -> Any:
        """See the output projection, which ``nn.MultiheadAttention`` never calls: (length, batch, width)."""
        given = {**dict(zip(inspect.signature(F.multi_head_attention_forward).parameters, args)), **kwargs}
        found, rest = output[0], output[1:]
        seen = self._multiplied(given["query"], given["out_proj_weight"], -1, found, 1 if found.ndim == 3 else 0)
        self._data.add(found.grad_fn)
        return None if seen is None else (seen, *rest)

    def _source(self, tensor: Any) -> str | None:
        """Return the name of the layer's weight that a tensor is or was computed of; None: of data, or of none."""
        if id(tensor) in self._names:
            name = self._names[id(tensor)]
            return name if name in self._layers else None
        start = getattr(tensor, "grad_fn", None)
        if start is None:
            return self._layer_memory.get(memory(tensor))
        if start not in self._sources:
            self._sources[start] = self._traced(start)
        return self._sources[start]

    def _traced(self, start: Any) -> str | None:
        pending, seen, found = [start], {start}, None
        while pending:
            node = pending.pop()
            if node in self._data:
                return None
            leaf = _leaf(node)
            name = self._names.get(id(leaf)) if leaf is not None else None
            if leaf is not None and name is None:
                return None
            found = name if found is None and name in self._layers else found
            following = {each for each, _ in node.next_functions if each is not None} - seen
            seen |= following
            pending += following
        return found


def check_on_two_samples(network: Network, held: Mapping[str, Tensor], inputs: Any, watch: Watch) -> None:
    """Check by a run of two samples with a graph that the network computes with the tensors in force and no others.

    Args:
        network: the network.
        held: copies of the parameters and buffers in force, by name.
        inputs: of the network.
        watch: with the pass's replacements of functions.

    Raises:
        Undefined: it does not.
    """
    for name in network.parameters:
        held[name].requires_grad_(not holds_tokens(held[name]))
    calls = LayerCalls(network, held)
    kept = kept_random_states(network.device)
    with kept, put_back(network.module), torch.enable_grad(), calls, watch, Watch([calls.handlers]):
        calls.check(network(held, tree_map(lambda x: x[:2].detach().clone(), inputs)))


def _leaf(node: Any) -> Tensor | None:
    """Return the leaf whose gradient a node accumulates; None for other nodes."""
    return None if node.next_functions else getattr(node, "variable", None)


def _graph(output: Tensor) -> tuple[set[Any], dict[int, Tensor]]:
    """Return the nodes of the graph behind a tensor, and its leaves by identity."""
    pending = [output.grad_fn] if output.grad_fn is not None else []
    nodes, leaves = set(pending), {}
    while pending:
        node = pending.pop()
        leaf = _leaf(node)
        if leaf is not None:
            leaves[id(leaf)] = leaf
        for following, _ in node.next_functions:
            if following is not None and following not in nodes:
                nodes.add(following)
                pending.append(following)
    return nodes, leaves
