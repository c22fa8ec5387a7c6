"""The pages that are made at each build, of what the package says of itself: proxies, files, commands, modules."""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import naslib_zc_plugin as zc
from naslib_zc_plugin.proxies import measured_costs

PACKAGE = Path(zc.__file__).parent
DOCS = Path(__file__).parent
WORDS = {
    "data": "the images or texts of a batch",
    "labels": "their labels",
    "gradients": "backward passes",
    "second order": "second derivatives",
    "draws": "weights or inputs of its own, drawn by the seed: repeat it",
}
NOT_PUBLIC = ("cli", "observations", "passes", "files", "testing")
"""Rooms whose names are for this package itself, though their modules list them."""


def write_pages() -> None:
    """Write all pages into ``proxies`` and ``reference``; what has not changed is left as it is."""
    made = dict(proxy_pages())
    for name, model, about in (
        ("score", "naslib_zc_plugin.campaign.config:Config", "The file of a campaign: `nas-zc score FILE`."),
        ("search", "naslib_zc_plugin.search.config:SearchFile", "The file of a search: `nas-zc search FILE`."),
    ):
        made[f"reference/{name}.md"] = configuration_page(name, model, about)
    made["reference/command_line.md"] = command_line_page()
    made |= dict(module_pages())
    for folder in ("proxies", "reference"):
        for path in (DOCS / folder).rglob("*.*"):
            if str(path.relative_to(DOCS)) not in made:
                path.unlink()
    for name, text in made.items():
        path = DOCS / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table in Markdown."""
    lines = [header, ["---"] * len(header), *rows]
    return "".join(f"| {' | '.join(' '.join(cell.split()) for cell in line)} |\n" for line in lines)


def from_rst(text: str) -> str:
    """Return a line of reStructuredText for a cell of a table in Markdown."""
    text = re.sub(r":math:`([^`]*)`", r"{math}`\1`", text)
    text = re.sub(r":(?:py:)?(func|class|meth|data|attr|mod):`([^`]*)`", r"{py:\1}`\2`", text)
    return text.replace("|", "\\|")


# Proxies --------------------


def proxy_pages() -> Iterator[tuple[str, str]]:
    """Return the page of each proxy, their table, and the table of their costs."""
    facts = [zc.describe(name) for name in zc.list_proxies()]
    found = results()
    for info in facts:
        yield f"proxies/{info.name}.md", proxy_page(info, found.get(info.name, []))
    rows = [
        (f"[{info.name}]({info.name}.md)", direction(info), ", ".join(info.needs) or "–", units(info), summary(info))
        for info in facts
    ]
    head = (
        "# The proxies\n\nEach estimates, without training, how good a network will be. *Better* says which direction"
        " that is. Needs: "
        + "; ".join(f"*{name}*: {text}" for name, text in WORDS.items())
        + ". Cost: in [units](../cost.md) of a forward and a backward pass. Other spellings of the field (`nwot`,"
        " `jacob_cov`, `zen_score` …) are accepted wherever a proxy is named. Where papers and their codes differ, the"
        " code's number is the default; a proxy's page says where. Recipes of several, such as `recommended` and"
        " `tenas`, [rank networks](../tutorials/own_networks.md).\n\n"
    )
    names = "\n".join(info.name for info in facts)
    yield (
        "proxies/index.md",
        head
        + table(("proxy", "better", "needs", "cost", "what it is"), rows)
        + f"\n```{{toctree}}\n:hidden:\n\n{names}\n```\n",
    )
    costs = measured_costs()
    yield (
        "proxies/costs.txt",
        table(
            ("proxy", "units", "memory", "measured on"),
            (
                (
                    f"[{name}](proxies/{name}.md)",
                    f"{cost['units']:g}",
                    f"{cost['memory']:g}" if "memory" in cost else "–",
                    cost.get("on", "nasbench201, batch 64"),
                )
                for name, cost in sorted(costs.items(), key=lambda entry: -entry[1]["units"])
            ),
        ),
    )


def direction(info: zc.ProxyInfo) -> str:
    """Return which values are better."""
    return "higher" if info.higher_is_better else "lower"


def units(info: zc.ProxyInfo) -> str:
    """Return the cost of a score."""
    return "–" if info.units is None else f"{info.units:g}"


def summary(info: zc.ProxyInfo) -> str:
    """Return what it is in some words."""
    return from_rst(re.sub(r"^Compute (the )?|\.$", "", info.summary))


def proxy_page(info: zc.ProxyInfo, rows: Sequence[Sequence[str]]) -> str:
    """Return the page of a proxy."""
    parts = sections(info.documentation)
    text, _, body = parts[""].partition("\n")
    text = re.sub(r"^Compute (\w)", lambda first: first[1].upper(), text)
    needs = "; ".join(f"{name} ({WORDS[name]})" for name in info.needs) or "nothing but the network and a shape"
    cost = "not measured" if info.units is None else f"{info.units:g} [units](../cost.md)"
    facts = [
        ("better", direction(info)), ("needs", needs), ("cost", cost), ("version", str(info.version)),
        ("paper", from_rst(info.paper)), ("also known as", ", ".join(f"`{each}`" for each in info.aliases) or "–"),
    ]  # fmt: skip
    pieces = [f"# {info.name}\n\n{from_rst(text)}\n\n{table(('', ''), facts)}"]
    pieces.append(f"## Definition\n\n{eval_rst(body.strip() or text)}")
    if "Raises" in parts:
        reasons = re.sub(r"^\s*(\w+):", r"*\1*:", parts["Raises"].strip())
        pieces.append(f"## Without a score\n\n{eval_rst(' '.join(reasons.split()))}")
    if info.options:
        about = entries(parts.get("Args", ""))
        options = [
            (f"`{each.name}`", f"`{each.default!r}`", from_rst(each.values), from_rst(about.get(each.name, "")))
            for each in info.options.values()
        ]
        pieces.append(f"## Options\n\n{table(('option', 'default', 'values', 'what it does'), options)}")
    pieces.append(example(info, parts.get(">>>", "")))
    if rows:
        header = ("of", "ρ", "τ", "N", "undefined")
        pieces.append(
            "## Results\n\nCorrelation with trained accuracies: Spearman's ρ and Kendall's τ, with 95 % intervals; N"
            f" networks, and how many more have no score.\n\n{table(header, rows)}"
        )
    return "\n".join(pieces)


def eval_rst(text: str) -> str:
    """Return reStructuredText for a page in Markdown."""
    return f"```{{eval-rst}}\n{text}\n```\n"


def sections(documentation: str) -> dict[str, str]:
    """Return the parts of a docstring: ``""`` for the text, ``Args`` and the like, and ``>>>`` for the examples."""
    parts: dict[str, list[str]] = {"": []}
    title = ""
    for line in documentation.splitlines():
        heading = re.fullmatch(r"(Args|Returns|Raises|Attributes):", line)
        if heading:
            title = heading[1]
        elif line.startswith(">>> "):
            title = ">>>"
        elif line and not line.startswith(" ") and title not in ("", ">>>"):
            title = ""
        parts.setdefault(title, []).append("" if heading else line)
    return {name: "\n".join(lines) for name, lines in parts.items()}


def entries(arguments: str) -> dict[str, str]:
    """Return the text of each argument in the section of a docstring."""
    found: dict[str, str] = {}
    name = ""
    for line in arguments.splitlines():
        begins = re.match(r"    (\w+): (.*)", line)
        if begins:
            name, found[begins[1]] = begins[1], begins[2]
        elif name and line.strip():
            found[name] += f" {line.strip()}"
    return found


def example(info: zc.ProxyInfo, lines: str) -> str:
    """Return the section that shows how to ask for a proxy, and its formula on small numbers."""
    labels = "(x, y)" if "labels" in info.needs else "x"
    option = next(iter(info.options.values()), None)
    asked = f'zc.proxy("{info.name}", {option.name}={option.default!r})' if option else f'"{info.name}"'
    text = (
        f"## Example\n\n```python\nimport naslib_zc_plugin as zc\n\nscore = zc.score(net, {labels}, {asked})"
        f'["{info.name}"]\nscore.value, score.status\n```\n'
    )
    return text + (
        f"\nThe function itself, on small numbers:\n\n```pycon\n{lines.strip()}\n```\n" if lines.strip() else ""
    )


@dataclass
class _Place:
    page: str
    heading: str = ""
    outer: str = ""
    near: str = ""

    def link(self) -> str:
        anchor = re.sub(r"[^\w\- ]", "", self.heading.replace("\\", "")).strip().lower().replace(" ", "-")
        title = ", ".join(filter(None, dict.fromkeys([self.outer.replace("\\", ""), self.near])))
        return f"[{title}](../results/{self.page}.md)" if anchor else title


def results() -> dict[str, list[Sequence[str]]]:
    """Return for each proxy its rows in the tables of ``docs/results`` that have τ and a number of networks."""
    found: dict[str, list[Sequence[str]]] = {}
    known = set(zc.list_proxies())
    for path in sorted((DOCS / "results").glob("*.md")):
        place, header = _Place(path.stem), []
        lines = path.read_text(encoding="utf-8").splitlines()
        name = re.sub(r"^# |:.*$", "", lines[0])
        for number, line in enumerate(lines):
            if line.startswith("## "):
                place.heading, place.outer, place.near = line[3:], f"{name}: {line[3:]}", ""
            elif line.endswith(":") and len(line) < 40:
                place.near = line[:-1]
            if re.fullmatch(r"\|[\s|:-]+\|", line):
                header = cells(lines[number - 1])
            elif not line.startswith("|"):
                header = []
            elif header:
                row = cells(line)
                proxy = row[0].rpartition("/")[2].replace("\\", "")
                places = [_column(header, names) for names in _COLUMNS]
                if proxy in known and None not in places[1:3] and len(row) == len(header):
                    shown = ["–" if at is None else row[at].replace("+", "") for at in places]
                    found.setdefault(proxy, []).append((place.link(), *shown))
    return found


_COLUMNS = (("Spearman [95%]", "ρ"), ("Kendall [95%]", "τ"), ("N",), ("undefined", "left out"))


def _column(header: Sequence[str], names: Sequence[str]) -> int | None:
    return next((header.index(name) for name in names if name in header), None)


def cells(line: str) -> list[str]:
    """Return the cells of a table's line."""
    return [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]


