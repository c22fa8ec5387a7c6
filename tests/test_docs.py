"""README, CONTRIBUTING and docs/ say what is: their Python runs, their configurations and commands are some."""

from __future__ import annotations

import configparser
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import tomllib
import typer.main
import yaml

from naslib_zc_plugin.campaign.config import load_campaign, provenance
from naslib_zc_plugin.campaign.engines import engine
from naslib_zc_plugin.cli._app import app
from naslib_zc_plugin.hosts import list_hosts
from naslib_zc_plugin.proxies import PROXIES
from naslib_zc_plugin.search.config import load_experiment as load_search
from naslib_zc_plugin.store.embedded import list_embedded
from naslib_zc_plugin.strategies import PUBLISHED, list_strategies
from tests.hosts.naslib.needs import needs

ROOT = Path(__file__).parent.parent
MADE = {"proxies", "reference", "_build", "leaderboard"}  # by programs: what they show runs in test_doctests
PAGES = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md")),
    *(path for path in sorted(ROOT.glob("docs/**/*.md")) if not MADE & set(path.relative_to(ROOT / "docs").parts)),
]
README = (ROOT / "README.md").read_text(encoding="utf-8")
HOSTS = ("nni", "naslib", "neps", "optuna")


@dataclass(frozen=True)
class Page:
    """A page's fenced blocks of each language, in order."""

    path: Path

    @property
    def name(self) -> str:
        return str(self.path.relative_to(ROOT))

    @property
    def text(self) -> str:
        return self.path.read_text(encoding="utf-8")

    def blocks(self, language: str) -> list[str]:
        return re.findall(rf"^```{language}\n(.*?)^```$", self.text, re.DOTALL | re.MULTILINE)


def pages(*languages: str) -> Any:
    """The pages that have blocks of one of the languages."""
    found = [page for page in map(Page, PAGES) if any(page.blocks(language) for language in languages)]
    return pytest.mark.parametrize("page", found, ids=lambda page: page.name)


def of_hosts(code: str) -> set[str]:
    """The hosts that code imports."""
    return {name for name in HOSTS if re.search(rf"^\+?(from|import) (naslib_zc_plugin\.hosts\.)?{name}\b", code, re.M)}


# README --------------------


def test_the_readme_is_short() -> None:
    assert len(README.splitlines()) <= 150


def test_its_links_lead_somewhere_wherever_it_is_shown() -> None:
    """They are absolute, those of the repository name files that it has, and every name of a link is defined."""
    text = re.sub(r"```.*?```", "", README, flags=re.DOTALL)
    defined = dict(re.findall(r"^\[([^]\n]+)\]: (\S+)$", text, re.MULTILINE))
    targets = [*re.findall(r"\]\(([^)\s]+)\)", text), *defined.values()]
    headings = {re.sub(r"[^\w -]", "", each).lower().replace(" ", "-") for each in re.findall(r"^#+ (.*)$", text, re.M)}
    home = re.findall(r"^url = (\S+)$", (ROOT / "setup.cfg").read_text(encoding="utf-8"), re.M)[0]
    for target in targets:
        if target.startswith("#"):
            assert target[1:] in headings, target
            continue
        assert target.startswith("https://"), target
        if target.startswith(home):
            kind, name = re.fullmatch(rf"{home}/(blob|tree)/main/(.+)", target).groups()  # type: ignore[union-attr]
            assert (ROOT / name).is_file() if kind == "blob" else (ROOT / name).is_dir(), target
    used = set(re.findall(r"\[([^][\n]+)\](?![(:\[])", text))
    assert set(defined) <= used
    assert {name for name in used if (ROOT / name.strip("`")).exists()} <= set(defined)


# Python --------------------


