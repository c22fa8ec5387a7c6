"""Mean ranks: GradAlign's Table 8 out of its other tables, and methods that lack a coefficient."""

from __future__ import annotations

import pytest

from naslib_zc_plugin.report.ranking import mean_ranks

# Kendall's tau as printed: NAS-Bench-101 (Table 2); NAS-Bench-201 on CIFAR-10, CIFAR-100, ImageNet16-120 (Table 4);
# NDS on Amoeba, DARTS, DARTS-fix-w-d, ENAS, NASNet, PNAS (Table 6). Then the ranks of Table 8.
PRINTED = """
GradAlign-I   .287  .617 .633 .623   .274  .545  .189 .444  .306 .415   2.000  1.000  1.000  1.333
GradAlign-II  .284  .599 .622 .607   .257  .540  .148 .425  .298 .408   3.000  2.000  2.833  2.611
GradSign      .278  .561 .595 .596   .260  .541  .153 .427  .293 .408   4.000  3.667  2.333  3.333
NASWOT        .244  .587 .621 .594   .187  .462  .102 .370  .278 .360   7.000  3.333  4.167  4.833
TE-NAS        .271  .387 .377 .345   .039  .164  .021 .205 -.533 .151   5.000 10.333  8.333  7.889
fisher       -.247  .377 .404 .367  -.122  .197 -.213 .032 -.099 .040  12.000  9.667 11.000 10.889
grad_norm    -.207  .437 .464 .427  -.113  .228 -.186 .056 -.078 .097  11.000  7.667  9.833  9.500
grasp         .175  .319 .379 .411   .072 -.052  .086 .053  .171 .021   8.000 10.000  8.500  8.833
jacob_cov    -.029  .553 .549 .554   .236  .192  .169 .122  .122 .158   9.000  5.667  6.000  6.889
snip         -.186  .435 .466 .432  -.079  .272 -.157 .093 -.048 .152  10.000  7.333  8.667  8.667
Synflow       .254  .540 .568 .561  -.053  .299 -.092 .133  .019 .181   6.000  5.333  7.333  6.222
Zen-NAS       .395  .180 .188 .219  -.020  .323  .011 .183  .071 .187   1.000 12.000  6.333  6.444
"""
LINES = {name: list(map(float, numbers)) for name, *numbers in map(str.split, PRINTED.strip().splitlines())}
TAU = [{name: numbers[place] for name, numbers in LINES.items()} for place in range(10)]
BENCHMARKS = {"NAS-Bench-101": TAU[:1], "NAS-Bench-201": TAU[1:4], "NDS": TAU[4:]}


def test_gradaligns_table_8_comes_out_exactly() -> None:
    found = mean_ranks(BENCHMARKS)
    assert not found.unranked
    assert {row.name: [f"{rank:.3f}" for rank in (*row.ranks.values(), row.mean)] for row in found.rows} == {
        name: [f"{rank:.3f}" for rank in numbers[10:]] for name, numbers in LINES.items()
    }
    assert [row.mean for row in found.rows] == sorted(row.mean for row in found.rows)
    assert list(found.rows[0].ranks) == list(BENCHMARKS)


def test_what_lacks_a_coefficient_somewhere_is_named_and_not_ranked() -> None:
    found = mean_ranks({"one": [{"a": 0.1, "b": None, "c": 0.0}], "two": [{"c": 0.5, "a": 0.2, "d": 0.3}]})
    assert [(row.name, row.ranks, row.mean) for row in found.rows] == [
        ("a", {"one": 1, "two": 2}, 1.5),
        ("c", {"one": 2, "two": 1}, 1.5),
    ]
    assert found.unranked == ["b", "d"]


@pytest.mark.parametrize("given", [{}, {"one": []}, {"one": [{"a": 1.0}], "two": []}])
def test_nothing_to_average_over(given: dict[str, list[dict[str, float]]]) -> None:
    with pytest.raises(ValueError, match="one benchmark or more"):
        mean_ranks(given)


def test_nothing_to_rank() -> None:
    with pytest.raises(ValueError, match="nothing to rank"):
        mean_ranks({"one": [{"a": 1.0}], "two": [{"b": 1.0}]})
