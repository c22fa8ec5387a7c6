"""Recurrent cells: their text, which keys are one network, random cells and changes; networks against a slow oracle."""

from __future__ import annotations

import gzip
import json
import math
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from random import Random
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional as F

import naslib_zc_plugin as zc
from naslib_zc_plugin.benchmarks.nasbench_nlp import parameters
from naslib_zc_plugin.passes import Batch, Network
from naslib_zc_plugin.passes.constant_weights import ConstantWeights
from naslib_zc_plugin.passes.degenerate import cancels
from naslib_zc_plugin.spaces.nasbench_nlp import EXAMPLES, SPACE, from_recipe, to_recipe, without_unused
from naslib_zc_plugin.spaces.nasbench_nlp.keys import (
    ACTIVATIONS,
    INPUTS,
    STATES,
    Cell,
    Node,
    checked,
    format,
    order,
    parse,
)

SIZES = {"num_classes": 9, "embedding": 6, "hidden": 5, "layers": 3}
seeds = st.integers(0, 10**6)


def drawn(seed: int) -> str:
    return SPACE.sample(Random(seed))


def net(key: str, seed: int = 0, **options: Any) -> Any:
    torch.manual_seed(seed)
    return SPACE.build(key, **{**SIZES, **options})


def words(samples: int = 4, steps: int = 6) -> Tensor:
    return torch.randint(0, 9, (samples, steps), generator=torch.Generator().manual_seed(1))


def table(shared: Path) -> list[dict[str, Any]]:
    with gzip.open(shared / "data" / "nasbench_nlp" / "architectures.jsonl.gz", "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


@settings(max_examples=20, deadline=None)
@given(seeds)
def test_text_and_cell_are_one(seed: int) -> None:
    key = drawn(seed)
    assert format(parse(key)) == key
    assert from_recipe(to_recipe(key)) == key


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("linear(x,h0)|tanh(0)", "'>'"),
        ("linear(x,h0)|relu(0)>1", "unknown operation 'relu'"),
        ("linear(x,h0)|tanh 0>1", "node 1 must be"),
        ("linear(x,h0)|tanh(0)>one", "numbers of nodes"),
        ("linear(x,h0)|tanh(0)>2", "1 to 3 different nodes"),
        ("linear(x,h0)|tanh(0)>1,1", "1 to 3 different nodes"),
        ("linear(x)|tanh(0)>1", "linear has 2 or 3 inputs"),
        ("linear(x,h1)|tanh(0)>1", "'h1' cannot be an input"),
        ("linear(x,h0)|tanh(x)>1", "'x' cannot be an input"),
        ("linear(x,h0)|tanh(7)>1", "7 cannot be an input"),
        ("linear(x,x)|tanh(0)>1", "an input twice"),
        ("linear(x,h0)|tanh(0)|tanh(0)>1", "2 has no way"),
        ("linear(h0,1)|tanh(0)>1", "x has no way"),
        ("linear(x,2)|tanh(0)|sum(1,h0)>2", "circle"),
        ("linear(x,h0)|tanh(00)>1", "'00' cannot be an input"),
        (f"linear(x,h0)|tanh({'9' * 5_000})>1", "cannot be an input of node 1"),
        ("linear(x,h0)|tanh(0)>\u0661", "numbers of nodes after '>', found '\u0661'"),
        ("linear(x,h0)|tanh(0)>01", "numbers of nodes after '>', found '01'"),
        (f"linear(x,h0)|tanh(0)>{'9' * 5_000}", "numbers of nodes after '>'"),
        ("|".join(["linear(x,h0)", *(f"tanh({number})" for number in range(1_000))]) + ">1000", "at most 1000 nodes"),
    ],
)
def test_a_malformed_key_says_what_is_wrong(key: str, message: str) -> None:
    with pytest.raises(ValueError, match=message.replace("(", r"\(")):
        parse(key)


@pytest.mark.parametrize(
    "recipe",
    [
        {"a": {"op": "linear"}},
        {"a": 3},
        {"h_new_0": {"op": "conv", "input": ["x", "h_prev_0"]}},
        {"h_new_1": {"op": "linear", "input": ["x", "h_prev_0"]}},
        {"h_new_" + "9" * 5_000: {"op": "linear", "input": ["x", "h_prev_0"]}},
        {f"node_{number}": {"op": "activation_tanh", "input": [f"node_{number - 1}"]} for number in range(50_000)},
        {0: {"op": "linear", "input": ["x", "h_prev_0"]}},
        [],
        None,
    ],
)
def test_what_is_no_recipe_is_refused(recipe: Any) -> None:
    with pytest.raises(ValueError, match="recipe"):
        from_recipe(recipe)