# Configurations --------------------


def configuration_page(name: str, model: str, about: str) -> str:
    """Return the reference of a configuration, of its JSON schema."""
    from naslib_zc_plugin import configuration

    module, _, attribute = model.partition(":")
    schema = configuration.schema(getattr(importlib.import_module(module), attribute))
    pieces = [
        f"# {name}: the configuration\n\n{about} The same as a JSON schema, from which editors complete: `nas-zc schema"
        f" {name}`. What is not in these tables is refused. See [the tutorial](../tutorials/"
        f"{'campaign' if name == 'score' else 'search'}.md).\n\n{fields(schema)}"
    ]
    for title, part in sorted(schema.get("$defs", {}).items()):
        if "properties" in part:
            pieces.append(f"## {title}\n\n{markdown(part.get('description', ''))}\n\n{fields(part)}")
    return "\n".join(pieces)


def fields(schema: Mapping[str, Any]) -> str:
    """Return the table of an object's fields."""
    needed = schema.get("required", ())
    rows = [
        (f"`{name}`", kind(each), "needed" if name in needed else default(each), markdown(each.get("description", "")))
        for name, each in schema["properties"].items()
    ]
    return table(("key", "values", "default", "what it is"), rows)


def markdown(text: str) -> str:
    """Return a description for a cell."""
    parts = re.split(r"(`[^`]*`)", text.replace("``", "`"))
    return from_rst("".join(part if number % 2 else part.replace("<", r"\<") for number, part in enumerate(parts)))


