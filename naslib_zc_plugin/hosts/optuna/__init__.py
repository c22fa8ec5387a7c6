"""Optuna as host: proxies choose what its studies train, where a ``build(trial)`` makes networks define-by-run.

``warm_up`` enqueues the best-scored of a pool, ``ProxySampler`` scores what Optuna's own samplers suggest and takes the
best, ``prune`` ends a trial before training, ``constrain`` ends one that is too large. ``proxy_score`` is a proxy as a
further objective, ``agreement`` tells how a proxy and the results agree; ``run_search`` runs a search of ours in a
study. Nothing of Optuna is imported before one of them is used.

What is known of a trial stands in its user attributes: ``zc_<proxy>``, the score, higher better, and ``zc_by``, who
chose it. What is made once for a study (the pool's scores, the random sample that scores are compared with) is a
reserved study beside it, whose name begins with that of the study: creating a name is atomic in every storage.

>>> from naslib_zc_plugin.hosts.optuna import ProxySampler, warm_up  # doctest: +SKIP
>>> study = optuna.create_study(direction="maximize", sampler=ProxySampler(build, batch=batch))  # doctest: +SKIP
>>> warm_up(study, build, batch=batch, pool=500, evaluate=20)  # doctest: +SKIP
20
"""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import Any

from naslib_zc_plugin.hosts._lazy import LazyFace

_FILES = {
    "constraints": "constrain",
    "pruning": "prune proxy_score",
    "sampler": "ProxySampler",
    "searches": "run_search",
    "trust": "agreement",
    "warming": "warm_up",
}
_HELP = "pip install 'naslib-zc-plugin[optuna]'"

if find_spec("optuna") is None:
    raise ImportError(f"Optuna as a host needs optuna, not installed: {_HELP}")


def _load(file: str) -> Any:
    try:
        import optuna
    except ImportError as error:
        raise ImportError(f"Optuna cannot be imported: {error}. Install it anew: {_HELP}") from error
    if not hasattr(optuna.Trial, "set_constraint"):
        raise ImportError(f"Optuna {optuna.__version__} is too old, a trial has no set_constraint: {_HELP}")
    return import_module(file)


_FACE = LazyFace(__name__, _FILES, _load)
__all__ = _FACE.names
__getattr__, __dir__ = _FACE.__getitem__, _FACE.__dir__
