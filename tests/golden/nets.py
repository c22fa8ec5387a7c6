"""The networks that the golden values were measured on, rebuilt from plain data."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable

import numpy as np
import torch
from torch import Tensor, nn

FOLDER = Path(__file__).parent
SPECS: dict[str, Any] = json.loads((FOLDER / "nets.json").read_text(encoding="utf-8"))
SCORES: dict[str, dict[str, Any]] = json.loads((FOLDER / "scores.json").read_text(encoding="utf-8"))["scores"]

MODULES: dict[str, Callable[[dict[str, Any]], nn.Module]] = {
    "conv2d": lambda a: nn.Conv2d(
        a["in"],
        a["out"],
        a["k"],
        a.get("stride", 1),
        a.get("pad", 0),
        groups=a.get("groups", 1),
        bias=a.get("bias", False),
    ),
    "bn2d": lambda a: nn.BatchNorm2d(a["c"], affine=a.get("affine", True), track_running_stats=a.get("track", True)),
    "linear": lambda a: nn.Linear(a["in"], a["out"], bias=a.get("bias", True)),
    "relu": lambda a: nn.ReLU(a.get("inplace", False)),
    "gelu": lambda a: nn.GELU(),
    "tanh": lambda a: nn.Tanh(),
    "avgpool": lambda a: nn.AvgPool2d(
        a["k"], a.get("stride"), a.get("pad", 0), count_include_pad=a.get("count_include_pad", True)
    ),
    "maxpool": lambda a: nn.MaxPool2d(a["k"], a.get("stride"), a.get("pad", 0)),
}
JOINS: dict[str, Callable[..., Tensor]] = {
    "gap": lambda x: x.mean((2, 3)),
    "add": lambda *xs: sum(xs[1:], start=xs[0]),
    "cat": lambda *xs: torch.cat(xs, 1),
    "zero": lambda x: x * 0,
    "identity": lambda x: x,
}


class Graph(nn.Module):
    """A network given as an ordered list of nodes."""

    def __init__(self, spec: dict[str, Any]) -> None:
        super().__init__()
        self.spec = spec
        made = {n["id"]: MODULES[n["op"]](n.get("args", {})) for n in spec["nodes"] if n["op"] in MODULES}
        # A stage is the output of a module: joins among the stages pass one.
        self.nodes = nn.ModuleDict(
            {**made, **{name: nn.Identity() for name in spec["feature_nodes"] if name not in made}}
        )

    def forward(self, x: Tensor) -> Tensor:
        values = {"x": x}
        for node in self.spec["nodes"]:
            inputs, op = [values[name] for name in node["in"]], node["op"]
            called = node.get("args", {}).get("module", node["id"])
            values[node["id"]] = JOINS[op](*inputs) if op in JOINS else self.nodes[called](*inputs)
            if op in JOINS and node["id"] in self.nodes:
                values[node["id"]] = self.nodes[node["id"]](values[node["id"]])
        return values[self.spec["outputs"]["logits"]]


@dataclass(frozen=True)
class Golden:
    """A network in train mode with its parameters, a batch, all stored arrays, and the reference scores."""

    net: Graph
    batch: tuple[Tensor, Tensor]
    arrays: dict[str, Tensor]
    scores: dict[str, Any]

    def state(self, prefix: str) -> dict[str, Tensor]:
        """The arrays below ``prefix`` by the names of the network's parameters and buffers."""
        return {
            name.replace(f"{prefix}/", "nodes."): value
            for name, value in self.arrays.items()
            if name.startswith(f"{prefix}/")
        }


def load(name: str) -> Golden:
    """One of the networks."""
    with np.load(FOLDER / f"{name}.npz") as file:
        arrays = {key: torch.from_numpy(file[key]) for key in file.files}
    net = Graph(SPECS[name]).train()
    golden = Golden(net, (arrays["x"], arrays["y"].long()), arrays, SCORES[name])
    missing, unexpected = net.load_state_dict(golden.state("param"), strict=False)
    assert not unexpected
    assert all(key.endswith("num_batches_tracked") for key in missing)
    return golden