def default(field: Mapping[str, Any]) -> str:
    """Return the default of a field."""
    value = field.get("default")
    if "$ref" in field:
        return "each its own"
    return "–" if value in (None, "", [], {}) else f"`{value}`"


def kind(field: Mapping[str, Any]) -> str:
    """Return the values that a field takes, in words."""
    if "$ref" in field:
        title = field["$ref"].rpartition("/")[2]
        return f"[{title}](#{title.lower()})"
    if "enum" in field or "const" in field:
        return ", ".join(f"`{value}`" for value in field.get("enum", [field.get("const")]))
    for several in ("anyOf", "oneOf", "allOf"):
        if several in field:
            words = [kind(each) for each in field[several] if each.get("type") != "null"]
            return " or ".join(dict.fromkeys(words))
    limits = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤", "exclusiveMaximum": "<"}
    bounds = "".join(f" {sign} {field[name]:g}" for name, sign in limits.items() if name in field)
    of = field.get("items") or field.get("additionalProperties")
    inner = f" of {kind(of)}" if isinstance(of, Mapping) and of else ""
    words = {"integer": "integer", "number": "number", "string": "text", "boolean": "true or false"}
    words |= {"array": f"list{inner}", "object": f"mapping{inner}"}
    return words.get(field.get("type", ""), "any value") + bounds


