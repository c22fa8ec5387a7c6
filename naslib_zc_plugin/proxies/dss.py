"""DSS: synaptic diversity of attention and synaptic saliency of the rest, as TF-TAS adds them up."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Callable, Literal, TypeVar

from torch import Tensor
from torch.nn import functional as F

from naslib_zc_plugin.extend import FORWARD, Grad, Layer, NotApplicable, Undefined, observation, proxy
from naslib_zc_plugin.observations.activations import SOFTMAXES
from naslib_zc_plugin.observations.gradients import flow_setting
from naslib_zc_plugin.passes import ForwardPass, LayerCall, Steps
from naslib_zc_plugin.passes.degenerate import check_sum
from naslib_zc_plugin.passes.inputs import as_real
from naslib_zc_plugin.passes.network import module_of
from naslib_zc_plugin.proxies._formulas import diversity, saliency

# Which layers are attention's, by the graph --------------------

PRODUCTS = ("Bmm", "Baddbmm")
"""Nodes, here and below by the names of their functions, of products of two values."""
WEIGHTED = ("Addmm", "Mm", "Convolution")
"""Nodes of products with a weight."""
PROJECTIONS = ("in_proj_weight", "q_proj_weight", "k_proj_weight", "v_proj_weight", "out_proj_weight")
"""Arguments of ``F.multi_head_attention_forward``."""
Worth = TypeVar("Worth")
Names = frozenset[str]


def _kind(node: Any) -> str:
    return str(node.name()).partition("Backward")[0]


def _behind(
    start: Any, own: Callable[[Any], Worth | None], combine: Callable[[Any, Sequence[Worth]], Worth], nothing: Worth
) -> Worth:
    """Return what ``combine`` makes of a node of the graph and the worths of those behind it.

    Args:
        start: the node; None for a value that does not depend on any weight.
        own: returns the worth of a node that is not looked behind, None for others.
        combine: called with other nodes and the worths of the nodes right behind them.
        nothing: worth of None.
    """
    made: dict[Any, Worth] = {None: nothing}
    pending = [start]
    while pending:
        node = pending[-1]
        if node not in made:
            worth = own(node)
            behind = [] if worth is not None else [each for each, _ in node.next_functions if each is not None]
            missing = [each for each in behind if each not in made]
            if missing:
                pending += missing
                continue
            made[node] = combine(node, [made[each] for each in behind]) if worth is None else worth
        pending.pop()
    return made[start]


def _every(start: Any, kinds: Sequence[str]) -> list[Any]:
    """Return all nodes of some kinds in the graph behind a node."""
    pending, seen = [start], {start}
    while pending:
        following = {each for each, _ in pending.pop().next_functions if each is not None} - seen
        seen |= following
        pending += following
    return [node for node in seen if _kind(node) in kinds]


def _union(node: Any, parts: Sequence[frozenset[Any]]) -> frozenset[Any]:
    return frozenset().union(*parts)


def _unless_residual(node: Any, parts: Sequence[Names]) -> Names:
    """Return all names, but none of a sum of values of several layers."""
    several = {names for names in parts if names}
    return frozenset() if _kind(node) == "Add" and len(several) > 1 else _union(node, parts)


NEITHER, OTHER, RESULT, WEIGHTS = range(4)
"""A value that comes of nothing, of layers, from attention, and the weights of attention."""


def _given(node: Any, parts: Sequence[int]) -> int:
    if _kind(node) == "Add" and OTHER in parts:
        return OTHER
    highest = max(parts, default=NEITHER)
    return RESULT if highest == WEIGHTS and _kind(node) in PRODUCTS else highest


@dataclass(frozen=True)
class _Call:
    """A call of a layer: its name, and the nodes of its input and its output."""

    name: str
    input: Any
    output: Any


@dataclass
class AttentionGraph:
    """Calls of layers and of attention in a forward run, as nodes of its graph.

    Attributes:
        calls: of layers, by the node of their output.
        softmaxes: nodes of the input and the output of each softmax.
        parts: nodes of queries, keys and values that attention functions are called with.
        given: nodes of what attention gives, :data:`RESULT` or :data:`WEIGHTS`.
        names: weights that are attention's by their places as arguments.
    """

    calls: dict[Any, _Call] = field(default_factory=dict)
    softmaxes: list[tuple[Any, Any]] = field(default_factory=list)
    parts: list[Any] = field(default_factory=list)
    given: dict[Any, int] = field(default_factory=dict)
    names: set[str] = field(default_factory=set)

    def projections(self, outputs: Tensor) -> set[str]:
        """Return the names of the layers that make queries, keys and values, or take what attention gives.

        Args:
            outputs: of the network, whose graph this is.

        Raises:
            Undefined: there is no attention.
        """
        for scores, weights in self.softmaxes:
            products = self._products(scores)
            if products:  # a softmax of anything else is no attention
                self.given[weights] = WEIGHTS
                self.parts += [each for product in products for each, _ in product.next_functions]
        if not (self.given or self.names):
            raise NotApplicable(
                "no attention was seen: a softmax of products of queries and keys, or a function of torch's"
            )
        found = self.names.union(*map(self._sources, self.parts))
        for call in self.calls.values():
            worth = self._worth(call.input)
            if worth == WEIGHTS:  # a layer that mixes heads
                self.given[call.output] = WEIGHTS
            if worth in (RESULT, WEIGHTS):
                found |= {call.name, *self._sources(call.input)}
        for product in _every(outputs.grad_fn, PRODUCTS):  # values that are multiplied outside of a function
            factors = [each for each, _ in product.next_functions]
            if WEIGHTS in map(self._worth, factors):
                found = found.union(*map(self._sources, factors))
        return found

    def _products(self, start: Any, through: bool = True) -> frozenset[Any]:
        """Return the nearest products that a value comes from, perhaps through one layer, which mixes heads."""

        def own(node: Any) -> frozenset[Any] | None:
            if node in self.given:
                return frozenset()
            if node in self.calls:
                found = self._products(self.calls[node].input, False) if through else frozenset()
                self.names.update([self.calls[node].name] if found else [])
                return found
            return frozenset([node]) if _kind(node) in PRODUCTS else None

        return _behind(start, own, _union, frozenset())

    def _sources(self, start: Any) -> Names:
        """Return the nearest layers that a value comes from."""

        def own(node: Any) -> Names | None:
            if node in self.calls:
                return frozenset([self.calls[node].name])
            return frozenset() if node in self.given or _kind(node) in WEIGHTED else None

        return _behind(start, own, _unless_residual, frozenset())

    def _worth(self, start: Any) -> int:
        """Return what a value is to attention."""

        def own(node: Any) -> int | None:
            known = OTHER if node in self.calls or _kind(node) in WEIGHTED else None
            return self.given.get(node, known)

        return _behind(start, own, _given, NEITHER)


def _watch(p: ForwardPass) -> AttentionGraph:
    """Return the graph of the attention of a pass, which the forward run fills."""
    graph = AttentionGraph()

    def node(value: Any) -> Any:
        return value.grad_fn if isinstance(value, Tensor) else None

    def layer(call: LayerCall) -> None:
        graph.calls[node(call.output)] = _Call(call.name, node(call.input), node(call.output))

    def softmax(args: tuple[Any, ...], kwargs: Mapping[str, Any], output: Tensor) -> None:
        graph.softmaxes.append((node(args[0] if args else kwargs["input"]), node(output)))

    def scaled(args: tuple[Any, ...], kwargs: Mapping[str, Any], output: Tensor) -> None:
        given = {**dict(zip(("query", "key", "value"), args)), **kwargs}
        graph.parts += [node(given[name]) for name in ("query", "key", "value")]
        graph.given[node(output)] = RESULT

    def heads(args: tuple[Any, ...], kwargs: Mapping[str, Any], output: Any) -> None:
        given = {**dict(zip(inspect.signature(F.multi_head_attention_forward).parameters, args)), **kwargs}
        names = (p.name_of(given.get(name)) for name in PROJECTIONS)
        graph.names.update(name for name in names if name is not None)

    p.on_layers(layer)
    p.on(SOFTMAXES, softmax)
    p.on([F.scaled_dot_product_attention], scaled)
    p.on([F.multi_head_attention_forward], heads)
    return graph


# Their gradients --------------------


@dataclass(frozen=True)
class Flow:
    """Gradients of the outputs' sum, and which of them are attention's.

    Attributes:
        layers: convolution and linear layers, and other weights of attention.
        attention: names of the weights of attention, or the reason why there are none.
    """

    layers: list[Layer]
    attention: set[str] | Undefined


@observation(order=1, setting=flow_setting())
def attention_flow(p: ForwardPass) -> Steps[Flow]:
    """Differentiate the outputs' sum by each layer's weight and those of ``nn.MultiheadAttention``.

    Raises:
        Undefined: there is no layer, the outputs are not finite, or their sum is constant.
    """
    graph = _watch(p)
    yield FORWARD
    p.check_finite()
    p.layers  # noqa: B018
    attention: set[str] | Undefined
    try:
        attention = graph.projections(p.logits)
    except Undefined as error:
        attention = error
    names = list(dict.fromkeys([*p.network.layers, *sorted(graph.names)]))
    del graph
    (gradients,) = yield (Grad("logits", [p.weights[name] for name in names]),)
    check_sum(p.logits)
    pairs = zip(names, gradients)
    return Flow([Layer(name, as_real(p.weights[name].detach()), as_real(each)) for name, each in pairs], attention)


def _by_shape(layers: Sequence[Layer]) -> set[str]:
    """Return the names of the layers that are attention's by the code's rule."""
    linear = [layer for layer in layers if layer.weight.ndim == 2]
    names = {layer.name: module_of(layer.name).rpartition(".")[2] for layer in linear}
    return {layer.name for layer in linear if "qkv" in names[layer.name] or len(set(layer.weight.shape)) == 1}


@proxy(
    needs=[attention_flow()],
    version=1,
    paper="Zhou et al., CVPR 2022 (TF-TAS)",
    higher_is_better=True,
    aliases=["tf_tas"],
)
def dss(flow: Flow, *, variant: Literal["role", "code"] = "role") -> float:
    r"""Compute the diversity of attention's weights plus the saliency of all others.

    :math:`\sum_{l \in A} \|W_l\|_{nuc} \|\partial R/\partial W_l\|_{nuc} + \sum_{l \notin A} |W_l \cdot \partial
    R/\partial W_l|`; nuc: nuclear norm, the sum of singular values; R: as in ``synflow`` (one sample of ones, absolute
    parameters, double precision), whose pass it shares; A: projections of attention to queries, keys, values and from
    its result; others: all convolution and linear layers, the head too. A projection that is stored as one weight for
    queries, keys and values is one matrix. Higher is better. No data, no labels.

    Source: decemberzhou/TF_TAS, whose networks have no convolution but the embedding of patches. There attention's
    layers are those whose names hold qkv, and all square ones, so that a feed-forward layer may be taken for attention
    and a projection of another shape may not. Here they are found by what they do: layers whose outputs reach the
    queries, keys and values of torch's attention functions, or a softmax of their product, or are multiplied with what
    that gives (the nearest, with no residual in between), and layers that take the result.

    Args:
        flow: each layer with its absolute weight and the gradient of R, and which are attention's.
        variant: ``"role"``, or the rule of the ``"code"``, which sees no weight of ``nn.MultiheadAttention`` but the
            output's, and has a value for networks without attention.

    Returns:
        The sum.

    Raises:
        Undefined: no attention was seen, or one without linear projections.

    >>> import torch
    >>> layers = [Layer(name, torch.eye(2), 2 * torch.ones(2, 2)) for name in ("a.qkv.weight", "head.weight")]
    >>> dss(Flow(layers, {"a.qkv.weight"}))  # 2 · 4 and 2 + 2
    12.0
    """
    if variant == "code":
        attention = _by_shape(flow.layers)
        layers = [layer for layer in flow.layers if not layer.name.endswith(PROJECTIONS[:4])]
    else:
        if isinstance(flow.attention, Undefined):
            raise flow.attention
        attention, layers = flow.attention, flow.layers
        if not attention:
            raise NotApplicable("attention was seen, but no linear layer that makes its queries, keys and values")
    chosen = [layer for layer in layers if layer.name in attention]
    return diversity(chosen) + saliency([layer for layer in layers if layer.name not in attention])
