"""Adding a proxy is one new file, or one entry point, and no edit."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import naslib_zc_plugin
import naslib_zc_plugin as zc

PACKAGE = Path(naslib_zc_plugin.__file__).parent

MINE = '''
"""Share of ReLU units on which samples agree."""
from __future__ import annotations
from torch import Tensor
from naslib_zc_plugin.extend import ReluAgreement, proxy

@proxy(needs=[ReluAgreement()], version=3, paper="nowhere", higher_is_better=False)
def my_proxy(agreement: Tensor, *, power: float = 1.0) -> float:
    """Mean share of units on which two samples agree. Lower is better."""
    return (agreement / agreement[0, 0]).mean().item() ** power
'''
SCORE = """
import torch, naslib_zc_plugin as zc
net = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(12, 6), torch.nn.ReLU(), torch.nn.Linear(6, 2))
batch = (torch.randn(4, 3, 2, 2), None)
squared = zc.proxy("my_proxy", label="squared", power=2.0)
scores = zc.score(net, batch, ["my_proxy", squared, "naswot"])
assert "my_proxy" in zc.proxies() and zc.proxies("my*") == ["my_proxy"], zc.proxies()
assert 0 < scores["my_proxy"].value <= 1, scores
assert scores["squared"].value == scores["my_proxy"].value ** 2
info = zc.describe("my_proxy")
assert (info.version, info.higher_is_better, info.needs, dict(info.options)) == (3, False, ("data",), {"power": 1.0})
print("scored")
"""
SUITE = """
from naslib_zc_plugin.testing.conformance import ProxyConformance
class TestMyProxy(ProxyConformance): proxy = "my_proxy"
"""


def run(*command: str, path: Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    """The command in a process that sees the package at ``path`` alone."""
    environment = {**os.environ, "PYTHONPATH": str(path), "OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False, timeout=300)


def python(code: str, path: Path) -> subprocess.CompletedProcess[str]:
    return run(sys.executable, "-c", code, path=path, cwd=path)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the package with one more file."""
    site = tmp_path_factory.mktemp("site")
    shutil.copytree(PACKAGE, site / PACKAGE.name, ignore=shutil.ignore_patterns("__pycache__"))
    (site / PACKAGE.name / "proxies" / "my_proxy.py").write_text(MINE, encoding="utf-8")
    return site


def test_a_file_is_found_described_and_scored(site: Path) -> None:
    done = python(SCORE, site)
    assert (done.returncode, done.stdout) == (0, "scored\n"), done.stderr


def test_a_file_is_listed_by_the_command_line(site: Path) -> None:
    if importlib.util.find_spec("naslib_zc_plugin.cli") is None:
        pytest.skip("the command line is not part of this installation")
    done = run(sys.executable, "-m", "naslib_zc_plugin", "proxies", path=site, cwd=site)
    assert done.returncode == 0, done.stderr
    assert "my_proxy" in [line.split()[0] for line in done.stdout.splitlines() if line.split()]


def test_a_file_passes_the_conformance_suite(site: Path, tmp_path: Path) -> None:
    (tmp_path / "test_mine.py").write_text(SUITE, encoding="utf-8")
    done = run(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_mine.py", path=site, cwd=tmp_path)
    assert done.returncode == 0, done.stdout
    assert " passed" in done.stdout


def test_the_conformance_suite_fails_on_a_proxy_that_breaks_its_laws(tmp_path: Path) -> None:
    distribution(tmp_path, "my_proxy = mine:my_proxy")
    # It counts its calls, so that no value comes twice, and reads labels that it does not declare.
    broken = MINE.replace("-> float:", "-> float:\n    CALLS.append(1)\n    return float(len(CALLS))").replace(
        "Lower is better.", ""
    )
    (tmp_path / "mine.py").write_text(f"{broken}\nCALLS = []\n", encoding="utf-8")
    (tmp_path / "test_mine.py").write_text(SUITE, encoding="utf-8")
    path = Path(os.pathsep.join([str(tmp_path), str(PACKAGE.parent)]))
    command = "-m pytest -q -p no:cacheprovider test_mine.py -k".split()
    done = run(sys.executable, *command, "facts or conv_bn_relu", path=path, cwd=tmp_path)
    assert done.returncode == 1
    assert "test_facts_are_complete" in done.stdout
    assert "test_a_value_depends_on_the_seed_alone[conv_bn_relu]" in done.stdout


# Entry points --------------------


def distribution(folder: Path, *entries: str) -> None:
    """An installed distribution that registers proxies, as a package manager leaves it."""
    info = folder / "mine-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: mine\nVersion: 1.0\n", encoding="utf-8")
    (info / "entry_points.txt").write_text("\n".join(["[naslib_zc_plugin.proxies]", *entries]), encoding="utf-8")
    (folder / "mine.py").write_text(MINE, encoding="utf-8")


