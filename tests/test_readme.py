"""The README says what is: its Python runs, its configurations are some. Its table: tests/cli/test_proxies.py."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from naslib_zc_plugin.campaign.config import load_campaign
from naslib_zc_plugin.campaign.engines import engine
from naslib_zc_plugin.search.config import load_experiment as load_search
from naslib_zc_plugin.store.embedded import list_embedded
from naslib_zc_plugin.strategies import PUBLISHED, list_strategies
from tests.hosts.naslib.needs import needs

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
HOSTED = [block for block in BLOCKS if "\nfrom naslib." in block]


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


@pytest.mark.parametrize("block", [block for block in BLOCKS if block not in HOSTED], ids=lambda block: block[:40])
def test_the_python_in_it_runs(block: str) -> None:
    exec(compile(block, "README.md", "exec"), {})


@pytest.mark.parametrize("block", HOSTED, ids=["naslib"])
def test_what_it_shows_of_naslib_runs(block: str, shared: Path) -> None:
    needs("naslib.search_spaces")
    source = str(Path(needs("naslib").__file__).parents[1])
    environment = {**os.environ, "NAS_ZC_DATA": str(shared / "data"), "PYTHONPATH": source}
    done = subprocess.run([sys.executable, "-c", block], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_campaign_in_it_is_one(tmp_path: Path) -> None:
    text = re.findall(r"```yaml\n(.*?)```", README, re.DOTALL)[0]
    (tmp_path / "campaign.yaml").write_text(text, encoding="utf-8")
    config = load_campaign(tmp_path / "campaign.yaml")
    assert list(config.requests()) == ["naswot", "synflow", "narrow"]
    assert engine(config).capacity == 4


def test_the_search_in_it_is_one(tmp_path: Path) -> None:
    text = re.findall(r"```yaml\n(.*?)```", README, re.DOTALL)[1]
    (tmp_path / "search.yaml").write_text(text, encoding="utf-8")
    searches = load_search(tmp_path / "search.yaml").searches
    assert [each.label for each in searches] == ["random", "evolution", "AREA"]
    assert {table for each in searches for table in each.scores.table} <= set(list_embedded())
    assert all(preset in README for preset in (f"`{name}`" for name in PUBLISHED))
    assert all(f"`{name}`" in README for name in list_strategies())
