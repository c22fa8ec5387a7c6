"""Proxies of recurrent networks against loops, and against what their makers published."""

from __future__ import annotations

import csv
import gzip
import json
import math
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import naslib_zc_plugin as zc
from naslib_zc_plugin.extend import Undefined
from naslib_zc_plugin.probes import probe
from naslib_zc_plugin.protocols import protocol as published_protocol
from naslib_zc_plugin.proxies.epsilon import epsilon
from naslib_zc_plugin.spaces.nasbench_nlp import EXAMPLES, SPACE, from_recipe

SAMPLES, STEPS, WORDS = 6, 5, 9


def network(key: str = EXAMPLES["gru"]) -> Any:
    torch.manual_seed(0)
    return SPACE.build(key, num_classes=WORDS, embedding=14, hidden=12, layers=2, variant="outputs")


def words() -> Tensor:
    return torch.randint(0, WORDS, (SAMPLES, STEPS), generator=torch.Generator().manual_seed(2))


def value(net: nn.Module, name: str, **options: Any) -> float:
    (score,) = zc.score(net, (words(), None), [zc.proxy(name, **options)]).values()
    assert score.value is not None, score.reason
    return score.value


def unrolled(net: Any, embedded: Tensor) -> tuple[list[list[Tensor]], Tensor]:
    """States of each layer after each step, and the outputs, one step at a time (of a GRU: its state is its output)."""
    states: list[list[Tensor]] = []
    sequence = list(embedded.unbind(1))
    for layer in net.layers:
        cell = nn.ModuleList(node for node in layer.linear.values())
        r, z, h = ([*node] for node in cell)
        hidden, steps = torch.zeros(len(embedded), layer.hidden), []
        for x in sequence:
            reset = torch.sigmoid(r[0](x) + r[1](hidden))
            gate = torch.sigmoid(z[0](x) + z[1](hidden))
            new = torch.tanh(h[0](x) + h[1](reset * hidden))
            hidden = gate * hidden + (1 - gate) * new
            steps.append(hidden)
        states.append(steps)
        sequence = steps
    return states, torch.stack(sequence, 1)


def formula(rows: np.ndarray) -> float:
    values = np.linalg.eigvalsh(np.corrcoef(rows)) + 1e-5
    return -float(np.sum(np.log(values) + 1 / values))


@pytest.fixture(scope="module")
def by_hand() -> dict[str, Any]:
    net = network()
    embedded = net.embedding(words()).detach().requires_grad_()
    states, outputs = unrolled(net, embedded)
    flat = [step for steps in states for step in steps]
    weights = {name: each for name, each in net.named_parameters() if each.ndim == 2 and name != "embedding.weight"}
    gradients = torch.autograd.grad(outputs.sum(), [embedded, *flat, *weights.values()], allow_unused=True)
    return {
        "states": [[step.detach() for step in steps] for steps in states],
        "jacobian": gradients[0].flatten(1).double().numpy(),
        "by states": gradients[1 : 1 + len(flat)],
        "by weights": {name: (weights[name], each) for name, each in zip(weights, gradients[1 + len(flat) :])},
    }


def cosine(jacobian: np.ndarray) -> float:
    pairs = [(i, j) for i in range(SAMPLES) for j in range(SAMPLES) if i != j]
    cosines = [
        abs(jacobian[i] @ jacobian[j]) / math.sqrt((jacobian[i] @ jacobian[i]) * (jacobian[j] @ jacobian[j]))
        for i, j in pairs
    ]
    return 1 - sum(each**0.05 for each in cosines) / 2 / len(pairs)


def test_jacobians_are_by_the_embedding(by_hand: dict[str, Any]) -> None:
    assert value(network(), "jacob_cosine") == pytest.approx(cosine(by_hand["jacobian"]), rel=1e-5)
    assert value(network(), "jacov") == pytest.approx(formula(by_hand["jacobian"]), rel=1e-3)


@pytest.mark.parametrize("layer", [1, 2, -1])
@pytest.mark.parametrize("rows", ["units", "samples"])
def test_hidden_covariance(by_hand: dict[str, Any], layer: int, rows: str) -> None:
    steps = by_hand["states"][layer - 1 if layer > 0 else layer]
    before = torch.stack([torch.zeros_like(steps[0]), *steps[:-1]])  # (T, N, units)
    matrix = before.permute(1, 0, 2).flatten(1) if rows == "samples" else before.permute(2, 0, 1).flatten(1)
    expected = formula(matrix.double().numpy())
    assert value(network(), "hidden_covariance", layer=layer, rows=rows) == pytest.approx(expected, rel=1e-3)


