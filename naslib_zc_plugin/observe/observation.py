"""The two words of this room: a setting is how the network is run, an observation is what is seen while it runs."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from naslib_zc_plugin.observe.batch import Batch
    from naslib_zc_plugin.observe.network import Network


logger = logging.getLogger(__name__)


class Undefined(Exception):
    """The quantity does not exist for this network and batch (no ReLU, a singular kernel …); the message says why."""


@dataclass(frozen=True)
class Outcome:
    """What came of one observation: a value or the error in its place, and the seconds of all that it needed."""

    value: Any
    error: Exception | None
    seconds: float

    def __post_init__(self) -> None:
        """Let go of the frames that the error came through: they hold the pass's tensors."""
        error: BaseException | None = self.error
        if error is not None and error.__traceback__ is not None:
            logger.debug("an observation failed", exc_info=error)
        while error is not None:
            error.__traceback__, error = None, error.__cause__ or error.__context__


@dataclass(frozen=True)
class Setting:
    """How the network is run. Settings are values: observations whose settings are equal share one pass.

    Attributes:
        runs: whether it is run at all; if not, nothing of it can change.
    """

    runs: ClassVar[bool] = True

    @property
    def draws(self) -> bool:
        """Whether the pass draws its own weights or inputs (then a repeat with another seed tells something new)."""
        return False

    def within(self, passes: Mapping[Setting, Sequence[Observation]]) -> Setting | None:
        """The setting of another pass in which the observations of this one may be made all the same."""
        return None

    def run(
        self, network: Network, batch: Batch, observations: Sequence[Observation], seed: int
    ) -> dict[Observation, Outcome]:
        """Run the network once for all ``observations`` (their settings equal this one) and read each.

        An error inside one observation is that observation's outcome; an error of the network is everyone's.
        """
        raise NotImplementedError


@dataclass(frozen=True)
class Observation:
    """What to see. Observations are values, too: equal ones are made once, whoever asks for them.

    Attributes:
        labels: whether the labels of the batch are needed.
        order: derivatives needed, 0 (outputs alone), 1 (gradients) or 2 (a product with the Hessian).
    """

    labels: ClassVar[bool] = False
    order: ClassVar[int] = 0

    @property
    def data(self) -> bool:
        """Whether the batch's values are looked at (its shape does not count)."""
        return True

    @property
    def under(self) -> Setting:
        """The setting to run in."""
        raise NotImplementedError
