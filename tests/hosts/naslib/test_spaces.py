"""What others call NASLib's specs: hashes, genotypes, texts."""

from __future__ import annotations

from pathlib import Path
from random import Random
from typing import Any

import pytest

from tests.hosts.naslib import made
from tests.hosts.naslib.needs import needs

zc = needs("naslib_zc_plugin.hosts.naslib")
nasbench101 = needs("naslib_zc_plugin.hosts.naslib.spaces.nasbench101")
nasbench301 = needs("naslib_zc_plugin.hosts.naslib.spaces.nasbench301")
micro = needs("naslib_zc_plugin.hosts.naslib.spaces.transbench101_micro")

# DARTS (second order), as its code has it.
DARTS = (
    "Genotype(normal=[('sep_conv_3x3', 0), ('sep_conv_3x3', 1), ('sep_conv_3x3', 0), ('sep_conv_3x3', 1), "
    "('sep_conv_3x3', 1), ('skip_connect', 0), ('skip_connect', 0), ('dil_conv_3x3', 2)], normal_concat=[2, 3, 4, 5], "
    "reduce=[('max_pool_3x3', 0), ('max_pool_3x3', 1), ('skip_connect', 2), ('max_pool_3x3', 1), ('max_pool_3x3', 0), "
    "('skip_connect', 2), ('skip_connect', 2), ('max_pool_3x3', 1)], reduce_concat=[2, 3, 4, 5])"
)


def specs(name: str, count: int, **options: Any) -> list[Any]:
    domain, rng = zc.domain(made.space(name, **options)), Random(0)
    return [zc.spec_from(domain.sample(rng), name.split()[0]) for _ in range(count)]


def test_hashes_of_nasbench101_are_the_benchmarks() -> None:
    api = needs("naslib.utils.nb101_api")
    for spec in specs("nasbench101", 100):
        matrix, operations = nasbench101.to_cell(spec)
        theirs = api.ModelSpec([list(row) for row in matrix], list(operations))
        assert nasbench101.spec_hash(spec) == theirs.hash_spec(["conv3x3-bn-relu", "conv1x1-bn-relu", "maxpool3x3"])
        pruned, kept = nasbench101.prune(matrix, operations)
        assert [list(row) for row in pruned] == theirs.matrix.tolist() and list(kept) == theirs.ops
        assert nasbench101.to_spec(matrix, operations) == spec
        assert nasbench101.spec_hash(nasbench101.to_spec(pruned, kept)) == nasbench101.spec_hash(spec)


def test_small_cells_are_filled_as_naslib_fills_them() -> None:
    matrix, operations = ((0, 1, 1), (0, 0, 1), (0, 0, 0)), ("input", "maxpool3x3", "output")
    graph = made.space("nasbench101")
    graph.instantiate_model = False
    graph.set_spec(graph.convert_to_cell(needs("numpy").array(matrix), list(operations)))
    assert nasbench101.to_spec(matrix, operations) == zc.spec_of(graph)


def test_hashes_are_those_of_the_real_table(shared: Path) -> None:
    cells = needs("naslib_zc_plugin.benchmarks.nasbench101").cells
    found = cells(shared / "data/nasbench101/accuracies_20001.parquet")
    assert len(found) == 20_001
    for name in list(found)[::50]:
        assert nasbench101.spec_hash(nasbench101.to_spec(*found[name])) == name


@pytest.mark.parametrize(
    ("matrix", "operations", "fault"),
    [
        ([[0, 1], [0, 0]], ["input", "maxpool3x3", "output"], "3 operations need a matrix of 3 × 3"),
        ([[0, 1], [0, 0]], ["input", "avgpool3x3"], "unknown operation 'avgpool3x3'"),
        ([[0, 0], [0, 0]], ["input", "output"], "not connected to its input by 1 to 9 edges"),
        ([[0, 1], [1, 0]], ["input", "output"], r"number 42 of the spec is 1, expected one of \(0,\)"),
        ([[0, 1], [0, 0]], ["input", "input"], r"number 55 of the spec is 0, expected one of \(1,\)"),
        ([[int(b > a) for b in range(7)] for a in range(7)], ["input", *["maxpool3x3"] * 5, "output"], "1 to 9 edges"),
    ],
)
def test_what_is_no_cell_of_nasbench101(matrix: Any, operations: Any, fault: str) -> None:
    with pytest.raises(ValueError, match=fault):
        nasbench101.to_spec(matrix, operations)
    assert not nasbench101.is_valid(matrix, operations)


def test_genotypes_of_darts_there_and_back() -> None:
    conversions = needs("naslib.search_spaces.nasbench301.conversions")
    for spec in specs("nasbench301", 30):
        text = nasbench301.to_genotype(spec)
        assert text == str(conversions.convert_compact_to_genotype(spec))
        assert nasbench301.from_genotype(text) == spec
    assert nasbench301.to_genotype(nasbench301.from_genotype(DARTS)) == DARTS
    # DARTS' log has the nodes to concatenate as a range.
    assert nasbench301.from_genotype(DARTS.replace("[2, 3, 4, 5]", "range(2, 6)")) == nasbench301.from_genotype(DARTS)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "no genotype of DARTS"),
        ("Genotype", "no genotype of DARTS"),
        ("Genotype(normal=[])", "no genotype of DARTS"),
        (DARTS.replace("dil_conv_3x3", "none"), "unknown operation 'none'"),
        (DARTS.replace("normal_concat=[2, 3, 4, 5]", "normal_concat=[2, 3]"), "concatenates"),
        (DARTS.replace("'dil_conv_3x3', 2", "'dil_conv_3x3', 5"), "pair 7 is"),
        (DARTS.replace("('sep_conv_3x3', 1), ('skip_connect', 0)", "('sep_conv_3x3', 0), ('skip_connect', 0)"), "both"),
        (DARTS.replace("[('max_pool_3x3', 0)", "[__import__('os')"), "no genotype of DARTS"),
    ],
)
def test_a_text_that_is_no_genotype(text: str, fault: str) -> None:
    with pytest.raises(ValueError, match=fault):
        nasbench301.from_genotype(text)


def test_texts_of_transbench101() -> None:
    conversions = needs("naslib.search_spaces.transbench101.conversions")
    graph = made.space("transbench101_micro")
    for spec in specs("transbench101_micro", 20):
        assert micro.to_text(spec) == conversions.convert_op_indices_micro_to_str(spec)
        assert micro.from_text(micro.to_text(spec)) == spec
        assert micro.from_text(micro.to_text(spec, create_graph=True), create_graph=True) == spec
    # What the graph of a spec really is, and that NASLib's query is about another.
    spec = (2, 1, 0, 3, 0, 1)
    theirs = conversions.convert_naslib_to_transbench101_micro(zc.build(graph, str(spec)))
    assert theirs == micro.to_text(spec, create_graph=True) == "64-41414-3_02_110" != micro.to_text(spec)
    with pytest.raises(ValueError, match="no cell of TransNAS-Bench-101"):
        micro.from_text("64-41414-4_02_110")
