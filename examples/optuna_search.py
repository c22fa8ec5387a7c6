"""A study as in Optuna's example of PyTorch, with a proxy: layers, optimizer and learning rate, on handwritten digits.

    pip install 'naslib-zc-plugin[cli,optuna]'
    python examples/optuna_search.py

Everything but two lines is what a script for Optuna has anyhow: ``warm_up`` scores 100 networks that ``define_model``
makes and enqueues the best eight, ``ProxySampler`` goes on around TPE. The study is a file: the same command goes on
with it, also in several terminals at once.
"""

from __future__ import annotations

import argparse
from typing import Any

import optuna
import torch
from optuna.samplers import TPESampler
from sklearn.datasets import load_digits
from torch import nn

from naslib_zc_plugin.hosts.optuna import ProxySampler, agreement, warm_up

EPOCHS, TRAINING, SIZE = 4, 1200, 64


def data() -> tuple[torch.Tensor, torch.Tensor]:
    found = load_digits()
    images = torch.tensor(found.images / 16.0, dtype=torch.float32).unsqueeze(1)
    order = torch.randperm(len(images), generator=torch.Generator().manual_seed(0))
    return images[order], torch.tensor(found.target)[order]


X, Y = data()


def define_model(trial: Any) -> nn.Module:
    layers: list[nn.Module] = []
    width = 1
    for place in range(trial.suggest_int("n_layers", 1, 4)):
        channels = trial.suggest_int(f"channels_l{place}", 2, 32, log=True)
        kernel = trial.suggest_categorical(f"kernel_l{place}", [1, 3, 5])
        layers += [nn.Conv2d(width, channels, kernel, padding=kernel // 2), nn.BatchNorm2d(channels), nn.ReLU()]
        width = channels
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(4 * width, 10))


def objective(trial: Any) -> float:
    model = define_model(trial)
    rate = trial.suggest_float("lr", 1e-4, 1e-1, log=True)
    optimizer = getattr(torch.optim, trial.suggest_categorical("optimizer", ["Adam", "SGD"]))(
        model.parameters(), lr=rate
    )
    for epoch in range(EPOCHS):
        model.train()
        for place in range(0, TRAINING, SIZE):
            optimizer.zero_grad()
            batch = slice(place, min(place + SIZE, TRAINING))
            nn.functional.cross_entropy(model(X[batch]), Y[batch]).backward()
            optimizer.step()
        model.eval()
        with torch.no_grad():
            accuracy = (model(X[TRAINING:]).argmax(1) == Y[TRAINING:]).float().mean().item()
        trial.report(accuracy, epoch)
        if trial.should_prune():
            raise optuna.TrialPruned
    return accuracy


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--storage", default="sqlite:///optuna_search.db")
    parser.add_argument("--trials", type=int, default=20)
    options = parser.parse_args()
    torch.set_num_threads(1)  # networks so small are no faster with more
    batch = X[:SIZE], Y[:SIZE]
    sampler = ProxySampler(define_model, batch=batch, candidates=8, around=TPESampler(group=True), trust="auto")
    study = optuna.create_study(
        study_name="digits", direction="maximize", sampler=sampler, storage=options.storage, load_if_exists=True
    )
    warm_up(study, define_model, batch=batch, pool=100, evaluate=8)
    study.optimize(objective, n_trials=options.trials)

    print(f"best: {study.best_value:.3f} with {study.best_params}")
    print(f"Kendall's tau of proxy and results: {agreement(study, 'recommended')}")


if __name__ == "__main__":
    main()
