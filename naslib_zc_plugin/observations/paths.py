"""The paths from a network's inputs to its outputs: a run of two samples, whose graph begins at the inputs.

What counts is which value every function of torch gives: how modules are nested does not matter.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from naslib_zc_plugin.observations.activations import CLAMPS, RELUS
from naslib_zc_plugin.observations.values import Counter, Value
from naslib_zc_plugin.passes import (
    FORWARD,
    Forward,
    ForwardPass,
    LayerCall,
    NotApplicable,
    Steps,
    observation,
)
from naslib_zc_plugin.passes.capture import (
    CONVOLUTIONS,
    EVERY,
    TRANSPOSED,
    Function,
    Handler,
    Unseen,
    Watch,
    differentiate,
    scripted_functions_exist,
)
from naslib_zc_plugin.passes.inputs import TwoSamples, embeds_input, tensors, tree_map
from naslib_zc_plugin.passes.layer_calls import LayerCalls
from naslib_zc_plugin.passes.network import some, without_compiled
from naslib_zc_plugin.passes.seeding import kept_random_states
from naslib_zc_plugin.passes.snapshot import put_back

_ORDERS = "permute transpose swapaxes swapdims movedim moveaxis t"
MOVES: tuple[Function, ...] = (
    *(getattr(room, name) for room in (torch, Tensor) for name in _ORDERS.split()),
    *(getattr(attribute, "__get__") for attribute in (Tensor.T, Tensor.mT)),  # noqa: B009
)
"""Functions that put dimensions in another order, and nothing else."""

DROPOUTS: tuple[Function, ...] = (
    *(F.dropout, F.dropout1d, F.dropout2d, F.dropout3d, F.alpha_dropout, F.feature_alpha_dropout),
    *(torch.dropout, torch.feature_dropout),
)
DRAWS: tuple[Function, ...] = (torch.bernoulli, Tensor.bernoulli, Tensor.bernoulli_, torch.rand, torch.rand_like)
"""Functions by which a network leaves out blocks of some samples, and those that leave out values: here none is."""

POOLS: tuple[Function, ...] = (
    *(function for room in (F, torch) for name, function in vars(room).items() if "pool" in name and name[0] != "_"),
    F.interpolate,
)
"""Functions that make other maps of each channel's map alone, without weights."""

PASSING = frozenset(
    f"{name}Backward{number}"
    for name in ("BackwardHookFunction", "Alias", "Clone", "Expand", "Slice", "ToCopy", "UnsafeView", "View", "ViewAs")
    for number in ("", "0")
)
"""Nodes of the graph that, where they leave the shape, only pass a value on: such as modules' and users' hooks make."""

NORMS: tuple[Function, ...] = tuple(
    getattr(F, name)
    for name in ("batch_norm", "layer_norm", "group_norm", "instance_norm", "rms_norm")
    if hasattr(F, name)
)

Place = tuple[Any, int]
"""A node of the graph, and which of its outputs."""


@dataclass
class CalledLayer:
    """A call of a convolution or linear layer.

    Attributes:
        name: of its weight.
        number: of the call of a function that gave its output.
        on_path: whether a path from an input to the outputs leads through it.
    """

    name: str
    number: int
    on_path: bool = False


@dataclass
class Paths:
    """The graph of a run.

    Attributes:
        layers: calls of convolutions and linear layers.
        depth: the most of them on one path.
        cuts: the values that every path passes, in order, without the inputs.
        head: number of the last layer's call on a path, if every path passes its output: a classifier's.
        mixed: places in ``cuts`` of values of which several positions enter one position of the next value with
            channels there, pooling alone left out; empty where that was not asked for.
        met: places in ``cuts`` of values of which a function made one of several that paths lead through.
        channels: the dimension of the channels of each module's outputs, call by call, by the module's name.
        lost: weights of layers that were multiplied by in a way in which no call of a layer is seen.
    """

    layers: list[CalledLayer]
    depth: int
    cuts: list[Value]
    head: int | None
    mixed: set[int]
    met: set[int]
    channels: dict[str, list[int | None]]
    lost: list[str] = field(default_factory=list)

    def check_layers(self) -> None:
        """Raise :class:`NotApplicable` with the names of layers that were used, and whose calls nobody saw."""
        if self.lost:
            where = "in a copy, in a part or by other modules"
            raise NotApplicable(f"layers' weights are used {where} ({some(self.lost)})")


