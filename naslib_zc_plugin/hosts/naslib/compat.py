"""NASLib Develop on today's Python: each break that is known, detected first, and repaired only if it is there.

:func:`repair` is asked for, and works in this process alone: nothing is written, NASLib's files stay as they are.
It may come before or after NASLib is imported; nothing of NASLib is imported by it. ::

    from naslib_zc_plugin.hosts.naslib import compat

    compat.repair()
    from naslib.defaults.trainer import Trainer

With older packages, where nothing is broken, it does nothing. Predictors of NASLib that are no zero-cost proxies are
not repaired: NASLib needs packages of their time for LCE-m, GPWL, SemiNAS and NAO.
"""

from __future__ import annotations

import collections
import collections.abc
import functools
import inspect
import sys
import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import find_spec
from types import ModuleType
from typing import Any, Callable, NoReturn

import numpy as np

__all__ = ["Repair", "advice", "lacking", "repair", "repairs"]

EXTRA = "pip install 'naslib-zc-plugin[naslib]'"
"""Installs the packages that NASLib imports, not NASLib itself."""
GET = (
    "git clone https://github.com/automl/NASLib and put the clone on PYTHONPATH (its setup.py refuses Python after "
    f"3.9); {EXTRA} brings the packages that it imports"
)
"""NASLib itself has no release that today's Python takes."""
NEEDED = "torch torchvision numpy scipy sklearn matplotlib networkx fvcore termcolor tqdm PIL".split()
"""Modules without which nothing of NASLib can be imported."""
CORNERS = (
    "ConfigSpace distutils emcee grakel lightgbm nasbench_pytorch ngboost pybnn pyro pytorch_msssim seaborn six "
    "skimage tensorwatch transforms3d turtle xgboost"
).split()
"""Modules that NASLib imports for one predictor, plot or search space each, two of them for nothing."""
_NAMES = {
    "PIL": "pillow", "distutils": "setuptools", "nasbench_pytorch": "nasbench-pytorch", "pyro": "pyro-ppl",
    "pytorch_msssim": "pytorch-msssim", "skimage": "scikit-image", "sklearn": "scikit-learn",
}  # fmt: skip
_BELOW = {"turtle": "_tkinter"}  # is there, and cannot be imported without this
_APPLIED: set[str] = set()
_KEPT: list[Any] = []  # a library takes its operators along when it goes


@dataclass(frozen=True)
class Repair:
    """A break of NASLib on newer Python or newer packages, and its repair.

    Attributes:
        name: argument of :func:`repair`.
        breaks: the fault of NASLib without it, and its cause.
        remedy: the effect of :attr:`apply`, in this process and nowhere else.
        detect: returns whether the cause is there, in this environment. Needs no NASLib.
        apply: does it, whether NASLib is imported already or not; a second time changes nothing.
    """

    name: str
    breaks: str
    remedy: str
    detect: Callable[[], bool]
    apply: Callable[[], None]

    @property
    def status(self) -> str:
        """``applied``, ``needed``, or ``not needed``."""
        if self.name in _APPLIED:
            return "applied"
        return "needed" if self.detect() else "not needed"


def repairs() -> list[Repair]:
    """Return all known repairs; :attr:`Repair.status` says whether each is needed here."""
    return list(_REPAIRS)


def repair(names: Iterable[str] | None = None) -> list[str]:
    """Apply the repairs that are needed here and not applied yet.

    Args:
        names: these alone; None: all.

    Returns:
        Names of those that were applied now, in the order of :func:`repairs`.

    Raises:
        ValueError: a name is unknown.
    """
    known = [each.name for each in _REPAIRS]
    wanted = known if names is None else list(names)
    unknown = [name for name in wanted if name not in known]
    if unknown:
        raise ValueError(f"no repair {', '.join(map(repr, unknown))}; there are {', '.join(known)}")
    done = []
    for each in _REPAIRS:
        if each.name in wanted and each.status == "needed":
            each.apply()
            _APPLIED.add(each.name)
            done.append(each.name)
    return done


def lacking() -> dict[str, str]:
    """Return the modules that NASLib imports and that are not installed → the command that installs each.

    >>> lacking()  # doctest: +SKIP
    {'pybnn': 'pip install pybnn'}
    """
    return {module: command(module) for module in missing([*NEEDED, *CORNERS])}


def missing(modules: Iterable[str]) -> list[str]:
    """Return the modules that cannot be found; none is imported."""
    return [module for module in modules if find_spec(_BELOW.get(module, module)) is None]


def command(module: str) -> str:
    """Return the command that installs a module. torchvision's release has to be the one for torch."""
    if module == "turtle":
        return "apt-get install python3-tk"
    if module != "torchvision":
        return f"pip install {_NAMES.get(module, module)}"
    from importlib.metadata import PackageNotFoundError, version

    try:
        major, minor = version("torch").split(".")[:2]
    except PackageNotFoundError:
        major, minor = "", ""
    matching = f"==0.{int(minor) + 15}.*" if major == "2" else ">=0.15"
    return f"pip install --no-deps 'torchvision{matching}'"


