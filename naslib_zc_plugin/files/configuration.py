"""What configurations in YAML have in common: how they are read, and how their fields are checked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any, ClassVar

from naslib_zc_plugin.files import DataError, existing, readable

Kinds = Mapping[str, tuple[Any, str]]
_EXPECTED = "a configuration in YAML"


class Checked:
    """A configuration whose fields are of the types in ``KINDS``; a text there says what a field must be."""

    KINDS: ClassVar[Kinds]

    def _check_kinds(self) -> None:
        for name, (kinds, _) in self.KINDS.items():
            value = getattr(self, name)
            self._check(name, isinstance(value, kinds) and not isinstance(value, bool))

    def _check(self, name: str, holds: object) -> None:
        if not holds:
            raise ValueError(f"{name} must be {self.KINDS[name][1]}, not {getattr(self, name)!r}")


def check_known(given: Mapping[str, Any], names: Sequence[str]) -> None:
    """Every field of ``given`` is one of ``names``.

    Raises:
        ValueError: one is not; the message names the closest.
    """
    for name in given:
        if name not in names:
            close = get_close_matches(str(name), names, n=1)
            hint = f"did you mean {close[0]!r}?" if close else f"there are {', '.join(names)}"
            raise ValueError(f"unknown field {name!r}; {hint}")


def mapping(path: Path) -> dict[str, Any]:
    """The mapping in a file of YAML.

    Raises:
        DataError: no such file, no YAML (tags are none), or no mapping.
        ImportError: PyYAML is not installed.
    """
    try:
        import yaml
    except ImportError as error:
        raise ImportError("configurations need PyYAML: pip install 'naslib-zc-plugin[cli]'") from error
    try:
        with readable(path, _EXPECTED):
            given = yaml.safe_load(existing(path, _EXPECTED).read_text(encoding="utf-8"))
    except (yaml.YAMLError, AttributeError) as error:  # the latter of a timestamp that is none
        raise DataError(path, _EXPECTED, " ".join(str(error).split())) from error
    if not isinstance(given, dict):
        raise DataError(path, f"{_EXPECTED}, a mapping", "nothing" if given is None else f"{type(given).__name__}")
    return given


def located(given: Any, folder: Path, data: str | Path | None) -> Any:
    """A path made absolute if it is one that exists, in ``folder`` or in the data directory.

    In a mapping, those of ``images``, ``tokens`` and ``source``. An empty text is no path.
    """
    if isinstance(given, Mapping):
        return {
            name: located(value, folder, data) if name in ("images", "tokens", "source") else value
            for name, value in given.items()
        }
    for root in (folder, data):
        if root is not None and isinstance(given, str) and given and (Path(root) / given).exists():
            return str((Path(root) / given).resolve())
    return given
