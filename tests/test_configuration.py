"""Configurations: what is wrong is listed whole, with line, field and what belongs there; nothing is converted."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Optional, Union

import pytest
from pydantic import Field, ValidationInfo, field_validator

from naslib_zc_plugin.configuration import (
    ConfigurationError,
    Origin,
    Section,
    check,
    completed,
    load,
    located,
    mapping,
    read,
    schema,
)
from naslib_zc_plugin.files import DataError


class Part(Section):
    """A mapping within a configuration."""

    name: str
    """What it is called."""
    size: int = Field(1, gt=0)


Keys = Union[int, str, Sequence[str]]
Parts = Sequence[Union[str, Part]]
MaybePart = Optional[Part]
MaybeNumber = Optional[float]


class Whole(Section):
    """A configuration."""

    space: str = Field(json_schema_extra=completed(lambda: ["one", "two"]))
    """The search space."""
    seed: int = 0
    limit: MaybeNumber = Field(None, gt=0)
    keys: Keys = 1
    parts: Parts = ()
    part: MaybePart = None
    batch: Mapping[str, Any] = {}
    how: Literal["a", "b"] = "a"
    file: str = ""

    @field_validator("batch")
    @classmethod
    def _check_batch(cls, value: Mapping[str, Any]) -> Mapping[str, Any]:
        if "size" in value:
            raise ValueError("must be without size")
        return value

    @field_validator("file")
    @classmethod
    def _check_file(cls, value: str, info: ValidationInfo) -> str:
        if value == "missing":
            raise DataError("missing.npz", "images", "no such file")
        if isinstance(info.context, Origin):
            return str(info.context.path.parent / value)
        return value


def _problems(path: Path, text: str) -> list[tuple[int, str]]:
    path.write_text(text)
    with pytest.raises(ConfigurationError) as refused:
        load(path, Whole)
    assert str(path) in str(refused.value)
    return [(each.line, str(each)) for each in refused.value.problems]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return the place of a configuration."""
    return tmp_path / "made.yaml"


def test_what_is_written_is_what_is_read(path: Path) -> None:
    path.write_text("space: one\nlimit: 3\nkeys: [a, b]\nparts: [x, {name: y, size: 2}]\nfile: z.npz\n")
    found = load(path, Whole)
    assert (found.space, found.limit, found.keys, found.how) == ("one", 3.0, ["a", "b"], "a")
    assert found.parts == ["x", Part(name="y", size=2)] and found.file == str(path.parent / "z.npz")
    assert mapping(path)["keys"] == ["a", "b"]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("seed: true", "seed must be a whole number, not true"),
        ('seed: "3"', 'seed must be a whole number, not "3"'),
        ("seed: 1.0", "seed must be a whole number, not 1.0"),
        ("limit: 0", "limit must be above 0, not 0"),
        ("limit: true", "limit must be a number, not true"),
        ("keys: 1.5", "keys must be a whole number or a text or a list, not 1.5"),
        ("keys: [a, 2]", "keys[1] must be a text, not 2"),
        ("parts: x", 'parts must be a list, not "x"'),
        ("parts: [5]", "parts[0] must be a text or a mapping, not 5"),
        ("parts: [{size: 1}]", "parts[0].name is missing"),
        ("part: {name: a, sise: 2}", "part.sise: unknown field; did you mean size?"),
        ("batch: {size: 8}", 'batch must be without size, not {"size": 8}'),
        ("how: c", "how must be 'a' or 'b', not \"c\""),
        ("sede: 1", "sede: unknown field; did you mean seed?"),
        ("1: 2", "[1]: unknown field; there are batch, file, how, keys, limit, part, parts, seed, space"),
    ],
)
def test_a_wrong_value_is_named_with_its_line(path: Path, line: str, message: str) -> None:
    assert _problems(path, f"# A comment.\nspace: one\n{line}\n") == [(3, message)]
    assert not path.read_text().startswith("space")


def test_several_errors_are_listed_at_once_in_the_order_of_the_file(path: Path) -> None:
    text = "seed: x\nparts:\n  - a\n  - name: 3\n    size: 0\n  - {}\n"
    assert _problems(path, text) == [
        (1, "space is missing"),
        (1, 'seed must be a whole number, not "x"'),
        (4, "parts[1].name must be a text, not 3"),
        (5, "parts[1].size must be above 0, not 0"),
        (6, "parts[2].name is missing"),
    ]
    with pytest.raises(ConfigurationError, match=r"made\.yaml has 5 errors:\n  line 1: space is missing"):
        load(path, Whole)


def test_values_composed_of_parts_of_a_file_keep_their_lines(path: Path) -> None:
    path.write_text("space: one\nseed: 1\nsearches:\n  a:\n    seed: x\n  b: {}\n")
    document = read(path)
    with pytest.raises(ConfigurationError, match=r"made\.yaml: a, line 5: seed must be a whole number"):
        document.check(Whole, {"space": "one", "seed": "x"}, label="a", places=(("searches", "a"), ()))
    with pytest.raises(ConfigurationError, match=r"made\.yaml: b, line 1: space must be a text"):
        document.check(Whole, {"space": 1}, label="b", places=(("searches", "b"), ()))
    with pytest.raises(ConfigurationError, match=r"^asked for: seed must be a whole number, not true$"):
        check(Whole, {"space": "one", "seed": True}, "asked for")