def with_entries(tmp_path: Path, code: str, *entries: str) -> subprocess.CompletedProcess[str]:
    """``code`` run where a distribution has registered ``entries``."""
    distribution(tmp_path, *entries)
    return run(
        sys.executable, "-c", code, path=Path(os.pathsep.join([str(tmp_path), str(PACKAGE.parent)])), cwd=tmp_path
    )


def test_an_entry_point_is_found_described_and_scored(tmp_path: Path) -> None:
    done = with_entries(tmp_path, SCORE, "my_proxy = mine:my_proxy")
    assert (done.returncode, done.stdout) == (0, "scored\n"), done.stderr


def test_two_proxies_of_one_name_are_refused(tmp_path: Path) -> None:
    done = with_entries(tmp_path, "import naslib_zc_plugin as zc; zc.proxies()", "naswot = mine:my_proxy")
    assert "ValueError: two proxies are called 'naswot'" in done.stderr
    assert "naslib_zc_plugin.proxies.naswot:naswot" in done.stderr
    assert "mine:my_proxy" in done.stderr


@pytest.mark.parametrize("target", ["mine:MISSING", "mine:Tensor", "mine:my_proxy"])
def test_an_entry_point_that_is_no_such_proxy_is_refused(tmp_path: Path, target: str) -> None:
    # Of the three the last is a proxy, but of another name.
    done = with_entries(tmp_path, "import naslib_zc_plugin as zc; zc.describe('other')", f"other = {target}")
    assert ("AttributeError" if "MISSING" in target else "TypeError: mine:") in done.stderr


def test_a_broken_entry_point_disturbs_no_other(tmp_path: Path) -> None:
    code = "import naslib_zc_plugin as zc; assert 'other' in zc.proxies(); print(zc.describe('naswot').name)"
    done = with_entries(tmp_path, code, "other = no_such_module:other")
    assert (done.returncode, done.stdout) == (0, "naswot\n"), done.stderr


# Names and options --------------------


def test_an_unknown_name_is_refused_with_the_closest() -> None:
    with pytest.raises(ValueError, match="no proxy is called 'naswott'; did you mean naswot"):
        zc.describe("naswott")
    with pytest.raises(ValueError, match="there are .*naswot"):
        zc.proxy("zzzzzzzz")


def test_an_unknown_option_is_refused_with_the_known() -> None:
    with pytest.raises(TypeError, match="synflow has no option 'norm'; its options: keep_norm"):
        zc.proxy("synflow", norm=True)
    with pytest.raises(TypeError, match="naswot has no option 'a', 'b'; its options: none"):
        zc.proxy("naswot", b=1, a=2)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("gradalign1", {"gram": "signs"}, "gram must be 'sign', 'cosine' or 'raw', not 'signs'"),
        ("ntk", {"dead": "zero"}, "dead must be"),
        ("epsilon", {"weights": (1.0,)}, "weights must be two numbers"),
        ("epsilon", {"zeros": "lose"}, "zeros must be"),
    ],
)
def test_a_wrong_value_of_an_option_is_refused(name: str, options: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        zc.proxy(name, **options)


def test_patterns_choose_names() -> None:
    assert zc.proxies("grad*") == ["grad_norm", "gradalign1", "gradalign2", "gradsign"]
    assert zc.proxies() == zc.proxies("*") == sorted(zc.proxies())
    assert zc.proxies("nothing*") == []
