"""The one way of finding things by name: our files, others' entry points, and what a broken distribution does."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from naslib_zc_plugin.registry import Registry, check_options, closest, installed


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    folder = tmp_path / "fruit_shop"
    folder.mkdir()
    (folder / "__init__.py").write_text("", encoding="utf-8")
    (folder / "apple.py").write_text("FRUIT = 'an apple'\n", encoding="utf-8")
    (folder / "base.py").write_text("", encoding="utf-8")
    (folder / "_knife.py").write_text("", encoding="utf-8")
    (folder / "basket.py").write_text("FRUIT = 3\nPEAR = 'a pear'\n", encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    return "fruit_shop"


def distribution(folder: Path, name: str, *entries: str) -> None:
    """Write the metadata of an installed distribution with these entries in the group ``fruits``."""
    information = folder / f"{name}-1.dist-info"
    information.mkdir()
    (information / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1\n", encoding="utf-8")
    lines = "\n".join(("[fruits]", *entries, "[vegetables]", "leek = os:sep"))
    (information / "entry_points.txt").write_text(lines, encoding="utf-8")


def fruits(package: str, **options: object) -> Registry[str]:
    return Registry(
        "fruit", package, "fruits", attribute="FRUIT", is_entry=lambda name, found: isinstance(found, str),
        requirement="it must be a text", others=["base"], more={"pear": f"{package}.basket:PEAR"},
        aliases={"pomme": "apple", "pear": "apple"},
    )  # fmt: skip


def test_ours_are_the_files_of_the_folder(package: str) -> None:
    registry = fruits(package)
    assert registry.names() == ["apple", "basket", "pear"]
    assert registry.names("*p*") == ["apple", "pear"]
    assert registry.load("apple") == "an apple" and registry.load("pear") == "a pear"


def test_an_alias_is_looked_up_only_for_an_unknown_name(package: str) -> None:
    registry = fruits(package)
    assert registry.canonical("pomme") == "apple" and registry.load("pomme") == "an apple"
    assert registry.canonical("pear") == "pear"


def test_aliases_may_be_looked_for_late(package: str) -> None:
    asked: list[str] = []

    def aliases() -> dict[str, str]:
        asked.append("asked")
        return {"pomme": "apple"}

    registry: Registry[str] = Registry("fruit", package, "fruits", attribute="FRUIT", aliases=aliases)
    assert registry.load("apple") == "an apple" and not asked
    assert registry.load("pomme") == "an apple" and asked


def test_an_unknown_name_is_answered_with_the_closest(package: str) -> None:
    with pytest.raises(ValueError, match=r"^unknown fruit 'appel'; did you mean apple\?$"):
        fruits(package).load("appel")


def test_an_entry_of_the_wrong_kind_is_named(package: str) -> None:
    with pytest.raises(TypeError, match=r"^fruit_shop.basket:FRUIT is no fruit named 'basket': it must be a text$"):
        fruits(package).load("basket")


def test_others_add_entries(package: str, tmp_path: Path) -> None:
    distribution(tmp_path, "orchard", "cherry = fruit_shop.basket:PEAR")
    registry = fruits(package)
    assert registry.names() == ["apple", "basket", "cherry", "pear"]
    assert registry.load("cherry") == "a pear"


def test_a_broken_entry_fails_alone(package: str, tmp_path: Path) -> None:
    (tmp_path / "broken_orchard.py").write_text("raise RuntimeError('no tree')\n", encoding="utf-8")
    distribution(tmp_path, "orchard", "cherry = broken_orchard:CHERRY", "plum = fruit_shop.basket:PLUM")
    registry = fruits(package)
    assert registry.load("apple") == "an apple"
    message = (
        r"^the fruit 'cherry' of another distribution cannot be loaded from broken_orchard:CHERRY "
        r"\(RuntimeError: no tree\); repair or uninstall that distribution$"
    )
    with pytest.raises(TypeError, match=message):
        registry.load("cherry")
    with pytest.raises(TypeError, match="plum"):
        registry.load("plum")


def test_our_entry_wins_over_another_distributions(
    package: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    distribution(tmp_path, "orchard", "apple = fruit_shop.basket:PEAR")
    registry = fruits(package)
    with caplog.at_level(logging.WARNING):
        assert registry.names() == registry.names("*") == ["apple", "basket", "pear"]
        assert registry.load("apple") == "an apple"
    assert [record.getMessage() for record in caplog.records] == [
        "the fruit 'apple' of another distribution (fruit_shop.basket:PEAR) is ignored, for this package has one of "
        "that name; rename its entry"
    ]  # once


def test_a_name_that_two_distributions_take_fails_alone(package: str, tmp_path: Path) -> None:
    distribution(tmp_path, "one", "cherry = fruit_shop.basket:PEAR")
    distribution(tmp_path, "two", "cherry = fruit_shop.apple:FRUIT")
    registry = fruits(package)
    assert "cherry" in registry.names() and registry.load("apple") == "an apple"
    with pytest.raises(ValueError, match="'cherry' is registered twice"):
        registry.load("cherry")


def test_an_entry_is_added_to_this_process(package: str) -> None:
    registry = fruits(package)
    entry = "a quince"
    registry.add("quince", entry)
    registry.add("quince", entry)
    assert registry.load("quince") == "a quince" and "quince" in registry.names()
    for taken in ("quince", "apple"):
        with pytest.raises(ValueError, match=taken):
            registry.add(taken, "another")


def test_installed_entry_points_are_those_of_the_group(package: str, tmp_path: Path) -> None:
    distribution(tmp_path, "one", "cherry = os.path:join")
    assert installed("no_such_group") == []
    assert [point.value for point in installed("fruits")] == ["os.path:join"]
    distribution(tmp_path, "two", "plum = os.path:split")
    assert len(installed("fruits")) == 2, "a distribution that was installed meanwhile is not seen"


def test_options_are_checked_by_a_functions_parameters() -> None:
    def peel(fruit: str, knife: str, thin: bool = True) -> None: ...

    check_options("peel", peel, ["knife"], first=1)
    with pytest.raises(ValueError, match=r"^peel has no option 'thim'; did you mean thin\?$"):
        check_options("peel", peel, ["knife", "thim"], first=1)
    with pytest.raises(ValueError, match=r"^peel needs the option 'knife'$"):
        check_options("peel", peel, [], first=1)


def test_the_closest_names_or_all() -> None:
    assert closest("x", []) == "there are none"
