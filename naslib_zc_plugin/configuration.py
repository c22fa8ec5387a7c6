"""The one way in which a configuration in YAML is read and checked.

A configuration is a :class:`Section`, a pydantic model: its fields' types define the values, an editor shows its
docstrings. :func:`load` reads a file and lists all errors in it, each with its line, its field and the values that
belong there. :func:`schema` gives the JSON schema from which editors complete.

Needs pydantic and PyYAML, so it is imported where a configuration is read, never with the package.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, NamedTuple, TypeVar, Union, get_args

from naslib_zc_plugin.files import DataError, readable, visible
from naslib_zc_plugin.files.limits import Limits, Meter
from naslib_zc_plugin.files.texts import read_text
from naslib_zc_plugin.registry import closest

try:
    from pydantic import BaseModel, ConfigDict, ValidationError, field_validator
except ImportError as error:
    raise ImportError("configurations need pydantic: pip install 'naslib-zc-plugin[cli]'") from error

_EXPECTED = "a configuration in YAML"
_LARGEST, _MOST = 4 << 20, 200_000  # bytes of a file, and its values, each as often as an alias names it
_BITS, _DIGITS = 64, 40
_MARKS = (",", "[", "{", "\n", ": ", "- ", "? ")  # before each value stands one
_LONGEST = 60
# Words for someone who writes YAML → pydantic's names of the errors.
_KINDS = {
    "true or false": "bool_type",
    "a whole number": "int_type int_from_float",
    "a number": "float_type",
    "a finite number": "finite_number",
    "a text": "string_type",
    "empty": "none_required",
    "a mapping": "dict_type mapping_type model_type model_attributes_type",
    "a list": "list_type tuple_type sequence_str is_instance_of",
    "above {gt:g}": "greater_than",
    "at least {ge:g}": "greater_than_equal",
    "below {lt:g}": "less_than",
    "at most {le:g}": "less_than_equal",
    "{expected}": "literal_error",
    "a list or a mapping with at least {min_length} item(s)": "too_short",
    "a text that is not empty": "string_too_short",
}
_MUST_BE = {kind: text for text, kinds in _KINDS.items() for kind in kinds.split()}
_PATHS = ("images", "tokens", "source", "table", "security", "tls_ca_file", "tls_client_cert", "tls_client_key")
_OTHER_TYPE = ("int_from_float", "none_required", "sequence_str", "is_instance_of")
Location = tuple[Union[str, int], ...]
Model = TypeVar("Model", bound="Section")


class Section(BaseModel):
    """A configuration, or a mapping within one; frozen, strict, and without fields that it does not declare.

    Strict: ``true`` is no 1 and ``"3"`` is no 3. Types are such as Python 3.9 can evaluate: a union is named above the
    class, as ``Keys = Union[int, str]``; a list is a ``Sequence[...]``. A docstring below a field describes it in the
    schema. A ``field_validator`` checks all that a type cannot express: it raises a ``ValueError`` whose message begins
    with "must be ..." or is a sentence of its own. The file's place is ``info.context``, an :class:`Origin`, or None.

    >>> class Engine(Section):
    ...     workers: int = 1
    >>> Engine(workers=2)
    Engine(workers=2)
    """

    model_config = ConfigDict(
        strict=True, extra="forbid", frozen=True, use_attribute_docstrings=True, protected_namespaces=()
    )

    @field_validator("*")
    @classmethod
    def _check_size(cls, value: Any) -> Any:
        """Refuse what no file of results can hold."""
        if isinstance(value, int) and value.bit_length() >= _BITS:
            raise ValueError(f"must be a whole number of at most {_BITS} bits")
        return value

    def replace(self: Model, **changes: Any) -> Model:
        """Return a checked copy with other values."""
        return type(self)(**{**{name: getattr(self, name) for name in type(self).model_fields}, **changes})


class Origin(NamedTuple):
    """The place of a configuration, for the paths in it.

    Attributes:
        path: the file; its paths are relative to its folder.
        data: the data directory, in which they are looked for as well.
    """

    path: Path
    data: str | Path | None


class Problem(NamedTuple):
    """One error in a configuration.

    Attributes:
        line: line of the file, from 1; 0 without a file.
        field: the field, such as ``proxies[0].name``; empty for the configuration as a whole.
        message: the error, and the values that belong there.
    """

    line: int
    field: str
    message: str

    def __str__(self) -> str:
        message = visible(self.message)
        if not self.field:
            return message
        first = ("must be", "is missing", "stands twice")
        return f"{visible(self.field)}{' ' if message.startswith(first) else ': '}{message}"


class ConfigurationError(ValueError):
    """A configuration cannot be used.

    Attributes:
        problems: all errors, in the order of the file.
    """

    def __init__(self, name: str, problems: Sequence[Problem]) -> None:
        super().__init__(name, problems)
        self.name, self.problems = name, list(problems)

    def __str__(self) -> str:
        lines = [(f"line {each.line}: " if each.line else "") + str(each) for each in self.problems]
        if len(lines) == 1:
            return f"{self.name}, {lines[0]}" if self.problems[0].line else f"{self.name}: {lines[0]}"
        return "\n  ".join([f"{self.name} has {len(lines)} errors:", *lines])


@dataclass(frozen=True)
class Document:
    """A file of YAML that has been read.

    Attributes:
        path: the file.
        values: its mapping.
    """

    path: Path
    values: dict[str, Any]
    _node: Any

    def check(
        self,
        model: type[Model],
        values: Mapping[str, Any] | None = None,
        *,
        data: str | Path | None = None,
        label: str = "",
        places: Sequence[Location] = ((),),
    ) -> Model:
        """Return the checked configuration.

        Args:
            model: the class.
            values: its fields, if they are not the file's mapping itself, but composed of parts of it.
            data: the data directory.
            label: name of the part that is checked, for messages.
            places: the places in the file of a field of ``values``; the first place that has it gives the line.

        Raises:
            ConfigurationError: the configuration has errors; all are listed.
            DataError: a file that the configuration names is missing or has other content.
        """
        given = self.values if values is None else values
        name = f"{self.path}: {label}" if label else str(self.path)
        return _checked(model, given, name, Origin(self.path, data), lambda field: self._line(field, places))

    def _line(self, location: Location, places: Sequence[Location]) -> int:
        for place in places:
            node, found = self._find((*place, *location[:1]))
            if found:
                return int(self._find((*place, *location))[0].start_mark.line) + 1
        return int(self._find(places[0])[0].start_mark.line) + 1

    def _find(self, location: Location) -> tuple[Any, bool]:
        """Return the deepest node of a location (of a field: its name), and whether it is the location's own."""
        node = shown = self._node
        for part in location:
            if node.id == "mapping":
                pairs = [pair for pair in node.value if pair[0].value == str(part)]
                if not pairs:
                    return shown, False
                shown, node = pairs[-1]
            elif node.id == "sequence" and isinstance(part, int) and part < len(node.value):
                shown = node = node.value[part]
            else:
                return shown, False
        return shown, True


