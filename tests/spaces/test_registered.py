"""A search space of another distribution is an entry point, and no edit here."""

from __future__ import annotations

from pathlib import Path
from random import Random
from typing import Any

import pytest

from naslib_zc_plugin import score
from naslib_zc_plugin.spaces import Product, Space, list_spaces, space


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A distribution with a good space and some wrong ones."""
    information = tmp_path / "some_spaces-1.dist-info"
    information.mkdir()
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: some-spaces\nVersion: 1\n", encoding="utf-8")
    entries = [
        "[naslib_zc_plugin.spaces]",
        "toy = tests.campaign.toy:SPACE",
        "another = tests.campaign.toy:SPACE",
        "class = tests.campaign.toy:Toy",
        "number = tests.campaign.toy:SIZE",
        "missing = tests.campaign.toy:NOTHING",
        "absent = no_such_module_anywhere:SPACE",
        "[somebody.else]",
        "other = tests.campaign.toy:SPACE",
    ]
    (information / "entry_points.txt").write_text("\n".join(entries), encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))


@pytest.mark.usefixtures("installed")
def test_a_registered_space_is_listed_and_found() -> None:
    assert {"toy", "nasbench201", "absent"} <= set(list_spaces()) and "other" not in list_spaces()
    assert list_spaces() == sorted(list_spaces())
    toy = space("toy")
    assert isinstance(toy, Space) and toy.key(toy.index("net-7")) == "net-7"
    assert space("nasbench201").size == 15_625


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("another", "tests.campaign.toy:SPACE is no search space named 'another': it needs the members"),
        ("class", "tests.campaign.toy:Toy is no search space named 'class'"),
        ("number", "tests.campaign.toy:SIZE is no search space named 'number'"),
        ("missing", "'missing' of another distribution cannot be loaded from tests.campaign.toy:NOTHING .*NOTHING"),
        ("absent", "'absent' of another distribution cannot be loaded from no_such_module_anywhere:SPACE .*No module"),
    ],
)
def test_a_wrong_registration_fails_by_name(name: str, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        space(name)


def test_without_the_distribution_it_is_unknown() -> None:
    with pytest.raises(ValueError, match=r"unknown search space 'nasbench2O1'; did you mean nasbench201"):
        space("nasbench2O1")
    with pytest.raises(ValueError, match="unknown search space 'toy'; there are flexibert, "):
        space("toy")


def test_the_space_of_the_documentation_is_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One file and one entry point of another distribution: sampled, mutated, built and scored by name."""
    torch = pytest.importorskip("torch")
    section = (Path(__file__).parents[2] / "docs/tutorials/own_space.md").read_text(encoding="utf-8")
    code, entry = (section.partition(f"```{kind}\n")[2].partition("```")[0] for kind in ("python", "toml"))
    (tmp_path / "my_package").mkdir()
    (tmp_path / "my_package/widths.py").write_text(code, encoding="utf-8")
    information = tmp_path / "my_package-1.dist-info"
    information.mkdir()
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: my-package\nVersion: 1\n", encoding="utf-8")
    group, value = entry.strip().splitlines()
    lines = [f"[{group.split(chr(34))[1]}]", value.replace('"', "")]
    (information / "entry_points.txt").write_text("\n".join(lines), encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    widths, rng = space("widths"), Random(0)
    assert "widths" in list_spaces() and widths.size == 9
    assert [widths.index(widths.key(index)) for index in range(9)] == list(range(9))
    key = widths.sample(rng)
    assert widths.canonical(key) == key and widths.mutate(key, rng) in widths.neighbours(key)
    with pytest.raises(ValueError, match="no key of widths"):
        widths.index("8-9")
    batch = torch.randn(4, 3, 8, 8), torch.randint(5, (4,))
    assert score(widths.build(key, num_classes=5), batch, ["naswot", "synflow"])["naswot"].status == "ok"


@pytest.mark.parametrize("name", list_spaces())
def test_what_is_no_text_is_no_key(name: str) -> None:
    """Indices and lists of operations are what users of other packages have at hand."""
    found: Any = space(name)
    for method in ("build", "canonical", "neighbours", "index"):
        with pytest.raises(ValueError, match=f"{name} knows architectures by keys, which are texts, not 5"):
            getattr(found, method)(5)
        for other in ([1, 2, 3, 0, 1, 2], ("nor_conv_3x3",), None):
            with pytest.raises(ValueError, match="which are texts, not "):
                getattr(found, method)(other)
    with pytest.raises(ValueError, match="which are texts, not 5"):
        found.mutate(5, Random(0))
    if found.size is not None:
        with pytest.raises(ValueError, match=r"key\(5\) is the key at a position"):
            found.build(5)
    if isinstance(found, Product):
        values = [choices[0] for choices in found.choices]
        with pytest.raises(ValueError, match=r"encode\(\[...\]\) is the key of a list of choices, which begins like"):
            found.build(values)
        assert found.decode(found.encode(values)) == values