def test_saliencies(by_hand: dict[str, Any]) -> None:
    expected = 0.0
    for number, (steps, place) in enumerate((steps, range(STEPS - 1)) for steps in by_hand["states"]):
        for step in place:
            gradient = by_hand["by states"][number * STEPS + step]
            expected += float((steps[step] * gradient).abs().sum())
    assert value(network(), "hidden_synaptic_saliency") == pytest.approx(expected, rel=1e-4)
    sizes = {name: float((weight * g).detach().abs().sum()) for name, (weight, g) in by_hand["by weights"].items()}
    second = sum(size for name, size in sizes.items() if name.endswith("1.weight"))
    found = value(network(), "synaptic_saliency", layers=["layers.*.linear.*.1"])
    assert found == pytest.approx(second, rel=1e-4)
    whole = value(network(), "synaptic_saliency", layers=["layers.*"])
    assert whole == pytest.approx(sum(sizes.values()), rel=1e-4)


def test_an_lstm_of_torchs_own_is_seen_from_outside() -> None:
    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            torch.manual_seed(0)
            self.embedding, self.lstm = nn.Embedding(WORDS, 4), nn.LSTM(4, 5, batch_first=True)
            self.head = nn.Linear(5, 3)

        def forward(self, tokens: Tensor) -> Tensor:
            return self.head(self.lstm(self.embedding(tokens))[0])

    net = Model()
    states = net.lstm(net.embedding(words()))[0]
    (gradient,) = torch.autograd.grad(net.head(states).sum(), [states])
    expected = float((states.detach() * gradient).abs()[:, :-1].sum())
    assert value(net, "hidden_synaptic_saliency") == pytest.approx(expected, rel=1e-5)
    before = torch.cat([torch.zeros(SAMPLES, 1, 5), states.detach()[:, :-1]], 1)
    covariance = formula(before.flatten(0, 1).T.double().numpy())
    assert value(net, "hidden_covariance") == pytest.approx(covariance, rel=1e-3)


class Own(nn.Module):
    """A recurrent layer of torch's own under a classifier of its last state, or of all."""

    def __init__(self, layer: nn.Module, width: int = 5, last: bool = False) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.embedding, self.layer, self.head, self.last = nn.Embedding(WORDS, 4), layer, nn.Linear(width, 3), last

    def forward(self, tokens: Tensor) -> Tensor:
        states = self.layer(self.embedding(tokens))[0]
        return self.head(states[:, -1] if self.last else states)


@pytest.mark.parametrize("kind", [nn.RNN, nn.GRU, nn.LSTM])
def test_what_stays_inside_torchs_own_layers_has_a_reason(kind: type[nn.RNNBase]) -> None:
    asked = [zc.proxy("hidden_covariance", layer=number, label=str(number)) for number in (1, 2, -1)]

    def found(net: nn.Module) -> dict[str, zc.Score]:
        return zc.score(net, (words(), None), ["hidden_synaptic_saliency", *asked])

    both_ways = found(Own(kind(4, 5, batch_first=True, bidirectional=True), 10))
    assert ["both ways" in score.reason for score in both_ways.values()] == [True] * 4
    several = found(Own(kind(4, 5, num_layers=2, batch_first=True)))
    assert ["the upper one" in score.reason for score in several.values()] == [True, True, False, False]
    assert several["2"].value == several["-1"].value is not None
    last = found(Own(kind(4, 5, batch_first=True), last=True))
    assert "nothing but the last state" in last["hidden_synaptic_saliency"].reason
    assert last["1"].value is not None


def test_packed_sequences_have_a_reason() -> None:
    class Packed(Own):
        def forward(self, tokens: Tensor) -> Tensor:
            lengths = torch.arange(len(tokens), 0, -1).clamp(max=tokens.shape[1])
            packed = nn.utils.rnn.pack_padded_sequence(self.embedding(tokens), lengths, batch_first=True)
            return self.head(self.layer(packed)[1][0])

    (score,) = zc.score(Packed(nn.GRU(4, 5, batch_first=True)), (words(), None), ["hidden_covariance"]).values()
    assert (score.status, "packed" in score.reason) == ("undefined", True)


@pytest.mark.parametrize("nonlinearity", ["relu", "tanh"])
def test_states_do_not_depend_on_what_else_is_asked_for(nonlinearity: str) -> None:
    net = Own(nn.RNN(4, 5, batch_first=True, nonlinearity=nonlinearity))
    alone = zc.score(net, (words(), None), ["hidden_covariance"])["hidden_covariance"]
    together = zc.score(net, (words(), None), ["jacov", "hidden_synaptic_saliency", "hidden_covariance"])
    assert together["hidden_covariance"].value == alone.value is not None