class _Nodes:
    """The nodes of a file of YAML, looked at before values are made of them."""

    def __init__(self, loader: Any, meter: Meter) -> None:
        self._loader, self._meter = loader, meter
        self._weights: dict[Any, int] = {}
        self._problems: list[Problem] = []

    def problems(self, node: Any) -> list[Problem]:
        """Return the fields that stand twice, and the whole numbers of more than 64 bits.

        Raises:
            DataError: more values than the limit, each as often as an alias names it.
        """
        self._weigh(node, ())
        return sorted(self._problems, key=lambda each: each.line)

    def _weigh(self, node: Any, location: Location) -> int:
        """Return the number of values of a node, each as often as an alias names it."""
        if node in self._weights:
            if not self._weights[node]:
                found = f"an alias within what it stands for, in {_field(location)}"
                raise DataError(self._meter.path, _EXPECTED, found)
            return self._weights[node]
        self._weights[node] = 0
        weight = 1
        if node.id == "scalar":
            weight += len(node.value) // 100
            self._check_number(node, location)
        elif node.id == "sequence":
            for place, each in enumerate(node.value):
                weight += self._weigh(each, (*location, place))
        else:
            lines: dict[Any, int] = {}
            for key, value in node.value:
                inner = (*location, str(key.value)[:_LONGEST])
                weight += self._weigh(key, inner) + self._weigh(value, inner)
                self._check_key(key, inner, lines)
        self._meter.allow("rows", weight)
        self._weights[node] = weight
        return weight

    def _check_key(self, key: Any, location: Location, lines: dict[Any, int]) -> None:
        if key.id == "scalar" and not self._is_large(key):
            line = int(key.start_mark.line) + 1
            name = key.value if key.tag.endswith(":merge") else self._loader.construct_object(key)
            if name in lines:
                self._problems.append(Problem(line, _field(location), f"stands twice, first in line {lines[name]}"))
            lines.setdefault(name, line)

    def _check_number(self, node: Any, location: Location) -> None:
        if self._is_large(node):
            self._problems.append(
                Problem(node.start_mark.line + 1, _field(location), f"must be a number of at most {_BITS} bits")
            )

    def _is_large(self, node: Any) -> bool:
        """Return whether a node is a whole number that no file of results can hold."""
        if not node.tag.endswith(":int"):
            return False
        return len(node.value) > _DIGITS or self._loader.construct_object(node).bit_length() >= _BITS


