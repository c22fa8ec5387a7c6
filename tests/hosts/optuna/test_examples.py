"""The examples with Optuna run: the one here, and a script as Optuna's own for PyTorch has it, with two lines more."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

from tests.examples import example
from tests.hosts.optuna.needs import needs

optuna = needs("optuna")
host = needs("naslib_zc_plugin.hosts.optuna")


def test_the_study(tmp_path: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("sklearn", reason="needs scikit-learn, the extra [cli]")
    search = example("optuna_search")
    monkeypatch.setattr(search, "TRAINING", 128)
    fewer = {"ProxySampler": {"candidates": 2, "sample": 4}, "warm_up": {"pool": 4, "evaluate": 2, "sample": 4}}
    for name, options in fewer.items():
        monkeypatch.setattr(search, name, _with(getattr(host, name), options))
    storage = f"sqlite:///{tmp_path / 'a.db'}"
    for trials in (2, 1):  # the second time it goes on, and warms nothing up
        monkeypatch.setattr("sys.argv", ["optuna_search.py", "--storage", storage, "--trials", str(trials)])
        search.main()
    assert "best: 0." in capsys.readouterr().out
    study = optuna.load_study(study_name="digits", storage=storage)
    by = [trial.user_attrs["zc_by"] for trial in study.trials]
    assert by == ["warm_up", "warm_up", "sampler"]


def _with(function: Callable[..., Any], options: dict[str, Any]) -> Callable[..., Any]:
    return lambda *given, **more: function(*given, **{**more, **options})


def test_optunas_example_of_pytorch_with_two_lines_more() -> None:
    """Layers of units with dropout, and log-probabilities, of images that are rows; what is reported may prune."""
    generator = torch.Generator().manual_seed(0)
    x, y = torch.randn(96, 16, generator=generator), torch.arange(96) % 4

    def define_model(trial: Any) -> nn.Module:
        layers: list[nn.Module] = []
        before = x.shape[1]
        for place in range(trial.suggest_int("n_layers", 1, 3)):
            units = trial.suggest_int(f"n_units_l{place}", 4, 32)
            rate = trial.suggest_float(f"dropout_l{place}", 0.2, 0.5)
            layers += [nn.Linear(before, units), nn.ReLU(), nn.Dropout(rate)]
            before = units
        return nn.Sequential(*layers, nn.Linear(before, 4), nn.LogSoftmax(dim=1))

    def objective(trial: Any) -> float:
        model = define_model(trial)
        optimizer = getattr(torch.optim, trial.suggest_categorical("optimizer", ["Adam", "RMSprop", "SGD"]))(
            model.parameters(), lr=trial.suggest_float("lr", 1e-5, 1e-1, log=True)
        )
        accuracy = 0.0
        for epoch in range(2):
            optimizer.zero_grad()
            nn.functional.nll_loss(model(x), y).backward()
            optimizer.step()
            accuracy = float((model(x).argmax(1) == y).float().mean())
            trial.report(accuracy, epoch)
            if trial.should_prune():
                raise optuna.TrialPruned
        return accuracy

    shared: dict[str, Any] = {"batch": (x[:32], y[:32]), "sample": 8}
    sampler = host.ProxySampler(define_model, candidates=3, **shared)
    study = optuna.create_study(direction="maximize", sampler=sampler)
    host.warm_up(study, define_model, pool=6, evaluate=2, **shared)
    study.optimize(objective, n_trials=4)
    assert [trial.user_attrs["zc_by"] for trial in study.trials] == 2 * ["warm_up"] + 2 * ["sampler"]
    assert all(trial.user_attrs["zc_recommended"] < 0 for trial in study.trials)
    assert {"lr", "optimizer"} < study.trials[0].params.keys()