def test_a_first_state_of_the_default_type_is_no_hindrance_to_synflow() -> None:
    class Cells(Own):
        def forward(self, tokens: Tensor) -> Tensor:
            state, states = torch.zeros(len(tokens), 5), []
            for step in self.embedding(tokens).unbind(1):
                state = self.layer(step, state)
                states.append(state)
            return self.head(torch.stack(states, 1))

    cells, layer = Cells(nn.GRUCell(4, 5)), Own(nn.GRU(4, 5, batch_first=True))
    values = {name.replace("_l0", ""): value for name, value in layer.state_dict().items()}
    cells.load_state_dict(values)
    found = [zc.score(net, (words(), None), ["synflow"])["synflow"] for net in (cells, layer)]
    assert found[0].value == pytest.approx(found[1].value, rel=1e-12), found[0].reason
    assert torch.get_default_dtype() == torch.float32


def test_no_recurrent_layer_no_score() -> None:
    net = nn.Sequential(nn.Linear(4, 3))
    for name in ("hidden_covariance", "hidden_synaptic_saliency"):
        (score,) = zc.score(net, (torch.randn(5, 4), None), [name]).values()
        assert (score.status, "no recurrent layer" in score.reason) == ("undefined", True)
    (score,) = zc.score(network(), (words(), None), [zc.proxy("hidden_covariance", layer=3)]).values()
    assert "no layer 3" in score.reason


def noised(net: Any, amplitudes: Sequence[float]) -> list[float]:
    embedded = net.embedding(words()).detach()
    scores = []
    for amplitude in amplitudes:
        noise = torch.randn(embedded.shape, generator=torch.Generator().manual_seed(_noise_seed()))
        shown = (embedded + amplitude * embedded.var(0, unbiased=False) * noise).requires_grad_()
        (jacobian,) = torch.autograd.grad(unrolled(net, shown)[1].sum(), [shown])
        scores.append(cosine(jacobian.flatten(1).double().numpy()))
    return scores


def _noise_seed() -> int:
    from naslib_zc_plugin.passes.seeding import derived_seed

    return derived_seed(0, "noise")


def test_noise_is_on_the_embedding_in_proportion_to_its_variance() -> None:
    still, small, large, larger = noised(network(), [0, 0.1, 10, 100])
    assert value(network(), "large_noise_jacobian") == pytest.approx(1 - abs(still - large), rel=1e-5)
    assert value(network(), "large_noise_jacobian", amplitude=0.1) == pytest.approx(1 - abs(still - small), rel=1e-5)
    assert value(network(), "more_noised_jacobian") == pytest.approx(still * small * large * larger, rel=1e-4)


def test_noise_on_images() -> None:
    net, x = nn.Sequential(nn.Flatten(), nn.Linear(12, 4), nn.Tanh()), torch.randn(SAMPLES, 3, 2, 2)
    (score,) = zc.score(net, (x, None), [zc.proxy("large_noise_jacobian", score="covariance")]).values()
    noise = torch.randn(x.shape, generator=torch.Generator().manual_seed(_noise_seed()))
    found = []
    for amplitude in (0, 10):
        shown = (x + amplitude * x.var(0, unbiased=False) * noise).requires_grad_()
        (jacobian,) = torch.autograd.grad(net(shown).sum(), [shown])
        found.append(formula(jacobian.flatten(1).double().numpy()))
    assert score.value == pytest.approx(1 - abs(found[0] - found[1]), rel=1e-3)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("hidden_covariance", {"layer": 0}),
        ("hidden_covariance", {"rows": "words"}),
        ("large_noise_jacobian", {"score": "mean"}),
        ("large_noise_jacobian", {"amplitude": 0}),
        ("more_noised_jacobian", {"amplitudes": [1, 1]}),
        ("epsilon", {"embedding": "ones"}),
        ("epsilon", {"biases": "some"}),
    ],
)
def test_options_are_checked(name: str, options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(options))):
        zc.proxy(name, **options)


@pytest.mark.parametrize("embedding", ["uniform_positive_0.1", "uniform_centered_1", "random_1"])
def test_epsilon_as_its_code_treats_recurrent_cells(embedding: str) -> None:
    """Every weight, bias and first state w, the embedding drawn, one feature of the outputs: in double precision."""
    options: dict[str, Any] = {"weights": (1e-3, 1e-1), "biases": "weight", "states": "weight", "features": "first"}
    net = network().double()
    from naslib_zc_plugin.passes.constant_weights import EMBEDDINGS
    from naslib_zc_plugin.passes.seeding import seed_everything

    rows = []
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        for weight in options["weights"]:
            filled = network().double()
            for name, each in filled.named_parameters():
                each.fill_(weight) if name.startswith("layers") else None
            for layer in filled.layers:
                layer.initial_state.fill_(weight)
            seed_everything(0, "embeddings")
            filled.embedding.weight.copy_(EMBEDDINGS[embedding](filled.embedding.weight))
            feature = filled(words())[:, :, 0].flatten()
            scaled = (feature - feature.min()) / (feature.max() - feature.min())
            rows.append(torch.where(scaled == 0, torch.nan, scaled))
    expected = float((rows[0] - rows[1]).abs().nanmean() / torch.stack(rows).nanmean())
    assert value(net, "epsilon", embedding=embedding, **options) == pytest.approx(expected, rel=1e-5)