def advice(error: Exception) -> str:
    """Return why NASLib could not be imported, and what to install or to repair.

    Args:
        error: raised by its import.
    """
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    if missing(["naslib"]):
        return f"NASLib as a host needs naslib, not found: {GET}"
    absent = missing(NEEDED)
    name = (getattr(error, "name", None) or "").partition(".")[0]
    if isinstance(error, ModuleNotFoundError) and name not in (*absent, "naslib", "naslib_zc_plugin"):
        absent.append(name)
    if absent:
        alone = f" (or {command(absent[0])})" if len(absent) == 1 else ""
        return f"NASLib imports {', '.join(absent)}, not installed: {EXTRA}{alone}"
    needed = ", ".join(each.name for each in _REPAIRS if each.status == "needed")
    if needed:
        call = "naslib_zc_plugin.hosts.naslib.compat.repair()"
        return f"NASLib cannot be imported in Python {version}: {error}. First call {call}, which repairs {needed}"
    return f"NASLib cannot be imported in Python {version}: {error}; `nas-zc doctor` tells what else is wrong"


class ImportHook(MetaPathFinder, Loader):
    """Changes modules of NASLib right after they are executed, and stands in for packages that they hardly use.

    Args:
        root: package whose modules are watched.

    Attributes:
        absent: top-level names that are importable, as empty modules, while a module of ``root`` is executed and by
            modules of ``root`` alone.
    """

    def __init__(self, root: str = "naslib") -> None:
        self.absent: frozenset[str] = frozenset()
        self._root, self._executing = root, 0
        self._changes: dict[str, list[Callable[[ModuleType], None]]] = {}

    def install(self) -> None:
        """Put the hook first among Python's finders, once."""
        if self not in sys.meta_path:
            sys.meta_path.insert(0, self)

    def change(self, name: str, change: Callable[[ModuleType], None]) -> None:
        """Apply ``change`` to a module once it is imported, or now if it is."""
        if name in sys.modules:
            change(sys.modules[name])
        self._changes.setdefault(name, []).append(change)
        self.install()

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Find an absent package for a module of ``root``, and modules of ``root`` where Python would."""
        top = fullname.partition(".")[0]
        if self._executing and top in self.absent and _importer().partition(".")[0] == self._root:
            return ModuleSpec(fullname, self, is_package=True)
        spec = PathFinder.find_spec(fullname, path, target) if top == self._root else None
        if spec is not None and spec.loader is not None:
            spec.loader.exec_module = functools.partial(self._execute, spec.loader.exec_module)  # type: ignore[method-assign]
        return spec

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """Return an empty module in place of an absent one."""
        return _Absent(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        """Leave an empty module empty."""

    def _execute(self, execute: Callable[[ModuleType], None], module: ModuleType) -> None:
        self._executing += 1
        try:
            execute(module)
        finally:
            self._executing -= 1
            if not self._executing:  # nobody else must find them
                for name in [name for name, found in sys.modules.items() if isinstance(found, _Absent)]:
                    del sys.modules[name]
        for change in self._changes.get(module.__name__, ()):
            change(module)


class _Absent(ModuleType):
    """A module whose every name is a class that cannot be made an object of."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        top = self.__name__.partition(".")[0]

        def refuse(*_: Any, **__: Any) -> NoReturn:
            raise ImportError(f"{self.__name__}.{name} is used, and {top} is not installed: {command(top)}")

        found = type(name, (), {"__new__": refuse})
        setattr(self, name, found)
        return found


def _importer() -> str:
    """Return the name of the module whose import statement is being executed."""
    frame = sys._getframe(1)
    while frame.f_back is not None and frame.f_globals.get("__name__", "") in (__name__, *_IMPORTLIB):
        frame = frame.f_back
    return str(frame.f_globals.get("__name__", ""))


_IMPORTLIB = ("importlib._bootstrap", "importlib._bootstrap_external", "importlib")
_HOOK = ImportHook()


def overlay(modules: Iterable[str], library: str, hook: ImportHook = _HOOK, **names: Any) -> None:
    """Give the global ``library`` of some modules other ``names``, now or when they are imported.

    The modules get a copy of the library: nobody else sees the names.
    """

    def change(module: ModuleType) -> None:
        below = getattr(module, library)
        copy = ModuleType(below.__name__, below.__doc__)
        copy.__dict__.update({**vars(below), **names})
        setattr(module, library, copy)

    for name in modules:
        hook.change(name, change)