@pages("python")
def test_the_python_in_it_runs(page: Page, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The blocks of a page run one after the other, in one namespace, in an empty folder."""
    code = "\n".join(page.blocks("python"))
    if "naslib" in of_hosts(code):
        _runs_beside_naslib(code, tmp_path)
        return
    for host in of_hosts(code):
        pytest.importorskip(host)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(PROXIES, "_added", {})
    namespace: dict[str, Any] = {"__name__": "page", "__file__": str(tmp_path / "page.py")}
    for block in page.blocks("python"):
        exec(compile(block, page.name, "exec"), namespace)


def _runs_beside_naslib(code: str, folder: Path) -> None:
    """Run it in a process of its own: NASLib's repairs are for good."""
    needs("naslib.search_spaces")
    source = os.pathsep.join([str(Path(needs("naslib").__file__).parents[1]), str(ROOT)])
    environment = {**os.environ, "PYTHONPATH": source}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


@pages("diff")
def test_what_a_change_imports_is_there(page: Page) -> None:
    for block in page.blocks("diff"):
        for line in re.findall(r"^\+((?:from|import) .*)$", block, re.MULTILINE):
            for host in of_hosts(line):
                pytest.importorskip(host)
            exec(line, {})


# Configurations --------------------


@pages("yaml")
def test_the_configurations_in_it_are_some(page: Page, tmp_path: Path) -> None:
    """A block that is no whole configuration changes the search before it, or that of the tutorial."""
    search = Page(ROOT / "docs/tutorials/search.md").blocks("yaml")[0]
    place = tmp_path / "config.yaml"
    for block in page.blocks("yaml"):
        found = yaml.safe_load(block)
        whole = "space" in found
        place.write_text(block if whole else f"{search}{block}", encoding="utf-8")
        if "proxies" in found:
            config = load_campaign(place)
            assert list(config.requests())
            if found.get("images") in ("digits", "scenes"):  # in the package: their protocol must take them
                assert provenance(config)["dataset"] == found["images"]
        else:
            assert load_search(place).searches
            search = block if whole else search


def test_the_tutorials_campaign_is_what_it_says(tmp_path: Path) -> None:
    place = tmp_path / "campaign.yaml"
    place.write_text(Page(ROOT / "docs/tutorials/campaign.md").blocks("yaml")[0], encoding="utf-8")
    config = load_campaign(place)
    assert list(config.requests()) == ["naswot", "synflow", "narrow"]
    assert engine(config).capacity == 4


def test_the_tutorials_search_is_what_it_says(tmp_path: Path) -> None:
    page, place = Page(ROOT / "docs/tutorials/search.md"), tmp_path / "search.yaml"
    place.write_text(page.blocks("yaml")[0], encoding="utf-8")
    searches = load_search(place).searches
    assert [each.label for each in searches] == ["random", "evolution", "AREA"]
    assert {table for each in searches for table in each.scores.table} <= set(list_embedded())
    assert all(f"`{name}`" in page.text for name in [*PUBLISHED, *list_strategies()])


@pages("ini", "toml")
def test_the_metadata_in_it_can_be_read(page: Page) -> None:
    for block in page.blocks("ini"):
        configparser.ConfigParser().read_string(block)
    for block in page.blocks("toml"):
        assert tomllib.loads(block)


# Commands --------------------


def commands(block: str) -> Iterator[list[str]]:
    """The words of each command in a block for a shell, without comments."""
    for line in block.replace("\\\n", " ").splitlines():
        for command in re.split(r" && ", line):
            words = shlex.split(command, comments=True)
            if words:
                yield words


@pages("bash")
def test_the_commands_in_it_are_some(page: Page) -> None:
    """Options of ``nas-zc`` exist, and so do modules, scripts and extras that are named."""
    known: Any = typer.main.get_command(app)
    metadata = configparser.ConfigParser()
    metadata.read(ROOT / "setup.cfg", encoding="utf-8")
    for words in (words for block in page.blocks("bash") for words in commands(block)):
        program, *rest = words
        if program == "python3" and rest[:1] == ["-m"]:
            # To look for pip has setuptools leave distutils alone for the rest of the process.
            assert rest[1] == "pip" or find_spec(rest[1]) is not None, words
            if rest[1] == "pip":
                for extra in re.findall(r"\[(.*?)\]", " ".join(rest)):
                    assert set(extra.split(",")) <= set(metadata["options.extras_require"]), extra
            if rest[1] == "naslib_zc_plugin":
                program, rest = "nas-zc", rest[2:]
        elif program == "python3":
            assert (ROOT / rest[0]).is_file(), words
        elif program.startswith("."):
            assert (ROOT / program).is_file(), words
        if program == "nas-zc":
            known.commands[rest[0]].make_context(rest[0], list(rest[1:]))


# Hosts --------------------


def test_every_host_has_a_page() -> None:
    assert set(HOSTS) == set(list_hosts()) - {"none"}
    assert all((ROOT / "docs" / "tutorials" / f"{name}.md").is_file() for name in HOSTS)
