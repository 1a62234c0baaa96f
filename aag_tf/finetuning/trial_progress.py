"""How far a training is: a bar on terminals and in notebooks, elsewhere a line for each look at held-out images."""

import sys
import time
from collections.abc import Mapping
from typing import Self

from tqdm.auto import tqdm

from aag_tf.utils.log import logger
from aag_tf.utils.progress import lasting_bar, progress_shown, shows_bars, time_left


class TrialProgress:
    """Shows where a training stands; enter it with `with`.

    Args:
        title: of the training.
        total: its steps.
        done: steps that an earlier process did.
    """

    def __init__(self, title: str, total: int, done: int) -> None:
        self._title, self._total, self._first = title, total, done
        self._bar: tqdm | None = None
        self._warm: tuple[int, float] | None = None  # step and time of the first look, before which all was compiled

    def __enter__(self) -> Self:
        if shows_bars(sys.stderr):
            self._bar = lasting_bar(self._title, self._total, "step", done=self._first, stream=sys.stderr)
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.close()

    def update(self) -> None:
        """Counts a step."""
        if self._bar is not None:
            self._bar.update()

    def tell(self, record: Mapping[str, float]) -> None:
        """Shows the metrics of a look at held-out images."""
        found = [f"loss {record['cross_entropy']:.3f}"] if "cross_entropy" in record else []
        if "held_out_accuracy" in record:
            found.append(f"held-out accuracy {100 * record['held_out_accuracy']:.1f} %")
        if not found:
            return
        metrics = ", ".join(found)
        if self._bar is not None:
            self._bar.set_postfix_str(metrics)
            return
        step = int(record["step"])
        if progress_shown():
            logger.info(
                "%s, step %s of %s: %s%s", self._title, f"{step:,}", f"{self._total:,}", metrics, self._left(step)
            )

    def _left(self, step: int) -> str:
        if step <= self._first or step >= self._total:
            return ""
        if self._warm is None:
            self._warm = step, time.monotonic()
            return ""
        seconds = (time.monotonic() - self._warm[1]) / (step - self._warm[0]) * (self._total - step)
        return f", {time_left(seconds)}"
