"""Networks of NDS' spaces: NNI's with the same weights, sizes, what the logits depend on, and every proxy on them."""

from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import Any, cast

import pytest
import torch
from torch import nn

from naslib_zc_plugin.protocols import NDS
from naslib_zc_plugin.spaces import list_spaces, nasbench301, space
from naslib_zc_plugin.spaces.nds import CellSpace, keys
from tests.spaces.nds import PUBLISHED
from tests.spaces.through_every_proxy import checked

IMAGES = torch.randn(3, 3, 16, 16, generator=torch.Generator().manual_seed(0))


def cells(name: str) -> CellSpace:
    return cast(CellSpace, space(name))


def parameters(net: nn.Module) -> int:
    return sum(each.numel() for each in net.parameters())


def small(name: str, rng: Random, **sizes: int) -> str:
    """A random key of a small network."""
    found = cells(name).genotype(cells(name).sample(rng))
    sizes = {"width": rng.choice((2, 3)), "depth": rng.randint(3, 4), **sizes}
    return keys.format(replace(found, width=sizes["width"], depth=sizes["depth"]))


def in_part(name: str, rng: Random, **sizes: int) -> str:
    """A random key of which some cell leaves one of its inputs aside."""
    while True:
        key = small(name, rng, **sizes)
        if not all(all(use.inputs) for use in keys.cell_uses(cells(name).genotype(key))):
            return key


def test_builders_have_a_version() -> None:
    """NNI drew and threw away weights of candidates: with its networks, a seed gave other weights than with ours."""
    assert {name: getattr(space(name), "builder", None) for name in list_spaces()} == {
        name: 2 if name in (*NDS, "nasbench301") else None for name in list_spaces()
    }


def nni_network(genotype: keys.Genotype, loose: bool) -> Any:
    """NNI's network, from the same code as the benchmark's (pycls). NNI knows ``none``, but as no candidate."""
    nasnet = pytest.importorskip("nni.nas.hub.pytorch.nasnet", reason="needs NNI")
    names, sample = dict[str, None](), dict[str, Any]()
    for cell in keys.CELLS:
        for number, (name, place) in enumerate(genotype.edges(cell)):
            end = f"{2 + number // 2}_{number % 2}"
            names[name], sample[f"{cell}/op_{end}"], sample[f"{cell}/input_{end}"] = None, name, [place]
    return nasnet.NDS.frozen_factory(sample)(
        op_candidates=list(names),
        merge_op="loose_end" if loose else "all",
        num_nodes_per_cell=len(genotype.normal) // 2,
        width=genotype.width,
        num_cells=genotype.depth,
        dataset="cifar",
        auxiliary_loss=False,
    )


@pytest.mark.parametrize("name", [*NDS, "nasbench301"])
def test_networks_are_nnis(name: str) -> None:
    rng, images = Random(4), IMAGES[:, :, :8, :8]
    for _ in range(8):
        sizes, key = {"width": rng.choice((2, 3)), "depth": rng.choice((3, 4, 5))}, space(name).sample(rng)
        if name == "nasbench301":
            found, loose = keys.Genotype(**nasbench301.named_edges(nasbench301.parse(key)), **sizes), False
            ours = space(name).build(key, C=sizes["width"], N=sizes["depth"])
        else:
            found, loose = replace(cells(name).genotype(key), **sizes), cells(name).loose
            ours = space(name).build(key, **sizes)
        theirs = nni_network(found, loose)
        weights = theirs.state_dict()
        assert [(n, each.shape) for n, each in ours.state_dict().items()] == [
            (n, each.shape) for n, each in weights.items()
        ]
        ours.load_state_dict(weights)
        for train in (True, False):
            assert torch.equal(ours.train(train)(images), theirs.train(train)(images)), key
        for mine, other in zip(ours.state_dict().values(), theirs.state_dict().values()):
            assert torch.equal(mine, other)  # running statistics


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_networks_have_their_parameters(name: str) -> None:
    home, text, width, depth, count = PUBLISHED[name]
    with torch.device("meta"):
        assert parameters(cells(home).build(cells(home).from_genotype(text, width, depth))) == count