def paths(p: ForwardPass, mixing: bool = False) -> Paths:
    """Return the paths of the network of a pass; it is run once for all who ask for the same.

    Args:
        p: the pass.
        mixing: whether to find out where positions are mixed, which takes a backward run.

    Raises:
        Undefined: the network computes without gradients, or its outputs do not depend on its inputs.
    """
    key = f"paths, mixing={mixing}"
    if key not in p.memo:
        p.memo[key] = _Run(p).paths(mixing)
    found: Paths = p.memo[key]
    return found


@observation(setting=Forward(inputs=TwoSamples()))
def layer_paths(p: ForwardPass, mixing: bool = False) -> Steps[Paths]:
    """Return the paths of the network: :class:`Paths`.

    >>> layer_paths().data
    False

    Raises:
        Undefined: weights are packed, as in a quantised network, or see :func:`paths`.
    """
    p.network.check_packed()
    found = paths(p, mixing)
    yield FORWARD
    found.check_layers()
    return found


class _Run:
    """The run, and what is seen in it."""

    def __init__(self, p: ForwardPass) -> None:
        self._p, self._calls = p, Counter()
        self._leaves: list[Tensor] = []
        self._inputs = tree_map(lambda x: self._begun(x[:2]), p.inputs)
        self._samples = len(tensors(self._inputs)[0])
        self._sources = {each.grad_fn for each in tensors(self._inputs)} - {None}
        self._values: dict[Place, Value] = {}
        self._objects: dict[int, tuple[Callable[[], Any], int | None]] = {}
        self._layers: dict[Any, CalledLayer] = {}
        self._bases: dict[Any, Any] = {}  # nodes of outputs that are views, and those of what they are views of
        self._channel: int | None = None  # of the call under way, where its function tells
        self._pools = False  # likewise, whether it does
        self._pooled: set[Place] = set()
        self._modules: dict[str, list[int | None]] = {}
        self._over = False

    def _begun(self, x: Tensor) -> Tensor:
        """Return positive numbers with which the graph begins; the network may write over them. Tokens stay."""
        if not x.is_floating_point():
            return x.clone()
        waves = torch.arange(x.numel(), device=x.device).sin().to(x.dtype).reshape(x.shape)
        self._leaves.append((1 + waves / 2).requires_grad_())
        return self._leaves[-1].clone()

    def paths(self, mixing: bool) -> Paths:
        """Run the network, and read the graph."""
        p, network = self._p, self._p.network
        held = {name: x if bool(x.any()) else _ends_no_path(x) for name, x in p.copies().items()}
        calls = LayerCalls(network, held, [self._layer])
        watch = Watch([calls.handlers, self._handlers()], {**p.replacements(), **OPEN}, p.setting.dtype)
        unseen = Unseen(lambda: calls.inside) if scripted_functions_exist() else None

        def body() -> Paths:
            with nullcontext() if unseen is None else unseen:
                logits = network.run(self._inputs)
            self._over = True
            if unseen is not None:
                unseen.check([EVERY, F.batch_norm])
                unseen.check(calls.handlers, outside=True)
            return replace(self._read(logits, mixing), lost=[*calls.lost, *calls.unmet])

        if unseen is not None:
            unseen.watch = watch
        named = network.module.named_modules()
        hooks = [module.register_forward_hook(partial(self._module, without_compiled(name))) for name, module in named]
        kept = kept_random_states(network.device)
        try:
            with kept, put_back(network.module), torch.enable_grad(), calls, watch:
                return network.under(held, body)
        finally:
            for hook in hooks:
                hook.remove()

    def _handlers(self) -> dict[Function, Handler]:
        return {
            **dict.fromkeys((*CONVOLUTIONS, *TRANSPOSED), partial(self._told, 1)),
            **dict.fromkeys((F.linear, F.multi_head_attention_forward), partial(self._told, -1)),
            **{function: partial(self._moved, function) for function in MOVES},
            **dict.fromkeys(NORMS, self._norm),
            **dict.fromkeys(POOLS, self._pool),
            **dict.fromkeys(DRAWS, lambda args, kwargs, output: output.fill_(1 - 1e-6)),
            **dict.fromkeys(DROPOUTS, lambda args, kwargs, output: args[0].clone()),
            F.embedding: self._embedding,
            EVERY: self._every,
        }

    def _read(self, logits: Tensor, mixing: bool) -> Paths:
        """Read the graph of a run that is over."""
        with torch._C.DisableTorchFunction():
            graph = Graph(logits, self._sources)
            if not graph.whole:
                raise NotApplicable("no path that can be differentiated leads from the inputs to the outputs")
            # A view that is written over later has another node then; what it is a view of keeps its own.
            nodes = {node: node if graph.passes(node) else self._bases.get(node, node) for node in self._layers}
            for node, layer in self._layers.items():
                layer.on_path = graph.passes(nodes[node])
            found = ((place, self._values[place]) for place in graph.cuts() if place in self._values)
            cuts = sorted(found, key=lambda item: item[1].number)
            last = max((layer.number for layer in self._layers.values() if layer.on_path), default=0)
            head = next(
                (last for (node, _), _ in cuts if node in self._layers and self._layers[node].number == last), None
            )
            depth = graph.longest(set(nodes.values()))
            met = {number for number, ((node, _), _) in enumerate(cuts) if graph.joins(node)}
        alone = {number - 1 for number, (place, _) in enumerate(cuts) if place in self._pooled}
        mixed = _mixed(logits, cuts, self._leaves) - alone if mixing else set[int]()
        return Paths(list(self._layers.values()), depth, [value for _, value in cuts], head, mixed, met, self._modules)

    # Calls --------------------

    def _told(self, channel: int, args: Sequence[Any], kwargs: Mapping[str, Any], output: Any) -> None:
        """See a call whose channels are known."""
        first = tensors(output)[0]
        self._channel = channel % first.ndim if first.ndim > 1 else None

    def _moved(self, function: Function, args: Sequence[Any], kwargs: Mapping[str, Any], output: Any) -> None:
        """See a call that puts dimensions in another order: so does the same call on sizes that tell them apart."""
        given = args[0] if args else kwargs["input"]
        channel = self._known(given)
        if channel is not None:
            marked = torch.empty(tuple(range(2, 2 + given.ndim)), device="meta")
            moved = function(marked, *args[1:], **{k: v for k, v in kwargs.items() if k != "input"})
            self._channel = moved.shape.index(2 + channel)

    def _embedding(self, args: Any, kwargs: Mapping[str, Any], output: Tensor) -> Tensor | None:
        """Begin the graph at embeddings of tokens, too."""
        if not embeds_input(args, kwargs, self._inputs):
            return None
        self._channel = output.ndim - 1
        begun = self._begun(output)
        self._sources.add(begun.grad_fn)
        return begun

    def _pool(self, args: Any, kwargs: Mapping[str, Any], output: Any) -> None:
        """See a call that pools."""
        self._pools = True

    def _norm(self, args: Any, kwargs: Mapping[str, Any], output: Tensor) -> Tensor:
        """Take the statistics of norms for constants: they would mix all positions."""
        given: Tensor = args[0] if args else kwargs["input"]
        return given + (output - given).detach()

    def _every(self, args: Sequence[Any], kwargs: Mapping[str, Any], output: Any) -> None:
        told, pools, self._channel, self._pools = self._channel, self._pools, None, False
        if self._over:  # a checkpoint computes again
            return
        for place, tensor in enumerate(self._calls.count(args, output)):
            node = tensor.grad_fn
            key = (node, tensor.output_nr)
            if node is None or key in self._values or self._passed_on(tensor):
                continue
            channel = self._inherited(args, kwargs, tensor) if told is None else told
            self._objects[id(tensor)] = weakref.ref(tensor), channel
            number = self._calls.number
            self._values[key] = Value(number, place, tuple(tensor.shape), channel, self._samples)
            self._pooled.update([key] if pools else [])

    def _layer(self, call: LayerCall) -> None:
        if isinstance(call.output, Tensor) and not self._over:
            node = call.output.grad_fn or object()
            self._layers[node] = CalledLayer(call.name, self._calls.number)
            if call.output._base is not None:
                self._bases[node] = call.output._base.grad_fn

    def _module(self, name: str, module: nn.Module, args: Any, output: Any) -> None:
        if self._over:
            return
        with torch._C.DisableTorchFunction():
            self._modules.setdefault(name, []).append(self._known(next(iter(tensors(output)), None)))

    # Channels --------------------

    def _known(self, given: Any) -> int | None:
        value = self._origin(given, None) if isinstance(given, Tensor) else None
        if value is not None:
            return value.channel
        found, channel = self._objects.get(id(given), (lambda: None, None))  # one that was written over
        return channel if given is not None and found() is given else None

    def _passed_on(self, tensor: Tensor) -> bool:
        """Return whether a tensor is a value that is known, passed on as it is: no step of a path."""
        return self._origin(tensor, PASSING) is not None

    def _origin(self, tensor: Tensor, names: frozenset[str] | None) -> Value | None:
        """Return the value of a tensor's shape from which it comes by nodes of these names, by any that are not seen.

        Args:
            tensor: which may be the value itself.
            names: of the nodes; None: any name.
        """
        place: Place = tensor.grad_fn, tensor.output_nr
        while place[0] is not None and place not in self._values and (names is None or place[0].name() in names):
            edges = place[0].next_functions
            place = edges[place[1]] if place[1] < len(edges) else (None, 0)
        value = self._values.get(place)
        return value if value is not None and value.shape == tuple(tensor.shape) else None

    def _inherited(self, args: Sequence[Any], kwargs: Mapping[str, Any], output: Tensor) -> int | None:
        """Return the dimension of the output's channels by that of an argument's, the first that tells."""
        for given in tensors([*args, *kwargs.values()]):
            channel = self._known(given)
            found = None if channel is None else kept_dimension(tuple(given.shape), channel, tuple(output.shape))
            if found is not None:
                return found
        return None


