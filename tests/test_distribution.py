"""What others install: the sdist and the wheel are whole, and work where the checkout is not."""

from __future__ import annotations

import email
import os
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from email.message import Message
from pathlib import Path, PurePosixPath
from shutil import copyfile
from typing import NamedTuple

import pytest

from tests.conftest import REPOSITORY

pytest.importorskip("build", reason="needs build, of the extra [dev]")
pytest.importorskip("twine", reason="needs twine, of the extra [dev]")

NAME = "naslib_zc_plugin"
MADE = {"PKG-INFO", f"{NAME}.egg-info"}
"""What only an sdist has."""


class Built(NamedTuple):
    """What was built of the checkout, and the checkout's files."""

    sdist: Path
    wheel: Path
    files: set[str]


def run(*command: str | Path, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a command that must end well, without the checkout on its search path."""
    environment = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "COLUMNS")}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
    return done


def checkout() -> set[str]:
    """The files of the repository, or of the unpacked sdist that the tests run from."""
    if (REPOSITORY / ".git").exists():
        command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
        listed = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=True).stdout
        return {name for name in listed.split("\0") if name and (REPOSITORY / name).is_file()}
    names = {path.relative_to(REPOSITORY).as_posix() for path in REPOSITORY.rglob("*") if path.is_file()}
    return {name for name in names if name.split("/")[0] not in MADE and not name.endswith(".pyc")}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """Build the sdist of a copy of the checkout, and the wheel of the sdist."""
    tree, results, files = tmp_path_factory.mktemp("tree"), tmp_path_factory.mktemp("dist"), checkout()
    for name in files:
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        copyfile(REPOSITORY / name, tree / name)
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", results, ".", folder=tree)
    (sdist,), (wheel,) = results.glob("*.tar.gz"), results.glob("*.whl")
    return Built(sdist, wheel, files)


def test_the_sdist_is_the_repository(built: Built) -> None:
    with tarfile.open(built.sdist) as archive:
        names = {str(PurePosixPath(*PurePosixPath(each.name).parts[1:])) for each in archive if each.isfile()}
    assert {name for name in names if name.split("/")[0] not in MADE} == built.files


def test_the_wheel_is_the_package(built: Built) -> None:
    with zipfile.ZipFile(built.wheel) as archive:
        names = set(archive.namelist())
    information = built.wheel.name.partition("-py3")[0] + ".dist-info"
    assert {name for name in names if not name.startswith(f"{information}/")} == {
        name for name in built.files if name.startswith(f"{NAME}/")
    }
    assert {f"{information}/licenses/{name}" for name in ("LICENSE", "NOTICE")} <= names


def test_the_wheel_holds_a_benchmark_and_stays_small(built: Built) -> None:
    with zipfile.ZipFile(built.wheel) as archive:
        sizes = {info.filename: info.compress_size for info in archive.infolist()}
    assert 0 < sizes[f"{NAME}/embedded/nasbench201.npz"] <= 600_000
    assert built.wheel.stat().st_size <= 3_000_000


def metadata(built: Built) -> Message:
    with zipfile.ZipFile(built.wheel) as archive:
        (name,) = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
        return email.message_from_bytes(archive.read(name))


def test_its_metadata_are_what_registries_want(built: Built) -> None:
    run(sys.executable, "-m", "twine", "check", "--strict", built.sdist, built.wheel, folder=built.wheel.parent)
    found = metadata(built)
    classifiers = found.get_all("Classifier", [])
    # A licence is an expression, and then no classifier (PEP 639).
    assert found["License-Expression"] == "Apache-2.0" and found["License"] is None
    assert not any(each.startswith("License ::") for each in classifiers)
    assert found["Description-Content-Type"] == "text/markdown"
    titles = [each.split(", ")[0] for each in found.get_all("Project-URL", [])]
    assert sorted(titles) == ["Changelog", "Documentation", "Issues", "Source"]
    workflow = (REPOSITORY / ".github" / "workflows" / "checks.yml").read_text(encoding="utf-8")
    versions = [each.rpartition(" ")[2] for each in classifiers if "Python :: 3." in each]
    assert versions[0] == "3.9" and found["Requires-Python"] == ">=3.9"
    assert all(f'"{each}"' in workflow for each in versions), "a version is named that is not tested"


SMOKE = """
import sys
import torch
from torch import nn
import naslib_zc_plugin as zc
assert zc.__file__.startswith(sys.prefix), zc.__file__
net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 36, 10))
scores = zc.score(net, (torch.randn(8, 3, 8, 8), torch.arange(8)), ["naswot", "grad_norm", "zen", "params"])
assert scores["naswot"].status == scores["grad_norm"].status == "ok"
assert not [name for name, score in scores.items() if score.status == "failed"]
from naslib_zc_plugin.benchmarks import benchmark
assert max(benchmark("nasbench201").column("cifar10_test_200").values()) == 94.37
from naslib_zc_plugin.cli.quickstart import CONFIG
from naslib_zc_plugin.search.config import load_experiment
assert [search.label for search in load_experiment(CONFIG).searches]
from importlib.metadata import requires
from naslib_zc_plugin.cli import doctor
assert doctor.version_of(doctor.NAME)
assert {"cli", "tables", "plots", "dask", "nni", "optuna"} <= set(doctor.missing_of_extras(requires(doctor.NAME)))
"""


def test_it_works_without_the_checkout(built: Built, tmp_path: Path) -> None:
    """Installed into an environment of its own, which borrows the packages that it needs from this one.

    The wheel is built of the sdist, as pip would build it.
    """
    home = tmp_path / "venv"
    venv.create(home, with_pip=False)
    scripts = home / ("Scripts" if os.name == "nt" else "bin")
    own = sysconfig.get_path("purelib", vars={"base": str(home), "platbase": str(home)})
    borrowed = dict.fromkeys(sysconfig.get_path(name) for name in ("purelib", "platlib"))
    (Path(own) / "borrowed.pth").write_text("\n".join(borrowed), encoding="utf-8")
    install = [sys.executable, "-m", "pip", "--python", scripts / "python", "install", "--quiet", "--no-index"]
    run(*install, "--no-deps", "--no-build-isolation", built.wheel, folder=tmp_path)

    run(scripts / "python", "-c", SMOKE, folder=tmp_path)
    assert "naswot" in run(scripts / "nas-zc", "proxies", "--names", folder=tmp_path).stdout.splitlines()