def test_epsilon_leaves_out_outputs_that_are_not_a_number() -> None:
    """As that code does, whose smallest, largest and mean are of numbers alone; infinite outputs leave no score."""
    outputs = np.array([[0.0, 1, 2, np.nan, np.nan], [0, 4, 16, 8, np.nan]])
    scaled = outputs / np.array([[2.0], [16.0]])
    scaled[scaled == 0] = np.nan
    expected = np.nanmean(np.abs(scaled[0] - scaled[1])) / np.nanmean(scaled)
    assert epsilon(torch.tensor(outputs), missing="drop") == pytest.approx(expected)
    for missing, replaced in (("undefined", np.nan), ("drop", np.inf)):
        with pytest.raises(Undefined, match="not finite"):
            epsilon(torch.tensor(np.where(outputs == 2, replaced, outputs)), missing=missing)


LABELS = {
    "act_dist_naswot": zc.proxy("generalized_naswot", sigmoid="sign", tanh="sign", label="act_dist_naswot"),
    "jacob_cosine": zc.proxy("jacob_cosine"),
    "hidden_cov_l1": zc.proxy("hidden_covariance", label="hidden_cov_l1"),
    "hidden_cov_l2": zc.proxy("hidden_covariance", layer=2, label="hidden_cov_l2"),
    "hidden_cov_l3": zc.proxy("hidden_covariance", layer=3, label="hidden_cov_l3"),
    "hidden_synaptic_saliency": zc.proxy("hidden_synaptic_saliency"),
}
TOLERANCES = {
    "act_dist_naswot": 0.01,
    "jacob_cosine": 0.01,
    "hidden_synaptic_saliency": 0.05,
    "synaptic_saliency": 0.05,
}


def test_published_values(shared: Path) -> None:
    """Of three cells. Words have other numbers than there: all weights are the same but for the embedding's order."""
    data = shared / "data"
    with gzip.open(data / "nasbench_nlp" / "published_scores.csv.gz", "rt", encoding="utf-8") as lines:
        published = {int(row["arch"]): row for row in csv.DictReader(lines)}
    with gzip.open(data / "nasbench_nlp" / "architectures.jsonl.gz", "rt", encoding="utf-8") as lines:
        rows = {row["arch"]: row for row in map(json.loads, lines)}
    protocol = published_protocol("nasbench_nlp")
    batch = probe(data / "probes" / "ptb_test_71x50.npz").batch(50)
    asked = [*LABELS.values(), *protocol.requests(["synaptic_saliency"], "nasbench_nlp")]
    small = sorted(number for number in published if rows[number]["num_params"] < 7_000_000)
    for number in Random(0).sample(small, 3):
        key = SPACE.canonical(from_recipe(rows[number]["recipe"]))
        net = SPACE.build(key, variant=protocol.variant)
        for label, score in zc.score(net, batch, asked, loss=protocol.objective()).items():
            expected = float(published[number][label])
            assert score.value == pytest.approx(expected, rel=TOLERANCES.get(label, 0.1)), (key, label)


def test_noise_that_leaves_no_gradient_is_named() -> None:
    torch.manual_seed(0)
    net, x = nn.Sequential(nn.Linear(4, 3), nn.Hardtanh()), torch.rand(SAMPLES, 4) / 4
    asked = [zc.proxy("large_noise_jacobian", amplitude=1e9), zc.proxy("more_noised_jacobian", amplitudes=[0.1, 1e9])]
    for score in zc.score(net, (x, None), asked).values():
        assert (score.status, score.reason[:31]) == ("undefined", "with noise of amplitude 1e+09: ")


def test_noise_comes_with_the_same_dropout() -> None:
    """Without variance in the batch the noise is nothing, and neither is its effect."""
    torch.manual_seed(0)
    net, x = nn.Sequential(nn.Linear(4, 30), nn.Tanh(), nn.Dropout(0.5), nn.Linear(30, 2)), torch.ones(3, 4)
    (score,) = zc.score(net, (x, None), ["large_noise_jacobian"]).values()
    assert score.value == 1