def _ends_no_path(zeros: Tensor) -> Tensor:
    """Return other values for what is all 0, as some networks begin with."""
    return torch.full_like(zeros, 0.1) if zeros.is_floating_point() else zeros


def _open(function: Function) -> Function:
    """Return an activation that no gradient ends at, whatever its input."""

    def call(*args: Any, **kwargs: Any) -> Tensor:
        given: Tensor = args[0] if args else kwargs.pop("input")
        if not given.is_floating_point():
            return function(given, *args[1:], **kwargs)  # type: ignore[no-any-return]
        shown = given.detach().clone()
        with torch.no_grad():
            output = function(shown, *args[1:], **kwargs)
            difference = output - given
        return given.add_(difference) if output is shown else given + difference

    return call


OPEN: dict[Function, Function] = {
    function: _open(function) for function in (*RELUS, *CLAMPS, F.hardswish, F.hardsigmoid)
}
"""Activations whose gradient is 0 for some inputs, and what stands for them."""


def kept_dimension(before: Sequence[int], dim: int, after: Sequence[int]) -> int | None:
    """Return where a dimension stands in the shape of a function's output; None where the shapes do not tell.

    >>> kept_dimension((2, 8, 4, 4), 1, (2, 8, 1, 1)), kept_dimension((2, 8, 4, 4), 1, (2, 8, 16))
    (1, 1)
    >>> kept_dimension((2, 16, 8), 2, (2, 8)), kept_dimension((2, 16, 8), 2, (2, 4, 4, 8))
    (1, 3)
    >>> kept_dimension((2, 8, 4, 4), 1, (2, 128))
    """
    size = before[dim]
    others_equal = len(before) == len(after) and all(
        one == other for place, (one, other) in enumerate(zip(before, after)) if place != dim
    )
    if others_equal or (len(before) == len(after) and after[dim] == size):
        return dim
    ahead, behind = torch.Size(before[:dim]).numel(), torch.Size(before[dim + 1 :]).numel()
    for place, here in enumerate(after):
        if here == size and (
            torch.Size(after[:place]).numel() == ahead or torch.Size(after[place + 1 :]).numel() == behind
        ):
            return place
    return None


