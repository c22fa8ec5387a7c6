"""What NASLib imports: which of it everything needs, which of it only a corner, and how it is installed."""

from __future__ import annotations

from importlib.util import find_spec

NEEDED = "torch torchvision numpy scipy sklearn matplotlib networkx fvcore termcolor tqdm PIL".split()
"""What all of NASLib needs (modules that can be imported)."""

CORNERS = {
    "naslib.optimizers.oneshot.gsparsity.optimizer": ("distutils", "turtle"),
    "naslib.predictors.bnn.bayesian_linear_reg": ("pybnn",),
    "naslib.predictors.bnn.bohamiann": ("pybnn",),
    "naslib.predictors.bnn.dngo": ("pybnn",),
    "naslib.predictors.gp.gp": ("pyro",),
    "naslib.predictors.gp.gp_base": ("pyro",),
    "naslib.predictors.gp.gpwl": ("grakel",),
    "naslib.predictors.gp.gpwl_utils.vertex_histogram": ("grakel", "six"),
    "naslib.predictors.gp.gpwl_utils.wl_kernel": ("grakel", "six"),
    "naslib.predictors.gp.sparse_gp": ("pyro",),
    "naslib.predictors.gp.var_sparse_gp": ("pyro",),
    "naslib.predictors.lce_m.learning_curves": ("emcee",),
    "naslib.predictors.omni_ngb": ("ngboost",),
    "naslib.predictors.trees.lgb": ("lightgbm",),
    "naslib.predictors.trees.ngb": ("ngboost",),
    "naslib.predictors.trees.xgb": ("xgboost",),
    "naslib.predictors.utils.pruners.measures.model_stats": ("tensorwatch",),
    "naslib.search_spaces.nasbench101.conversions": ("nasbench_pytorch",),
    "naslib.search_spaces.nasbench301.graph": ("ConfigSpace",),
    "naslib.utils": ("pytorch_msssim",),
    "naslib.utils.load_ops": ("skimage", "transforms3d"),
    "naslib.utils.taskonomy_dataset": ("skimage",),
    "naslib.utils.vis": ("seaborn",),
}
"""Modules of NASLib → what only they import, or need only for what they offer (or, the first, do not need at all)."""

_NAMES = {
    "PIL": "pillow",
    "distutils": "setuptools",
    "nasbench_pytorch": "nasbench-pytorch",
    "pyro": "pyro-ppl",
    "pytorch_msssim": "pytorch-msssim",
    "skimage": "scikit-image",
    "sklearn": "scikit-learn",
}
_BELOW = {"turtle": "_tkinter"}  # is there, and cannot be imported without this


def there(module: str) -> bool:
    """Whether a module can be found; it is not imported."""
    return find_spec(_BELOW.get(module, module)) is not None


def missing(modules: list[str]) -> list[str]:
    """Those that cannot be found."""
    return [module for module in modules if not there(module)]


def corners() -> list[str]:
    """All modules of :data:`CORNERS`, sorted."""
    return sorted({module for modules in CORNERS.values() for module in modules}, key=str.lower)


def command(module: str) -> str:
    """How the module is installed. torchvision's release has to be the one for torch."""
    if module == "turtle":
        return "apt-get install python3-tk"
    if module == "torchvision":
        return f"pip install --no-deps 'torchvision{_matching()}'"
    return f"pip install {_NAMES.get(module, module)}"


def _matching() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        major, minor = version("torch").split(".")[:2]
    except PackageNotFoundError:
        return ">=0.15"
    return f"==0.{int(minor) + 15}.*" if major == "2" else ">=0.15"
