"""A search space of another distribution is an entry point, and no edit here."""

from __future__ import annotations

from pathlib import Path

import pytest

from naslib_zc_plugin.spaces import Space, space, spaces


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
    assert {"toy", "nasbench201", "absent"} <= set(spaces()) and "other" not in spaces()
    assert spaces() == sorted(spaces())
    toy = space("toy")
    assert isinstance(toy, Space) and toy.key(toy.index("net-7")) == "net-7"
    assert space("nasbench201").size == 15_625


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("another", "tests.campaign.toy:SPACE is not a search space named 'another'"),
        ("class", "tests.campaign.toy:Toy is not a search space named 'class'"),
        ("number", "tests.campaign.toy:SIZE is not a search space named 'number'"),
        ("missing", "search space 'missing' cannot be loaded from tests.campaign.toy:NOTHING: .*NOTHING"),
        ("absent", "search space 'absent' cannot be loaded from no_such_module_anywhere:SPACE: No module"),
    ],
)
def test_a_wrong_registration_is_told(name: str, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        space(name)


def test_without_the_distribution_it_is_unknown() -> None:
    with pytest.raises(ValueError, match=r"unknown search space 'nasbench2O1'; known: .*Did you mean 'nasbench201'\?"):
        space("nasbench2O1")
    with pytest.raises(ValueError, match="unknown search space 'toy'; known: "):
        space("toy")
