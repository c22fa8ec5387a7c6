"""``nas-zc schema``: the JSON schema of a configuration, from which editors complete and check."""

from __future__ import annotations

import json
from importlib import import_module
from typing import Annotated

import typer

from naslib_zc_plugin.cli._console import say

_MODELS = {"score": "naslib_zc_plugin.campaign.config:Config", "search": "naslib_zc_plugin.search.config:SearchFile"}


def schema(
    command: Annotated[str, typer.Argument(metavar="score|search", help="Whose configuration it describes.")],
) -> None:
    """Print the JSON schema of the configurations of nas-zc score or nas-zc search.

    An editor with a YAML language server uses it where a file's first line names it:
    # yaml-language-server: $schema=PATH
    """
    from naslib_zc_plugin import configuration

    if command not in _MODELS:
        raise ValueError(f"no schema is called {command!r}; there are {', '.join(_MODELS)}")
    module, _, name = _MODELS[command].partition(":")
    made = configuration.schema(getattr(import_module(module), name))
    say(json.dumps(made, indent=2, ensure_ascii=False))
