"""The schemas of configurations: shipped as they are made, and named by every shipped configuration."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from naslib_zc_plugin.cli._app import app
from tests.conftest import REPOSITORY

CONFIGS = REPOSITORY / "configs"


@pytest.mark.parametrize("command", ["score", "search"])
def test_the_shipped_schema_is_up_to_date(command: str) -> None:
    done = CliRunner().invoke(app, ["schema", command])
    assert done.exit_code == 0, done.output
    shipped = (CONFIGS / "schema" / f"{command}.json").read_text(encoding="utf-8")
    assert shipped == done.stdout, f"make it anew: nas-zc schema {command} > configs/schema/{command}.json"


@pytest.mark.parametrize("path", sorted(CONFIGS.glob("*.yaml")), ids=lambda path: path.stem)
def test_every_configuration_names_its_schema(path: Path) -> None:
    command = "search" if path.name.startswith("search_") else "score"
    first = path.read_text(encoding="utf-8").splitlines()[0]
    assert first == f"# yaml-language-server: $schema=schema/{command}.json"


def test_a_schema_describes_fields_and_completes_names() -> None:
    made = json.loads((CONFIGS / "schema" / "score.json").read_text(encoding="utf-8"))
    assert made["properties"]["seed"]["description"].startswith("Seed of the sample")
    assert "nasbench201" in made["properties"]["space"]["anyOf"][0]["enum"]
    assert made["additionalProperties"] is False and "architectures" in made["required"]


def test_other_names_are_refused() -> None:
    done = CliRunner().invoke(app, ["schema", "scores"])
    assert done.exit_code == 2 and "no schema is called 'scores'; there are score, search" in done.stderr
