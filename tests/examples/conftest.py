"""Examples import each other as scripts do: their folder is on Python's path while they are tested."""

from __future__ import annotations

from tests.examples import EXAMPLES  # noqa: F401  (puts it there)