# Graph --------------------


class Graph:
    """The nodes between outputs and inputs, and the number of paths that pass each of them.

    Args:
        output: of the network.
        sources: nodes of the inputs.

    Attributes:
        whole: whether a path leads from the outputs to an input.
    """

    def __init__(self, output: Tensor, sources: set[Any]) -> None:
        root, self._sources, self._output = output.grad_fn, sources, output.output_nr
        self._order = list(self._sorted(root)) if root is not None else []
        self._down: dict[Any, int] = {}
        for node in self._order:
            following = (self._down[each] for each, _ in self._edges(node))
            self._down[node] = 1 if node in sources else sum(following)
        self.whole = bool(self._order) and self._down[root] > 0

    def passes(self, node: Any) -> bool:
        """Return whether a path passes a node."""
        return self._down.get(node, 0) > 0

    def joins(self, node: Any) -> bool:
        """Return whether paths come to a node from several others, or in several ways from one."""
        return sum(self.passes(following) for following, _ in self._edges(node)) > 1

    def _edges(self, node: Any) -> list[Place]:
        return [] if node in self._sources else [edge for edge in node.next_functions if edge[0] is not None]

    def _sorted(self, root: Any) -> Iterator[Any]:
        """Yield all nodes, each after those that it follows from."""
        pending, seen = [(root, iter(self._edges(root)))], {root}
        while pending:
            node, edges = pending[-1]
            following = next((each for each, _ in edges if each not in seen), None)
            if following is None:
                pending.pop()
                yield node
            else:
                seen.add(following)
                pending.append((following, iter(self._edges(following))))

    def cuts(self) -> list[Place]:
        """Return the values, in no order, that every path passes, without the inputs and those inside of a function."""
        root = self._order[-1]
        up = dict.fromkeys(self._order, 0)
        up[root] = 1
        outputs: dict[Any, set[int]] = {root: {self._output}}
        for node in reversed(self._order):
            if up[node] and self._down[node]:
                for following, number in self._edges(node):
                    up[following] += up[node]
                    outputs.setdefault(following, set()).add(number)
        every = self._down[root]
        passed = (node for node in self._order if node not in self._sources and up[node] * self._down[node] == every)
        return [(node, next(iter(outputs[node]))) for node in passed if len(outputs[node]) == 1]

    def longest(self, counted: set[Any]) -> int:
        """Return the most of some nodes that one path passes."""
        most: dict[Any, int] = {}
        for node in self._order:
            if self._down[node]:
                following = (most[each] for each, _ in self._edges(node) if each in most)
                most[node] = max(following, default=0) + (node in counted)
        return most[self._order[-1]]