def read(path: str | Path) -> Document:
    """Read a mapping from a file of YAML; tags are refused, so nothing in the file is executed.

    Raises:
        DataError: there is no such file, it is no YAML, or no mapping, or it holds more than the limits.
        ConfigurationError: a field stands twice, or a whole number has more than 64 bits.
        ImportError: PyYAML is not installed.
    """
    try:
        import yaml
    except ImportError as error:
        raise ImportError("configurations need PyYAML: pip install 'naslib-zc-plugin[cli]'") from error
    path = Path(path)
    meter = Meter(path, Limits(memory=2 * _LARGEST, rows=_MOST))
    text = read_text(path, _EXPECTED, meter)
    meter.allow("rows", sum(map(text.count, _MARKS)))
    try:
        with readable(path, _EXPECTED):
            loader = yaml.SafeLoader(text)
            node = loader.get_single_node()
            problems = [] if node is None else _Nodes(loader, meter).problems(node)
            given = None if node is None or problems else loader.construct_document(node)
    except yaml.YAMLError as error:
        raise DataError(path, _EXPECTED, " ".join(str(error).split())) from error
    if problems:
        raise ConfigurationError(str(path), problems)
    if not isinstance(given, dict):
        raise DataError(path, f"{_EXPECTED}, a mapping", "nothing" if given is None else f"{type(given).__name__}")
    return Document(path, given, node)


def mapping(path: str | Path) -> dict[str, Any]:
    """Return the mapping in a file of YAML, for configurations that are checked elsewhere.

    Raises:
        DataError: there is no such file, it is no YAML, or no mapping.
    """
    return read(path).values


def load(path: str | Path, model: type[Model], data: str | Path | None = None) -> Model:
    """Read a configuration from YAML and check it.

    Args:
        path: the file.
        model: the class.
        data: data directory, in which files are looked for that are not beside the configuration.

    Raises:
        DataError: there is no such file, it is no YAML, or no mapping.
        ConfigurationError: it has errors; all are listed.
    """
    return read(path).check(model, data=data)


def check(model: type[Model], values: Mapping[str, Any], name: str) -> Model:
    """Return the checked configuration of values that come from no file; ``name`` begins the message of an error.

    Raises:
        ConfigurationError: the values have errors; all are listed.
    """
    return _checked(model, values, name, None, lambda location: 0)


