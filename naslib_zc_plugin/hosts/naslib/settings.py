"""NASLib's configurations, with our predictors and optimizers by name.

NASLib's runner scripts keep mappings of the names that a configuration may use, and know no others. Here the same
configuration, in a file or read already, names any proxy as ``predictor`` and any strategy as ``optimizer``:

=====================  ===============================================================================================
``predictor``          a proxy, by our name or NASLib's (``nwot``)
``optimizer``          a strategy (``area``, …); or ``bananas``, ``npenas``: NASLib's own, with our proxies as features
``search.OPTION``      an option of the strategy (``pool``, ``preset``, …), as NASLib calls it where it has it
                       (``population_size``, ``sample_size``)
``search.proxy``       proxy of strategies that score: a name, or a mapping with ``name`` and the proxy's options
``search.zc_names``    the proxies that are features of ``bananas`` and ``npenas``
``images``             images for proxies: a source of :func:`naslib_zc_plugin.probes.probe`, such as an ``.npz`` file,
                       beside the configuration or in the data directory
``zc_preset``          published protocol that makes a batch of the images (:mod:`naslib_zc_plugin.protocols`)
``zc_batch_size``      images in the batch, without a protocol
=====================  ===============================================================================================

Everything else is read by NASLib, as it is.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Union

from fvcore.common.config import CfgNode
from naslib.optimizers.core.metaclasses import MetaOptimizer

from naslib_zc_plugin.configuration import located, mapping
from naslib_zc_plugin.hosts.naslib.guided import Bananas, Npenas
from naslib_zc_plugin.hosts.naslib.optimizers import Search, config_value, option_spellings
from naslib_zc_plugin.hosts.naslib.predictor import ZeroCostPredictor
from naslib_zc_plugin.strategies import list_strategies

ConfigSource = Union[str, Path, Mapping[str, Any]]
FEATURED: Mapping[str, type[MetaOptimizer]] = {"bananas": Bananas, "npenas": Npenas}
"""NASLib's optimizers that take proxies as features of a model."""


def configuration(source: ConfigSource, data: str | Path | None = None) -> CfgNode:
    """Return NASLib's configuration, with the additions of its scripts: ``search.seed``, and the folder ``save``.

    Args:
        source: a file in YAML; or a mapping, such as a ``CfgNode``, which stays as it is.
        data: the data directory, where ``images`` are looked for as well.

    Raises:
        DataError: the file is missing, or is no mapping in YAML.

    >>> from naslib_zc_plugin.hosts.naslib import configuration, optimizer_of  # doctest: +SKIP
    >>> optimizer_of(configuration("configs/naslib/area.yaml"))  # doctest: +SKIP
    """
    folder = Path.cwd() if isinstance(source, Mapping) else Path(source).parent
    plain = copy.deepcopy(dict(source)) if isinstance(source, Mapping) else mapping(Path(source))
    config = CfgNode(located(plain, folder, data))
    config.setdefault("seed", 0)
    config.setdefault("search", CfgNode())
    config.search.setdefault("seed", config.seed)
    config.search.setdefault("checkpoint_freq", 10)
    if "save" not in config:
        parts = [config.get(name) for name in ("out_dir", "search_space", "dataset", "optimizer", "predictor")]
        config.save = "/".join(str(part) for part in [*parts, config.seed] if part is not None)
    Path(config.save, "search").mkdir(parents=True, exist_ok=True)
    return config


def predictor_of(config: Any, **options: Any) -> ZeroCostPredictor:
    """Return the proxy that a configuration names as ``predictor``.

    Args:
        config: of NASLib.
        options: arguments of :class:`.predictor.ZeroCostPredictor`, which overrule the configuration.

    Raises:
        ValueError, TypeError: it names none or an unknown one, or an option is wrong.
    """
    name = config_value(config, "predictor")
    if name is None:
        raise ValueError("the configuration names no `predictor`, which is a proxy such as naswot")
    return ZeroCostPredictor(name, **{**_images(config), **options})


def optimizer_of(config: Any, zc_api: Any = None, **options: Any) -> MetaOptimizer:
    """Return the optimizer that a configuration names as ``optimizer``.

    Args:
        config: of NASLib.
        zc_api: scores that are known, for ``bananas`` and ``npenas`` (:func:`.suite.zc_api`).
        options: arguments of :class:`.optimizers.Search`, or of NASLib's class, which overrule the configuration.

    Raises:
        ValueError, TypeError: it names none or an unknown one, or an option is wrong; the message names the closest.
    """
    name = config_value(config, "optimizer")
    if name in FEATURED:
        return FEATURED[name](config, zc_api=zc_api, data=_images(config), **options)
    known = [*list_strategies(), *FEATURED]
    if name not in known:
        close = get_close_matches(str(name), known, n=1)
        hint = f"did you mean {close[0]!r}?" if close else f"there are {', '.join(known)}"
        raise ValueError(f"`optimizer` of the configuration is {name!r}; {hint}")
    _refuse_misspelt(config, name)
    proxy = config_value(config, "search.proxy")
    return Search(name, config, **{"proxy": proxy, "data": _images(config), **options})


def _images(config: Any) -> dict[str, Any]:
    """Return the arguments of a predictor about images, as far as the configuration has them."""
    names = {"images": "dataset", "zc_preset": "preset", "zc_batch_size": "batch_size"}
    found = {ours: config_value(config, theirs) for theirs, ours in names.items()}
    seed = config_value(config, "search.seed", 0)
    return {"seed": seed, **{name: value for name, value in found.items() if value is not None}}


def _refuse_misspelt(config: Any, strategy: str) -> None:
    """Refuse a setting that looks like an option of ours; NASLib's configurations hold much that others read."""
    held = config_value(config, "search", {})
    keys = list(held) if isinstance(held, Mapping) else list(vars(held))
    options = [*(each for names in option_spellings(strategy).values() for each in names), "proxy", "preset"]
    for key in keys:
        close = [] if key in options else get_close_matches(key, options, n=1, cutoff=0.85)
        if close:
            raise ValueError(f"`search.{key}` of the configuration: did you mean {close[0]!r}?")