def _mixed(logits: Tensor, cuts: Sequence[tuple[Place, Value]], leaves: Sequence[Tensor]) -> set[int]:
    """Return the places of the values after which positions are mixed.

    One backward run: the gradient of each value is taken away, once it is there, and that of a single position of the
    value goes on in its place.
    """
    mixed: set[int] = set()
    hooks, begun = [], [False]

    def restart(place: int, output: int, value: Value, gradients: tuple[Any, ...]) -> tuple[Any, ...]:
        channel = value.channel
        gradient = gradients[output]
        if channel is None or gradient is None or gradient.shape != value.shape:
            return gradients
        if begun[0] and int((gradient != 0).any(channel).sum()) > 1:
            mixed.add(place)
        begun[0], single = True, torch.zeros_like(gradient)
        middle: list[Any] = [size // 2 for size in gradient.shape]
        middle[channel] = slice(None)
        waves = torch.arange(1, gradient.shape[channel] + 1, dtype=gradient.dtype, device=gradient.device)
        single[tuple(middle)] = waves.sin()
        return (*gradients[:output], single, *gradients[output + 1 :])

    for place, ((node, output), value) in enumerate(cuts):
        hooks.append(node.register_prehook(partial(restart, place, output, value)))
    try:
        differentiate(logits, leaves)
    except RuntimeError as error:
        raise NotApplicable(f"the network cannot be differentiated: {error}") from error
    finally:
        for hook in hooks:
            hook.remove()
    return mixed