def schema(model: type[Section]) -> dict[str, Any]:
    """Return a configuration's JSON schema, from which editors complete and check a file while it is written."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **model.model_json_schema()}


def completed(names: Callable[[], Sequence[str]]) -> Callable[[dict[str, Any]], None]:
    """Return ``json_schema_extra`` for a text field: an editor offers the names, and takes others as well.

    Args:
        names: returns the names that this package knows; called when the schema is made.
    """

    def extend(made: dict[str, Any]) -> None:
        made.pop("type", None)
        made["anyOf"] = [{"enum": list(names())}, {"type": "string"}]

    return extend


def located(given: Any, folder: Path, data: str | Path | None) -> Any:
    """Return a path made absolute if it is one that exists, in ``folder`` or in the data directory.

    Of a list, each; of a mapping, the values of ``images``, ``tokens``, ``source`` and ``table``, and the files of
    ``security``. An empty text is no path.

    Args:
        given: a value of a configuration; everything else is returned as it is.
        folder: the configuration's folder.
        data: the data directory, or None.
    """
    if isinstance(given, Mapping):
        return {name: located(value, folder, data) if name in _PATHS else value for name, value in given.items()}
    if isinstance(given, (list, tuple)):
        return [located(each, folder, data) for each in given]
    for root in (folder, data):
        if root is not None and isinstance(given, str) and given and (Path(root) / given).exists():
            return str((Path(root) / given).resolve())
    return given


# Errors --------------------


def _checked(
    model: type[Model], given: Mapping[str, Any], name: str, origin: Origin | None, line: Callable[[Location], int]
) -> Model:
    try:
        return model.model_validate(dict(given), context=origin)
    except ValidationError as error:
        wrong = error.errors(include_url=False)
        for each in wrong:
            cause = each.get("ctx", {}).get("error")
            if isinstance(cause, DataError):  # it names its own file
                raise cause from None
        found = [Problem(line(location), _field(location), text) for location, text in _messages(model, given, wrong)]
        raise ConfigurationError(name, sorted(found, key=lambda each: each.line)) from None


def _messages(model: type[Section], given: Any, wrong: Sequence[Any]) -> Iterator[tuple[Location, str]]:
    """Yield location and message of each error, those of a union's branches joined."""
    by_location: dict[Location, list[Any]] = {}
    for each in wrong:
        by_location.setdefault(_located_in(given, each), []).append(each)
    for location, errors in by_location.items():
        deeper = any(other != location and other[: len(location)] == location for other in by_location)
        own = [each for each in errors if not _of_type(each)] or errors
        if deeper and location and own is errors:
            continue  # of the branch that the value is meant for, a deeper error says more
        if len({each["type"] for each in own}) > 1 or len(own) > 1:
            texts = [_MUST_BE.get(each["type"], each["msg"]).format(**each.get("ctx", {})) for each in own]
            yield location, f"must be {' or '.join(dict.fromkeys(texts))}, not {_short(own[0]['input'])}"
        else:
            yield location, _message(model, own[0])


def _of_type(error: Any) -> bool:
    """Return whether a value is of another type, so that another branch of a union may be meant."""
    return error["type"].endswith("_type") or error["type"] in _OTHER_TYPE


def _message(model: type[Section], error: Any) -> str:
    """Return the message of a single error."""
    kind, context = error["type"], error.get("ctx", {})
    if kind == "missing":
        return "is missing"
    if kind in ("extra_forbidden", "invalid_key"):
        known = _sections(model, error["loc"][:-1])
        return f"unknown field; {closest(str(error['loc'][-1]), known)}"
    if kind == "value_error":
        text = str(context["error"])
        return f"{text}, not {_short(error['input'])}" if text.startswith("must be") else text
    if kind in _MUST_BE:
        return f"must be {_MUST_BE[kind].format(**context)}, not {_short(error['input'])}"
    return str(error["msg"])


def _located_in(given: Any, error: Any) -> Location:
    """Return an error's location without the names of a union's branches, which pydantic puts into it."""
    found: list[str | int] = []
    parts = list(error["loc"])
    for place, part in enumerate(parts):
        last = place == len(parts) - 1 and error["type"] in ("missing", "extra_forbidden")
        if isinstance(given, Mapping) and (part in given or last):
            given = given.get(part)
        elif isinstance(given, Sequence) and not isinstance(given, str) and isinstance(part, int):
            given = given[part]
        else:
            continue
        found.append(part)
    return tuple(found)


def _sections(model: type[Section], location: Location) -> Iterable[str]:
    """Return the fields that the section at a location has."""
    for part in location:
        field = model.model_fields.get(str(part))
        inner = {each.__name__: each for each in _within(field.annotation)} if field else {}
        if str(part) in inner or len(inner) == 1:
            model = inner.get(str(part)) or next(iter(inner.values()))
    return model.model_fields


def _within(annotation: Any) -> Iterator[type[Section]]:
    """Yield the sections that a field's type names."""
    if isinstance(annotation, type) and issubclass(annotation, Section):
        yield annotation
    for part in get_args(annotation):
        yield from _within(part)


def _field(location: Location) -> str:
    """Return a location as text, such as ``proxies[0].name``."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location).lstrip(".")


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