def shuffled(key: str, rng: Random) -> str:
    """The same cell with its linear nodes in their order, all others anywhere, and swapped sums and products."""
    nodes, outputs = parse(key)
    numbers = list(range(len(nodes)))
    rng.shuffle(numbers)
    linear = iter(number for number in range(len(nodes)) if nodes[number].operation == "linear")
    numbers = [next(linear) if nodes[number].operation == "linear" else number for number in numbers]
    place: dict[Any, Any] = {number: index for index, number in enumerate(numbers)}
    moved = []
    for number in numbers:
        operation, inputs = nodes[number]
        sources = [place.get(source, source) for source in inputs]
        if operation in ("sum", "prod"):
            rng.shuffle(sources)
        moved.append(Node(operation, tuple(sources)))
    return format(Cell(tuple(moved), tuple(place[number] for number in outputs)))


@settings(max_examples=20, deadline=None)
@given(seeds)
def test_what_builds_the_same_network_has_one_canonical_key(seed: int) -> None:
    key = drawn(seed)
    other = shuffled(key, Random(seed))
    assert SPACE.canonical(other) == SPACE.canonical(key) == SPACE.canonical(SPACE.canonical(key))
    # Some cells overflow.
    one, two = (net(each)(words()).nan_to_num(3.0) for each in (key, SPACE.canonical(key)))
    assert torch.equal(one, two)


def repetitive(rng: Random) -> str:
    """A cell in which many nodes compute the same."""
    states = rng.randint(1, 3)
    nodes = [Node("linear", ("x", *STATES[:states])) if states < 3 else Node("linear", ("x", "h0", "h1"))]
    nodes += [Node("linear", ("x", "h2"))] if states == 3 else []
    for _ in range(rng.randint(4, 9)):
        known: list[Any] = [*range(max(0, len(nodes) - 5), len(nodes)), "h0"]
        operation = rng.choice(["tanh", "tanh", "sum", "prod", "blend"])
        count = {"tanh": 1, "blend": 3}.get(operation, 2)
        nodes.append(Node(operation, tuple(rng.sample(known[:-1] if count == 1 else known, min(count, len(known))))))
    nodes = [node for node in nodes if len(node.inputs) in INPUTS[node.operation]]
    outputs = rng.sample(range(len(nodes)), states)
    return format(checked(without_unused(Cell(tuple(nodes), tuple(outputs)))))


def test_nodes_that_compute_the_same_are_told_apart_by_all_that_uses_them() -> None:
    rng, found = Random(0), 0
    while found < 300:
        try:
            key = repetitive(rng)
        except (ValueError, KeyError, IndexError):
            continue  # no cell
        assert len({SPACE.canonical(shuffled(key, rng)) for _ in range(8)} | {SPACE.canonical(key)}) == 1, key
        found += 1


@pytest.mark.parametrize(
    "keys",
    [
        ("linear(x,h0,h1)|tanh(0)|tanh(0)|sigm(1)|sigm(2)>3,4", "linear(x,h0,h1)|tanh(0)|tanh(0)|sigm(2)|sigm(1)>3,4"),
        (
            "linear(x,h0,h1)|tanh(0)|tanh(0)|sum(1,h0)|sum(2,h0)>3,4",
            "linear(x,h0,h1)|tanh(0)|tanh(0)|sum(h0,1)|sum(2,h0)>3,4",
        ),
        (
            "linear(x,h0)|tanh(0)|tanh(0)|sigm(1)|sigm(2)|prod(3,4)>5",
            "linear(x,h0)|tanh(0)|tanh(0)|sigm(2)|sigm(1)|prod(3,4)>5",
        ),
        (
            "linear(x,h0)|tanh(0)|tanh(0)|sigm(0)|sigm(0)|sum(1,3)|sum(2,4)|prod(5,6)>7",
            "linear(x,h0)|tanh(0)|tanh(0)|sigm(0)|sigm(0)|sum(1,4)|sum(3,2)|prod(5,6)>7",
        ),
    ],
)
def test_symmetric_cells_have_one_canonical_key(keys: tuple[str, str]) -> None:
    assert SPACE.canonical(keys[0]) == SPACE.canonical(keys[1])


