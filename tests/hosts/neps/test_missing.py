"""Without NePS the error says what to install; nothing is imported before it is used."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module, metadata
from typing import Any

import pytest

from tests.hosts.neps.needs import needs

HOST = "naslib_zc_plugin.hosts.neps"


def test_what_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    host = import_module(HOST)
    monkeypatch.setattr(host, "find_spec", lambda name: None)
    with pytest.raises(ImportError, match=r"needs NePS, not installed: pip install 'naslib-zc-plugin\[neps\]'"):
        host.WarmUp  # noqa: B018
    with pytest.raises(AttributeError, match="has no attribute 'Nothing'"):
        host.Nothing  # noqa: B018


def test_what_is_broken_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    needs("neps")
    host = import_module(HOST)

    def broken(name: str) -> Any:
        raise ImportError("no gpytorch")

    monkeypatch.setattr(host, "import_module", broken)
    with pytest.raises(ImportError, match="NePS cannot be imported in Python .*: no gpytorch.*naslib-zc-plugin.neps."):
        host.WarmUp  # noqa: B018


def test_names_are_listed_before_anything_is_imported() -> None:
    code = (
        f"import sys\nimport {HOST} as host\nassert set(host.__all__) <= set(dir(host))\n"
        "assert not {'neps', 'torch'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_doctor_knows_it() -> None:
    needs("neps")
    doctor = pytest.importorskip("naslib_zc_plugin.cli.doctor", reason="needs the extra [cli]", exc_type=ImportError)
    found = doctor.look("neps")
    assert (found.state, found.version) == ("ok", metadata.version("neural-pipeline-search"))