# Commands --------------------


def command_line_page() -> str:
    """Return the reference of the command line, of its help."""
    import typer.main

    from naslib_zc_plugin.cli._app import app

    group: Any = typer.main.get_command(app)
    pieces = [
        "# The command line\n\n`nas-zc COMMAND`, or `python3 -m naslib_zc_plugin COMMAND`; `--help` shows the same."
        " Results go to standard output, progress and errors to standard error. Exit codes: 0 done, 1 none found or a"
        " fault, 2 refused, 75 to be continued, 130 interrupted.\n"
    ]
    for name, command in sorted(group.commands.items()):
        rows = []
        for each in command.params:
            if each.name == "help":
                continue
            named = (
                ", ".join(each.opts + each.secondary_opts) if each.param_type_name == "option" else each.name.upper()
            )
            shown = each.default if not callable(each.default) and each.default not in (None, False, ()) else "–"
            rows.append((f"`{named}`", markdown(each.help or ""), "needed" if each.required else f"{shown}"))
        text = re.sub(r"\s*\n\s*", " ", (command.help or "").replace("\n\n", "\0")).replace("\0", "\n\n")
        options = table(("argument or option", "what it is", "default"), rows) if rows else ""
        pieces.append(f"## nas-zc {name}\n\n{markdown(text)}\n\n{options}")
    return "\n".join(pieces)


# Modules --------------------


def module_pages() -> Iterator[tuple[str, str]]:
    """Return a page for each public module, and the page that lists these pages."""
    names = public_modules()
    for name in names:
        text = f"# {name}\n\n" + eval_rst(f".. automodule:: {name}\n   :members:\n   :member-order: bysource")
        yield f"reference/api/{name}.md", text
    yield (
        "reference/api/index.md",
        "# Modules\n\nThe names that a module lists in `__all__`; all others may change. A proxy's function is on [its"
        " page](../../proxies/index.md).\n\n```{toctree}\n\n" + "\n".join(names) + "\n```\n",
    )


def public_modules() -> list[str]:
    """Return the names of the modules that list public names in ``__all__``."""
    names = []
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
        parts = parts[:-1] if parts[-1] == "__init__" else parts
        inner = parts[1:]
        hidden = set(inner[:1]) & set(NOT_PUBLIC) or any(part.startswith("_") for part in inner)
        if not hidden and re.search(r"^__all__ = ", path.read_text(encoding="utf-8"), re.MULTILINE):
            names.append(".".join(parts))
    return names