def doubling(number: int, reverse: bool = False) -> str:
    """A cell of so many sums, each of the two nodes before: written out, the last has a Fibonacci number of terms."""
    sums = (f"sum({n - 1},{n - 2})" if reverse and n % 3 else f"sum({n - 2},{n - 1})" for n in range(2, number))
    return "|".join(["linear(x,h0)", "tanh(0)", *sums]) + f">{number - 1}"


def test_cells_that_are_long_when_written_out_have_a_canonical_key() -> None:
    key = doubling(400)
    assert SPACE.canonical(key) == SPACE.canonical(doubling(400, reverse=True)) == SPACE.canonical(SPACE.canonical(key))
    assert SPACE.canonical(key) != SPACE.canonical(key.replace("sum(2,3)", "prod(2,3)"))
    sizes = {"num_classes": 9, "embedding": 4, "hidden": 4, "layers": 1}
    one, two = (SPACE.build(each, **sizes) for each in (key, SPACE.canonical(key)))
    two.load_state_dict(one.state_dict())
    assert torch.equal(one(words()).nan_to_num(3.0), two(words()).nan_to_num(3.0))


def test_the_order_of_weights_is_kept() -> None:
    one, other = "linear(x,h0)|tanh(0)>1", "linear(h0,x)|tanh(0)>1"
    assert SPACE.canonical(one) != SPACE.canonical(other)
    assert not torch.equal(net(one)(words()), net(other)(words()))


@settings(max_examples=20, deadline=None)
@given(seeds)
def test_random_cells_follow_the_generators_rules(seed: int) -> None:
    nodes, outputs = parse(drawn(seed))
    assert len(nodes) <= len(outputs) + 14
    assert not any(source in STATES for number in outputs for source in nodes[number].inputs)
    for operation, inputs in nodes:
        if operation == "linear":
            assert all(source in ("x", *STATES) or nodes[int(source)].operation in ACTIVATIONS for source in inputs)
        if operation in ACTIVATIONS:
            assert nodes[int(inputs[0])].operation == "linear"


