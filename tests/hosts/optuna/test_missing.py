"""Without Optuna, or with an old one, the error says what to install."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec, module_from_spec
from types import ModuleType

import pytest

from tests.hosts.optuna.needs import needs

HOST = "naslib_zc_plugin.hosts.optuna"


def facade(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The host's package, executed anew."""
    monkeypatch.delitem(sys.modules, HOST, raising=False)
    spec = find_spec(HOST)
    assert spec is not None and spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_what_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(ImportError, match=r"Optuna as a host needs optuna, not installed: pip .*plugin\[optuna\]'"):
        facade(monkeypatch)


def test_what_is_old_or_broken_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    optuna = needs("optuna")
    host = facade(monkeypatch)
    with pytest.raises(AttributeError, match="has no attribute 'Nothing'"):
        host.Nothing  # noqa: B018
    for each in (optuna.Trial, optuna.trial.BaseTrial):  # as before 5.0
        monkeypatch.delattr(each, "set_constraint")
    with pytest.raises(ImportError, match="is too old, a trial has no set_constraint"):
        host.prune  # noqa: B018
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(ImportError, match="Optuna cannot be imported"):
        host.prune  # noqa: B018


def test_names_are_listed_before_anything_is_imported() -> None:
    needs("optuna")
    code = (
        "import sys\nfrom naslib_zc_plugin.hosts import list_hosts\nlist_hosts()\n"
        f"import {HOST} as host\nassert set(host.__all__) <= set(dir(host))\n"
        "assert not {'optuna', 'torch'} & set(sys.modules)\n"
        "for name in host.__all__:\n    assert getattr(host, name)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
