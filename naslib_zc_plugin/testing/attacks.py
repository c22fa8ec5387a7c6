"""What a hostile file may hold, in a form that shows whether it was obeyed: by a canary that appears."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any


class Call:
    """What a hostile file holds: an object that pickles as the call of a function."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self._call = function, arguments

    def __reduce__(self) -> Any:
        return self._call


def calls(canary: Path) -> list[Call]:
    """Calls of which each makes ``canary`` if it is ever executed."""
    return [
        Call(os.mkdir, str(canary)),
        Call(os.system, f"mkdir '{canary}'"),
        Call(exec, f"__import__('os').mkdir({str(canary)!r})"),
        Call(open, str(canary), "w"),
    ]


def tags(canary: Path) -> list[str]:
    """YAML values of which each makes ``canary`` if its tag is ever obeyed."""
    return [f"!!python/object/{kind}:os.mkdir [{str(canary)!r}]" for kind in ("apply", "new")]