def plain_scalars(value: Any) -> Any:
    """Return the value with NumPy's scalars as Python's, also inside tuples and lists."""
    if isinstance(value, (tuple, list)):
        return type(value)(map(plain_scalars, value))
    return value.item() if isinstance(value, np.generic) else value


def sum_any(values: Any, *arguments: Any, **options: Any) -> Any:
    """Return ``np.sum``; of a generator the sum of its items."""
    return sum(values) if isinstance(values, Iterator) else np.sum(values, *arguments, **options)


def squared_error(y_true: Any, y_pred: Any, *, squared: bool = True, **options: Any) -> Any:
    """Return scikit-learn's mean squared error; its root where ``squared`` is false."""
    from sklearn.metrics import mean_squared_error, root_mean_squared_error

    return (mean_squared_error if squared else root_mean_squared_error)(y_true, y_pred, **options)


def _set_iterable() -> None:
    collections.Iterable = collections.abc.Iterable  # type: ignore[attr-defined]


def _let_absent() -> None:
    _HOOK.absent = frozenset(missing(CORNERS))
    _HOOK.install()


def _operators_fail() -> bool:
    if "torchvision" in sys.modules or find_spec("torchvision") is None:
        return False
    try:
        import_module("torchvision")
    except RuntimeError as error:
        return "operator torchvision::" in str(error)
    return False


def _declare_operators() -> None:
    import torch

    library = torch.library.Library("torchvision", "FRAGMENT")
    for name in ("nms", "qnms"):
        if not hasattr(torch.ops.torchvision, name):
            library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    _KEPT.append(library)


def _sum_refuses_generators() -> bool:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            np.sum(number for number in (1,))  # type: ignore[call-overload]
    except TypeError:
        return True
    return False


def _squared_is_gone() -> bool:
    if find_spec("sklearn") is None:
        return False
    from sklearn.metrics import mean_squared_error

    return "squared" not in inspect.signature(mean_squared_error).parameters


def _plain_hashes(module: ModuleType) -> None:
    """Let ``get_hash`` of a module's graphs return Python's own numbers."""

    def plain(method: Callable[[Any], Any]) -> Callable[[Any], Any]:
        return functools.wraps(method)(lambda self: plain_scalars(method(self)))

    for found in vars(module).values():
        if isinstance(found, type) and found.__module__ == module.__name__ and "get_hash" in vars(found):
            found.get_hash = plain(found.get_hash)  # type: ignore[attr-defined]


def _make_hashes_plain() -> None:
    for space in "nasbench101 nasbench201 nasbench301 nasbenchasr nasbenchnlp natsbenchsize transbench101".split():
        _HOOK.change(f"naslib.search_spaces.{space}.graph", _plain_hashes)


_SQUARED = ("naslib.utils", "naslib.utils.zerocost", "naslib.defaults.predictor_evaluator")
_REPAIRS = (
    Repair(
        "collections", "Python 3.10 removed collections.Iterable: `import naslib.predictors` fails",
        "collections.Iterable is collections.abc.Iterable again",
        lambda: not hasattr(collections, "Iterable"), _set_iterable,
    ),
    Repair(
        "missing-packages", "NASLib imports packages for one predictor, plot or search space each (two of them for "
        "nothing): without any of them `import naslib.predictors` or `import naslib.optimizers` fails",
        "those that are missing are left out where NASLib imports them; their users say what to install",
        lambda: bool(missing(CORNERS)), _let_absent,
    ),
    Repair(
        "torchvision-operators", "torchvision cannot load its compiled operators (built for another torch, or for "
        "CUDA): `import torchvision` fails, and with it all of NASLib",
        "nms and qnms are declared, so that the import goes through; calling them still fails. NASLib does not",
        _operators_fail, _declare_operators,
    ),
    Repair(
        "numpy-sum", "NumPy 2.4 sums no generator: naslib.utils.count_parameters_in_MB fails, and with it Trainer(...) "
        "for every optimizer but RandomSearch",
        "`np.sum` inside naslib.utils takes one",
        _sum_refuses_generators, functools.partial(overlay, ("naslib.utils",), "np", sum=sum_any),
    ),
    Repair(
        "numpy-hashes", "NumPy 2 writes np.int64(4) for 4: the text of the hash of a sampled or mutated graph is no "
        "key of zc_api, and the lookup misses silently",
        "get_hash() of NASLib's graphs gives Python's own numbers",
        lambda: repr(np.int64(4)) != "4", _make_hashes_plain,
    ),
    Repair(
        "sklearn-squared", "scikit-learn 1.6 removed mean_squared_error(squared=): every metric of "
        "naslib.utils.compute_scores and PredictorEvaluator is NaN, silently",
        "`metrics.mean_squared_error` inside NASLib's three modules takes it",
        _squared_is_gone, functools.partial(overlay, _SQUARED, "metrics", mean_squared_error=squared_error),
    ),
)  # fmt: skip
