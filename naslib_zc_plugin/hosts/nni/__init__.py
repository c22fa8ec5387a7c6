"""NNI 3.0 as host: proxies as evaluators and profilers, our strategies in its experiments, its spaces as keys.

``ZeroCostEvaluator``, ``BenchmarkEvaluator``, ``TrainingEvaluator`` and ``ProxyProfiler`` go where NNI takes an
evaluator or a profiler; ``RandomSearch``, ``AgingEvolution``, ``Area``, ``WarmUp`` and ``Move`` where it takes a
strategy; ``domain`` makes any of its model spaces one that strategies search; ``run_search`` runs a search of ours in a
``NasExperiment``. Nothing of NNI is imported before one of them is used.

>>> from naslib_zc_plugin.hosts import nni  # doctest: +SKIP
>>> nni.key_of({"width": 3})  # doctest: +SKIP
'{"width":3}'
"""

from __future__ import annotations

import sys
import warnings
from importlib import import_module
from importlib.util import find_spec
from typing import Any

_FILES = {
    "domains": "SampleDomain domain",
    "evaluators": "BenchmarkEvaluator NoScore ProxyProfiler TrainingEvaluator ZeroCostEvaluator",
    "nasbench_nlp": "NasBenchNlp",
    "samples": "genotype_of key_of sample_of",
    "scoring": "Scorer",
    "strategies": "AgingEvolution Area Move RandomSearch Search WarmUp run_search",
    "tuner": "ProxyTuner TunerConfig register",
}
_PLACES = {name: file for file, names in _FILES.items() for name in names.split()}
__all__ = sorted(_PLACES)
_HELP = "pip install 'naslib-zc-plugin[nni]' (Python 3.10 or later, on x86-64)"

# NNI's evaluators import Lightning, whether it is used or not.
_missing = [name for name in ("nni", "pytorch_lightning") if find_spec(name) is None]
if _missing:
    raise ImportError(f"NNI as a host needs {' and '.join(_missing)}, not installed: {_HELP}")


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        with warnings.catch_warnings():
            # Newer versions of torch have names in torch.nn that NNI warns of.
            warnings.filterwarnings("ignore", "<class .* is found to be not a nn.Module", RuntimeWarning)
            module = import_module(f"{__name__}.{_PLACES[name]}")
    except ImportError as error:
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        raise ImportError(f"NNI cannot be imported in Python {version}: {error}. Install it anew: {_HELP}") from error
    except RuntimeError as error:
        if "operator torchvision::" not in str(error):
            raise
        advice = "uninstall it, or install the release that is built for this torch"
        raise ImportError(f"NNI imports torchvision, which has no working operators ({error}): {advice}") from error
    return getattr(module, name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
