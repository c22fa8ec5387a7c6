"""How to run a command again: its words as they were given."""

from __future__ import annotations

import shlex

import typer


def again(context: typer.Context) -> str:
    """The running command's line for a shell: its arguments and options that were given, by their long names."""
    words = ["nas-zc", context.info_name or ""]
    for parameter in context.command.params:
        source = context.get_parameter_source(parameter.name or "")
        if source is None or source.name != "COMMANDLINE":
            continue
        given = context.params[parameter.name or ""]
        values = list(given) if isinstance(given, (list, tuple)) else [given]
        if parameter.param_type_name == "argument":
            words += map(str, values)
        elif isinstance(given, bool):
            words.append(parameter.opts[0] if given else parameter.secondary_opts[0])
        else:
            words += (word for value in values for word in (parameter.opts[0], str(value)))
    return shlex.join(words)