def test_a_file_that_a_configuration_names_has_an_error_of_its_own(path: Path) -> None:
    path.write_text("space: one\nfile: missing\n")
    with pytest.raises(DataError, match=r"^missing\.npz: expected images"):
        load(path, Whole)


@pytest.mark.parametrize(
    "text",
    [
        "", "# nothing\n", "- space: toy\n", "toy", "a: [1\n", "a: b: c\n", "\x00", b"\xff\xfe\x00space: toy",
        b"space: \xe9t\xe9", "seed: !!int many", "seed: !!timestamp soon", "{[1]: 2}", "[" * 3000,
        "seed: !unknown 1", "!!python/object/apply:os.system [touch {canary}]",
        "space: !!python/object/apply:subprocess.check_call [[touch, '{canary}']]",
        "images: !!python/object/new:os.system ['touch {canary}']", "images: !!python/name:os.system",
        "images: !!python/module:os",
    ],
)  # fmt: skip
def test_what_is_no_configuration_is_refused_and_executes_nothing(tmp_path: Path, text: str | bytes) -> None:
    path, canary = tmp_path / "made.yaml", tmp_path / "canary"
    path.write_bytes(text if isinstance(text, bytes) else text.replace("{canary}", str(canary)).encode())
    with pytest.raises(DataError, match=r"made\.yaml: expected a configuration in YAML"):
        read(path)
    assert not canary.exists()


def test_no_file_or_a_folder(tmp_path: Path) -> None:
    for path, found in ((tmp_path / "none.yaml", "no such file"), (tmp_path, "a folder")):
        with pytest.raises(DataError, match=f"expected a configuration in YAML; found {found}"):
            read(path)


def test_paths_are_those_of_the_folder_then_of_the_data_directory(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "a.npz").touch()
    inside = str((tmp_path / "data" / "a.npz").resolve())
    assert located("a.npz", tmp_path, tmp_path / "data") == inside
    assert located({"source": "a.npz", "size": 8}, tmp_path / "data", None) == {"source": inside, "size": 8}
    assert located("", tmp_path, None) == "" and located("b.npz", tmp_path, None) == "b.npz"


def test_the_schema_describes_and_completes() -> None:
    found = schema(Whole)
    assert found["properties"]["space"]["description"] == "The search space."
    assert found["properties"]["space"]["anyOf"] == [{"enum": ["one", "two"]}, {"type": "string"}]
    assert found["properties"]["how"]["enum"] == ["a", "b"] and not found["additionalProperties"]
    assert found["required"] == ["space"]


def test_pydantic_is_imported_with_no_other_module() -> None:
    code = "import sys, naslib_zc_plugin, naslib_zc_plugin.cli; assert 'pydantic' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("space: one\nseed: 1\nseed: 2\n", 3, "seed stands twice, first in line 2"),
        ("space: one\nbatch: {a: 1, b: 2, 'a': 3}\n", 2, "batch.a stands twice, first in line 2"),
        ("space: one\nbatch: {true: 1, yes: 2}\n", 2, "batch.yes stands twice, first in line 2"),
        (f"space: one\nseed: {2**70}\n", 2, "seed must be a number of at most 64 bits"),
        (f"space: one\nbatch: [{{a: {-(2**63) - 1}}}]\n", 2, "batch[0].a must be a number of at most 64 bits"),
        ("space: one\nseed: 1" + ":1" * 50_000 + "\n", 2, "seed must be a number of at most 64 bits"),
        ("space: one\n1" + "0" * 500 + ": 1\n", 2, f"1{'0' * 59} must be a number of at most 64 bits"),
    ],
)
def test_what_stands_twice_and_large_numbers_are_refused(path: Path, text: str, line: int, message: str) -> None:
    assert _problems(path, text) == [(line, message)]


def test_large_numbers_are_refused_without_a_file() -> None:
    assert Whole(space="one", seed=2**63 - 1).seed == 2**63 - 1
    with pytest.raises(ValueError, match="must be a whole number of at most 64 bits"):
        Whole(space="one", seed=2**63)


def test_merged_fields_and_aliases_are_read(path: Path) -> None:
    path.write_text("batch: &a {x: 1, y: [2]}\npart: {<<: *a, x: 3}\nkeys: [*a, *a]\n")
    assert mapping(path) == {"batch": {"x": 1, "y": [2]}, "part": {"x": 3, "y": [2]}, "keys": [{"x": 1, "y": [2]}] * 2}


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("a0: &a0 [x]\n" + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 12)), "rows"),
        ("a0: &a0 {x: 1}\n" + "".join(f"a{n}: &a{n} {{<<: [*a{n - 1}, *a{n - 1}]}}\n" for n in range(1, 40)), "rows"),
        ("a: &a [1, *a]\n", "an alias within what it stands for, in a"),
        ("a: [" + "[], " * 300_000 + "]\n", "at most 200,000 rows"),
        ("a: " + "x" * (5 << 20), "at most 8,388,608 bytes of memory"),
        ("a: " + "[" * 5_000, "recursion"),
        ("a: 1" + "0" * 5_000 + ".5e" + "9" * 5_000, "mapping"),
    ],
)
def test_files_that_would_take_hours_are_refused(path: Path, text: str, fault: str) -> None:
    path.write_text(text)
    if fault == "mapping":
        assert mapping(path)
        return
    with pytest.raises(DataError, match=fault) as refused:
        load(path, Whole)
    assert refused.value.path == path