@pytest.mark.parametrize("name", NDS)
def test_parameters_are_those_counted_from_the_key(name: str) -> None:
    rng = Random(0)
    for _ in range(4):
        key, classes = small(name, rng), rng.randint(1, 20)
        net = cells(name).build(key, num_classes=classes)
        assert parameters(net) == cells(name).parameters(key, classes)
        assert net.train()(IMAGES).shape == (3, classes)


def test_width_and_depth_may_be_given() -> None:
    here = cells("nds_enas")
    key = here.sample(Random(0))
    net = here.build(key, width=2, depth=3)
    assert parameters(net) == here.parameters(keys.format(replace(here.genotype(key), width=2, depth=3)))
    for wrong in ({"width": 0}, {"depth": 2}, {"num_classes": 0}):
        with pytest.raises(ValueError, match="width and num_classes must be at least 1 and depth 3"):
            here.build(key, **{"width": 2, "depth": 3, **wrong})
    with pytest.raises(ValueError, match="unknown variant 'nats'; use 'nds' or 'used'"):
        here.build(key, variant="nats")


@pytest.mark.parametrize("name", NDS)
def test_what_the_logits_do_not_depend_on_is_left_out(name: str) -> None:
    rng = Random(1)
    for _ in range(3):
        key = in_part(name, rng)
        whole, used = cells(name).build(key), cells(name).build(key, variant="used")
        assert not used.load_state_dict(whole.state_dict(), strict=False).missing_keys
        logits, same = whole(IMAGES), used(IMAGES)
        assert torch.equal(logits, same)
        gradients = torch.autograd.grad(logits.sum(), list(whole.parameters()), allow_unused=True)
        reached = [n for (n, _), gradient in zip(whole.named_parameters(), gradients) if gradient is not None]
        assert reached == [name for name, _ in used.named_parameters()]
        assert len(reached) < len(gradients)


def test_a_cell_that_all_others_pass_over_is_left_out() -> None:
    normal = "|sep_conv_3x3~0|skip_connect~0|+" * 4 + "|sep_conv_3x3~0|max_pool_3x3~2|"
    key = f"C2 L6 normal {normal} reduce {normal}"
    net = cells("nds_enas").build(key, variant="used")
    # Each cell takes the last but one alone: every other of them is idle.
    there = [type(cell).__name__ for stage in cast(Any, net).stages for cell in stage]
    assert there == ["PassedOver", "TwoInputCell"] * 3
    assert torch.equal(net.train()(IMAGES[:, :, :8, :8]), net(IMAGES[:, :, :8, :8]))


@pytest.mark.parametrize("name", ["nds_darts", "nds_amoeba"])
def test_canonical_keys_build_the_same_network(name: str) -> None:
    here, rng = cells(name), Random(2)
    key = next(each for each in (small(name, rng) for _ in range(99)) if here.canonical(each) != each)
    one, other = here.build(key).eval(), here.build(here.canonical(key)).eval()
    order = {}
    for cell in keys.CELLS:
        mine, theirs = (list(here.genotype(each).edges(cell)) for each in (key, here.canonical(key)))
        for node in range(here.nodes):
            ends = slice(2 * node, 2 * node + 2)
            order[cell, node] = (0, 1) if mine[ends] == theirs[ends] else (1, 0)
    kinds = iter(keys.cell_kinds(here.genotype(key).depth or 0))
    for stage, same in zip(cast(Any, one).stages, cast(Any, other).stages):
        for cell, twin in zip(stage, same):
            kind = next(kinds)
            twin.preprocessor.load_state_dict(cell.preprocessor.state_dict())
            for node in range(here.nodes):
                for k, place in enumerate(order[kind, node]):
                    twin.ops[node][k].load_state_dict(cell.ops[node][place].state_dict())
    for part in ("stem", "classifier"):
        other.get_submodule(part).load_state_dict(one.get_submodule(part).state_dict())
    assert torch.equal(one(IMAGES), other(IMAGES))


@pytest.mark.parametrize("name", NDS)
def test_a_network_passes_through_every_proxy(name: str) -> None:
    found = checked(name, 0)["scores"]
    assert [proxy for proxy, (_, status, _) in found.items() if status == "failed"] == []
    assert {proxy for proxy, (_, status, _) in found.items() if status == "ok"} >= {"naswot", "gradsign", "gradalign1"}
