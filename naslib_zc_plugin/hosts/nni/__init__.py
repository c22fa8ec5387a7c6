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

from naslib_zc_plugin.hosts._lazy import LazyFace

_FILES = {
    "domains": "SampleDomain domain",
    "evaluators": "BenchmarkEvaluator NoScore ProxyProfiler TrainingEvaluator ZeroCostEvaluator",
    "nasbench_nlp": "NasBenchNlp",
    "samples": "genotype_of key_of sample_of",
    "scoring": "Scorer",
    "strategies": "AgingEvolution Area Move RandomSearch Search WarmUp run_search",
    "tuner": "ProxyTuner TunerConfig register",
}
_HELP = "pip install 'naslib-zc-plugin[nni]' (Python 3.10 or later, on x86-64)"

# NNI's evaluators import Lightning, whether it is used or not.
_missing = [name for name in ("nni", "pytorch_lightning") if find_spec(name) is None]
if _missing:
    raise ImportError(f"NNI as a host needs {' and '.join(_missing)}, not installed: {_HELP}")


def _load(file: str) -> Any:
    try:
        with warnings.catch_warnings():
            # Newer versions of torch have names in torch.nn that NNI warns of.
            warnings.filterwarnings("ignore", "<class .* is found to be not a nn.Module", RuntimeWarning)
            return import_module(file)
    except ImportError as error:
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        raise ImportError(f"NNI cannot be imported in Python {version}: {error}. Install it anew: {_HELP}") from error
    except RuntimeError as error:
        if "operator torchvision::" not in str(error):
            raise
        advice = "uninstall it, or install the release that is built for this torch"
        raise ImportError(f"NNI imports torchvision, which has no working operators ({error}): {advice}") from error


_FACE = LazyFace(__name__, _FILES, _load)
__all__ = _FACE.names
__getattr__, __dir__ = _FACE.__getitem__, _FACE.__dir__
