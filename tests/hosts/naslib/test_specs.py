"""What others call NASLib's specs: hashes, genotypes, texts."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from naslib_zc_plugin.spaces import nasbench301 as nasbench301
from naslib_zc_plugin.spaces.nasbench101 import keys
from naslib_zc_plugin.spaces.nasbench101.keys import hash_of
from naslib_zc_plugin.spaces.nds.keys import Genotype, count_parameters
from tests.hosts.naslib import made
from tests.hosts.naslib.needs import needs

zc = needs("naslib_zc_plugin.hosts.naslib")
module = needs("naslib_zc_plugin.hosts.naslib.specs")


def specs(name: str, count: int, **options: Any) -> list[Any]:
    domain, rng = zc.domain(made.space(name, **options)), Random(0)
    return [zc.spec_from(domain.sample(rng), name.split()[0]) for _ in range(count)]


def test_cells_of_nasbench101_are_pruned_and_hashed_as_there() -> None:
    api = needs("naslib.utils.nb101_api")
    for spec in specs("nasbench101", 100):
        matrix, operations = keys.unpack(keys.from_naslib(spec))
        theirs = api.ModelSpec([list(row) for row in matrix], list(operations))
        assert hash_of(keys.from_naslib(spec)) == theirs.hash_spec(list(keys.OPERATIONS))
        pruned, kept = keys.unpack(keys.pruned(keys.from_naslib(spec)))
        assert [list(row) for row in pruned] == theirs.matrix.tolist() and list(kept) == theirs.ops
        assert keys.to_naslib(keys.from_naslib(spec)) == spec
        again = keys.to_naslib(keys.parse(module.key101_of(spec)))
        module.check_spec(again, "nasbench101")
        assert module.key101_of(again) == module.key101_of(spec)


def test_small_cells_are_filled_as_naslib_fills_them() -> None:
    matrix, operations = ((0, 1, 1), (0, 0, 1), (0, 0, 0)), ("input", "maxpool3x3", "output")
    graph = made.space("nasbench101")
    graph.instantiate_model = False
    graph.set_spec(graph.convert_to_cell(needs("numpy").array(matrix), list(operations)))
    assert keys.to_naslib(keys.pack(matrix, operations)) == zc.spec_of(graph)


def test_genotypes_of_darts_are_naslibs() -> None:
    conversions = needs("naslib.search_spaces.nasbench301.conversions")
    for spec in specs("nasbench301", 30):
        text = nasbench301.to_genotype(spec)
        assert text == str(conversions.convert_compact_to_genotype(spec))
        assert nasbench301.from_genotype(text) == spec


def test_networks_of_nasbench301_have_naslibs_parameters_and_those_of_their_norms() -> None:
    sizes, ends = {"width": 16, "depth": 8}, dict.fromkeys(("normal", "reduce"), 4)
    graph = made.space("nasbench301")
    for spec in specs("nasbench301", 2):
        net = zc.build(graph, str(spec))
        # The search's network: the norms of operations have no parameters, in that which the benchmark trained they do.
        kinds = ("SepConv", "DilConv", "FactorizedReduce")
        operations = [module for module in net.modules() if type(module).__name__ in kinds]
        norms = [m for each in operations for m in each.modules() if getattr(m, "affine", None) is False]
        theirs = sum(each.numel() for each in net.parameters()) + 2 * sum(norm.num_features for norm in norms)
        assert theirs == count_parameters(Genotype(**nasbench301.named_edges(spec), **sizes), ends)


def test_texts_of_transbench101() -> None:
    conversions = needs("naslib.search_spaces.transbench101.conversions")
    graph = made.space("transbench101_micro")
    for spec in specs("transbench101_micro", 20):
        assert module.micro_text(spec) == conversions.convert_op_indices_micro_to_str(spec)
        assert module.micro_spec(module.micro_text(spec)) == spec
        assert module.micro_spec(module.micro_text(spec, create_graph=True), create_graph=True) == spec
    # What the graph of a spec really is, and that NASLib's query is about another.
    spec = (2, 1, 0, 3, 0, 1)
    theirs = conversions.convert_naslib_to_transbench101_micro(zc.build(graph, str(spec)))
    assert theirs == module.micro_text(spec, create_graph=True) == "64-41414-3_02_110" != module.micro_text(spec)
    with pytest.raises(ValueError, match="no cell of TransNAS-Bench-101"):
        module.micro_spec("64-41414-4_02_110")
