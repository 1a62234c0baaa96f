"""Progress bars for work of more than a second, on terminals and in notebooks; durations and rates for log files."""

import contextlib
import contextvars
import sys
import warnings
from collections.abc import Iterator
from typing import TextIO

from aag_tf.utils.text import shown

with warnings.catch_warnings():
    warnings.filterwarnings("ignore", message="IProgress not found")  # a notebook without ipywidgets gets bars of text
    from tqdm.auto import tqdm

SECONDS_BETWEEN_LINES = 30.0  # between progress lines in a log file

# A context variable, since progress would otherwise be an argument of every function between a caller and a loop.
_shown = contextvars.ContextVar("progress bars are shown", default=True)


@contextlib.contextmanager
def no_progress() -> Iterator[None]:
    """Shows no progress inside the block, neither bars nor lines in a log; also works as a decorator."""
    before = _shown.set(False)
    try:
        yield
    finally:
        _shown.reset(before)


def progress_shown() -> bool:
    """Whether progress is shown: outside of `no_progress()`."""
    return _shown.get()


def shows_bars(stream: TextIO) -> bool:
    """Whether bars are to be shown on a stream: a terminal or a notebook, outside of `no_progress()`."""
    return progress_shown() and (stream.isatty() or _is_notebook(stream))


def progress_bar(name: str, total: int | None, unit: str) -> tqdm:
    """Returns a bar that clears itself; enter it with `with`, move it with `update`.

    Args:
        name: what the bar says.
        total: units of work; `None` shows no time left.
        unit: name of a unit of work.
    """
    disable = not shows_bars(sys.stderr)
    return tqdm(
        desc=shown(name), total=total, unit=unit, delay=1, leave=False, file=_target(sys.stderr), disable=disable
    )


def lasting_bar(name: str | None, total: int, unit: str, *, done: int, stream: TextIO) -> tqdm:
    """Returns a bar that stays on the screen when it is closed.

    Args:
        name: what the bar says.
        total: units of work.
        unit: name of a unit of work.
        done: units that were done before.
        stream: one that `shows_bars`.
    """
    desc = None if name is None else shown(name)
    return tqdm(desc=desc, total=total, initial=done, unit=unit, file=_target(stream), dynamic_ncols=True)


def time_left(seconds: float) -> str:
    """Formats a duration for a line in a log: `20 s left`, `7 min left`, `1:30 h left`."""
    if seconds < 59.5:
        return f"{max(1, round(seconds)):d} s left"
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours:d}:{minutes:02d} h left" if hours else f"{minutes:d} min left"


def rate(units: float, unit: str) -> str:
    """Formats units of work per second, such as `1,234 images/s` or `0.4 images/s`."""
    return f"{units:,.0f} {unit}/s" if units >= 9.95 else f"{units:.1f} {unit}/s"


def about(seconds: float) -> str:
    """Formats an estimated duration for people: `About 40 seconds`, `About 12 minutes`, `About 3.5 hours`."""
    if seconds < 90:
        return f"About {round(seconds):d} seconds"
    if seconds < 90 * 60:
        return f"About {round(seconds / 60):d} minutes"
    return f"About {seconds / 3600:.1f} hours" if seconds < 48 * 3600 else f"About {seconds / 86400:.1f} days"


@contextlib.contextmanager
def ignore_broken_output() -> Iterator[None]:
    """Ignores an `OSError` of printing progress: the work goes on where nobody can read it any more."""
    with contextlib.suppress(OSError):
        yield


def _is_notebook(stream: TextIO) -> bool:
    """Whether what is written to a stream appears below the cell of a notebook: Jupyter's, or Colab's."""
    return type(stream).__module__.startswith("ipykernel.")


def _target(stream: TextIO) -> TextIO:
    """Where a bar goes: in a notebook to stdout, since Jupyter puts stderr on red."""
    return sys.stdout if _is_notebook(stream) else stream
