"""A recurrent layer: one cell, step after step."""

from __future__ import annotations

from typing import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from naslib_zc_plugin.spaces.nasbench_nlp.keys import Cell, Input, Node, order


def _leaky_relu(value: Tensor) -> Tensor:
    return F.leaky_relu(value, 0.01)


def _blend(gate: Tensor, one: Tensor, other: Tensor) -> Tensor:
    return gate * one + (1 - gate) * other


OPERATIONS: dict[str, Callable[..., Tensor]] = {
    "blend": _blend,
    "prod": torch.mul,
    "sum": torch.add,
    "tanh": torch.tanh,
    "sigm": torch.sigmoid,
    "leaky_relu": _leaky_relu,
}


class LinearNode(nn.ModuleList):
    """b + Σ W_i·in_i: one linear map per input, the bias with the first."""

    def __init__(self, node: Node, inputs: int, hidden: int) -> None:
        self.sources = node.inputs
        widths = [inputs if source == "x" else hidden for source in node.inputs]
        super().__init__(
            nn.utils.skip_init(nn.Linear, width, hidden, bias=not number) for number, width in enumerate(widths)
        )

    def maps(self) -> dict[Input, nn.Linear]:
        """The linear map of each input."""
        return {source: linear for source, linear in zip(self.sources, self) if isinstance(linear, nn.Linear)}


class RecurrentLayer(nn.Module):
    """Inputs (N, T, d) to the first hidden state after each step, (N, T, h).

    The products with the layer's inputs are made for all steps at once.

    Args:
        cell: the cell.
        inputs: width d of the inputs.
        hidden: width h of the hidden states, and of every node.
        dropped: rate of DropConnect on the weights of what is no layer input, in train mode. Such weights never learn:
            the benchmark's code wraps them anew in each forward run, and its optimizer holds those that are not used.
    """

    initial_state: Tensor

    def __init__(self, cell: Cell, inputs: int, hidden: int, dropped: float = 0.0) -> None:
        super().__init__()
        self.linear = nn.ModuleDict(
            {
                str(number): LinearNode(node, inputs, hidden)
                for number, node in enumerate(cell.nodes)
                if node.operation == "linear"
            }
        )
        self.register_buffer("initial_state", torch.zeros(()), persistent=False)
        self.plan = [(number, cell.nodes[number]) for number in order(cell.nodes)]
        self.states, self.outputs = cell.states, cell.outputs
        self.hidden, self.dropped = hidden, dropped

    def nodes(self) -> dict[int, LinearNode]:
        """The linear nodes by number."""
        return {int(name): node for name, node in self.linear.items() if isinstance(node, LinearNode)}

    def forward(self, x: Tensor) -> Tensor:
        """The first hidden state after each step."""
        maps = {number: node.maps() for number, node in self.nodes().items()}
        ahead = {number: map["x"](x).unbind(1) for number, map in maps.items() if "x" in map}
        weights = {
            number: [(source, self._recurrent(map.weight), map.bias) for source, map in of.items() if source != "x"]
            for number, of in maps.items()
        }
        state = self.initial_state.expand(len(x), self.hidden)
        values: dict[Input, Tensor] = dict.fromkeys(self.states, state)
        steps = []
        for step in range(x.shape[1]):
            for number, node in self.plan:
                if node.operation == "linear":
                    terms = [F.linear(values[source], weight, bias) for source, weight, bias in weights[number]]
                    values[number] = sum(terms, ahead[number][step]) if number in ahead else sum(terms[1:], terms[0])
                else:
                    values[number] = OPERATIONS[node.operation](*[values[source] for source in node.inputs])
            values = {state: values[number] for state, number in zip(self.states, self.outputs)}
            steps.append(values[self.states[0]])
        return torch.stack(steps, 1)

    def _recurrent(self, weight: Tensor) -> Tensor:
        return F.dropout(weight.detach(), self.dropped, self.training) if self.dropped else weight