def test_random_cells_are_distributed_as_the_benchmark(shared: Path) -> None:
    """Its lists were drawn by the generator: operations and sizes come as often, within four standard errors."""
    of_states: dict[int, list[Cell]] = {}
    for row in table(shared)[3:]:
        cell = parse(from_recipe(row["recipe"]))
        of_states.setdefault(len(cell.outputs), []).extend([cell] * max(1, len(row["ids"]) // 3))
    rng, ours = Random(0), dict[int, list[Cell]]()
    for _ in range(3000):
        cell = parse(SPACE.sample(rng))
        ours.setdefault(len(cell.outputs), []).append(cell)
    for states, theirs in of_states.items():
        for measure in (lambda cell: len(cell.nodes), *(_counter(name) for name in ("linear", "blend", "tanh"))):
            one, other = ([float(measure(cell)) for cell in cells] for cells in (theirs, ours[states]))
            error = math.sqrt(_variance(one) / len(one) + _variance(other) / len(other))
            assert abs(sum(one) / len(one) - sum(other) / len(other)) < 4 * error


def _counter(name: str) -> Any:
    return lambda cell: sum(node.operation == name for node in cell.nodes)


def _variance(values: list[float]) -> float:
    mean = sum(values) / len(values)
    return sum((value - mean) ** 2 for value in values) / len(values)


@settings(max_examples=20, deadline=None)
@given(seeds)
def test_neighbours_are_cells_of_the_space_and_mutations_are_among_them(seed: int) -> None:
    key = drawn(seed)
    neighbours = SPACE.neighbours(key)
    assert neighbours and len({*neighbours}) == len(neighbours)
    assert SPACE.canonical(key) not in neighbours
    assert all(SPACE.canonical(each) == each for each in neighbours)
    for rule in ("node", "edge"):
        assert SPACE.mutate(key, Random(seed), rule) in neighbours
        assert SPACE.mutate(key, Random(seed), rule) == SPACE.mutate(key, Random(seed), rule)


def test_a_walk_grows_and_shrinks_cells() -> None:
    def walk(key: str, rng: Random) -> Iterator[str]:
        while True:
            key = SPACE.mutate(key, rng)
            yield key

    sizes = [len(parse(key).nodes) for key in islice(walk(EXAMPLES["rnn"], Random(0)), 60)]
    assert any(b > a for a, b in zip(sizes, sizes[1:]))
    assert any(b < a for a, b in zip(sizes, sizes[1:]))


def test_cells_larger_than_the_generators_have_neighbours_that_do_not_grow() -> None:
    key = doubling(19)
    neighbours = SPACE.neighbours(key)
    assert neighbours and max(len(parse(each).nodes) for each in neighbours) <= 19
    for rule in ("node", "edge"):
        assert SPACE.mutate(key, Random(0), rule) in neighbours


def test_cells_have_no_positions() -> None:
    assert SPACE.size is None
    for call in (lambda: SPACE.key(0), lambda: SPACE.index(EXAMPLES["rnn"])):
        with pytest.raises(ValueError, match="not counted"):
            call()
    with pytest.raises(ValueError, match="unknown mutation rule"):
        SPACE.mutate(EXAMPLES["rnn"], Random(0), "all")


def oracle(key: str, model: Any, tokens: Tensor) -> Tensor:
    """The last layer's outputs, from the recipe: step by step, node by node, by the benchmark's definitions."""
    recipe, nodes = to_recipe(key), parse(key).nodes
    names = list(recipe)
    states = len([name for name in names if name.startswith("h_new_")])
    sequence = F.embedding(tokens, model.embedding.weight)
    for layer in model.layers:
        hidden = [sequence.new_zeros(len(tokens), layer.hidden) for _ in range(states)]
        outputs = []
        for step in range(tokens.shape[1]):
            values = {"x": sequence[:, step], **{f"h_prev_{number}": state for number, state in enumerate(hidden)}}
            for number in order(nodes):
                node = recipe[names[number]]
                inputs = [values[source] for source in node["input"]]
                if node["op"] == "linear":
                    maps = list(layer.linear[str(number)])
                    value = maps[0].bias + sum(each @ linear.weight.T for each, linear in zip(inputs, maps))
                elif node["op"] == "blend":
                    value = inputs[0] * inputs[1] + (1 - inputs[0]) * inputs[2]
                else:
                    value = {
                        "elementwise_prod": lambda a, b: a * b,
                        "elementwise_sum": lambda a, b: a + b,
                        "activation_tanh": torch.tanh,
                        "activation_sigm": torch.sigmoid,
                        "activation_leaky_relu": lambda a: torch.where(a > 0, a, 0.01 * a),
                    }[node["op"]](*inputs)
                values[names[number]] = value
            hidden = [values[f"h_new_{number}"] for number in range(states)]
            outputs.append(hidden[0])
        sequence = torch.stack(outputs, 1)
    return sequence


@settings(max_examples=20, deadline=None)
@given(seeds)
def test_networks_compute_what_recipes_say(seed: int) -> None:
    key = drawn(seed)
    model = net(key, variant="outputs").double()
    expected = oracle(key, model, words())
    assert torch.allclose(model(words()), expected, atol=1e-12, equal_nan=True)
    model.decodes = True
    assert torch.allclose(
        model(words()), expected @ model.embedding.weight.T + model.decoder.bias, atol=1e-12, equal_nan=True
    )


@pytest.mark.parametrize("key", list(EXAMPLES.values()))
def test_initial_weights(key: str) -> None:
    model = net(key, num_classes=3000, embedding=40, hidden=50)
    assert model.decoder.weight is model.embedding.weight
    assert not model.decoder.bias.any()
    bounds = [(model.embedding.weight, 0.1)]
    for layer in model.layers:
        bounds += [(value, layer.hidden**-0.5) for value in layer.parameters()]
    for value, bound in bounds:
        assert value.abs().max() <= bound
        if value.numel() > 1000:
            assert value.abs().max() > 0.99 * bound
            assert value.detach().std() == pytest.approx(bound / math.sqrt(3), rel=0.1)


def test_published_weights_are_those_that_its_modules_draw() -> None:
    """Modules as that code makes them, under its seed, and weights drawn as it draws them."""
    key = drawn(5)
    model = net(key, seed=3, variant="published")
    state = torch.random.get_rng_state()
    torch.manual_seed(0)
    embedding, linear = torch.nn.Embedding(9, 6), []
    for inputs, hidden in ((6, 5), (5, 5), (5, 6)):
        parts = []
        for node in parse(key).nodes:
            if node.operation == "linear":
                widths = [inputs if source == "x" else hidden for source in node.inputs]
                weights = [torch.nn.init.kaiming_uniform_(torch.empty(hidden, width), 5**0.5) for width in widths]
                parts += [torch.empty(hidden).uniform_(), *weights]
        bound = hidden**-0.5
        linear += [part.uniform_(-bound, bound) for part in parts]
    torch.nn.Linear(5, 9)
    for _ in range(2):
        embedding.weight.data.uniform_(-0.1, 0.1)
    torch.random.set_rng_state(state)
    assert torch.equal(model.embedding.weight, embedding.weight)
    ours = [
        value
        for layer in model.layers
        for node in layer.nodes().values()
        for value in (node[0].bias, *(part.weight for part in node))
    ]
    assert all(torch.equal(one, other) for one, other in zip(ours, linear))
    assert torch.equal(net(key, seed=4, variant="published").embedding.weight, embedding.weight)


def test_training_drops_words_states_and_weights() -> None:
    key = EXAMPLES["lstm"]
    model = net(key, variant="training")
    assert torch.equal(model.eval()(words()), net(key)(words()))
    first, second = (model.train()(words()) for _ in range(2))
    assert not torch.equal(first, second)
    first.sum().backward()
    for layer in model.layers:
        for node in layer.nodes().values():
            assert all((part.weight.grad is not None) == (source == "x") for source, part in node.maps().items())


@pytest.mark.parametrize(("options", "message"), [({"variant": "small"}, "variant"), ({"layers": 0}, "at least 1")])
def test_networks_refuse_what_they_cannot_be(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        net(EXAMPLES["rnn"], **options)


def test_parameters_of_every_cell_of_the_benchmark(shared: Path) -> None:
    rows = table(shared)
    keys = [from_recipe(row["recipe"]) for row in rows]
    assert [parameters(key) for key in keys] == [row["num_params"] for row in rows]
    assert len(rows) == 4322
    assert len({*keys}) == 4065
    assert len({SPACE.canonical(key) for key in keys}) == 4051
    assert keys[:3] == list(EXAMPLES.values())
    for number in Random(0).sample(range(len(rows)), 3):
        built = SPACE.build(keys[number])
        assert sum(value.numel() for value in built.parameters()) == rows[number]["num_params"]


@settings(max_examples=8, deadline=None)
@given(seeds)
def test_one_unit_stands_for_all_under_constant_weights(seed: int) -> None:
    """epsilon's outputs: those of a unit are those of each of many; the embedding is drawn alike."""
    key = drawn(seed)
    setting = ConstantWeights(biases="weight", states="weight", features="first")
    made = []
    for variant in ("outputs", "one_unit"):
        network = Network(net(key, variant=variant).double())
        made.append(setting.uncollapsed(network, Batch(words(), None), (1e-3, 0.1), seed=0))
    assert torch.allclose(*made, rtol=1e-9, atol=0, equal_nan=True)


@pytest.mark.parametrize("weight", [1e-7, 0.1])
def test_one_unit_rounds_as_the_whole_layer_does(weight: float) -> None:
    """Outputs that are equal in the whole layer, in single precision, are so in one unit: the cell has no epsilon."""
    tokens = torch.randint(50, (50, 20), generator=torch.Generator().manual_seed(0))
    setting = ConstantWeights(biases="weight", states="weight", features="first")
    for variant in ("outputs", "one_unit"):
        network = Network(
            SPACE.build("linear(h0,x)|linear(h0,3)|linear(3,4)|sigm(0)|tanh(1)>2", num_classes=50, variant=variant)
        )
        (outputs,) = setting.uncollapsed(network, Batch(tokens, None), (weight,), seed=0)
        assert len(outputs.unique()) == 1, variant


def test_a_cell_that_overflows_has_no_layer_norm() -> None:
    """Features that are infinite do not cancel, whatever infinity is compared with."""
    assert not cancels(torch.full((2, 3), torch.inf))
    assert cancels(torch.tensor([[1.0, -1.0], [2.0, -2.0]]))
    grows = net("linear(x,h0)|leaky_relu(0)>1", variant="outputs")
    found = zc.score(grows, words(), [zc.proxy("epsilon", weights=(1e20, 1e30), biases="weight", features="first")])
    assert found["epsilon"].status == "undefined"
    assert "not finite" in found["epsilon"].reason
