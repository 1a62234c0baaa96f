"""Progress bars for long work: hidden if it takes under a second, if they are switched off, and in log files."""

import contextlib
import contextvars
from collections.abc import Iterator

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


def progress_bar(name: str, total: int | None, unit: str) -> tqdm:
    """Returns a bar that clears itself; enter it with `with`, move it with `update`.

    Args:
        name: what the bar says.
        total: units of work; `None` shows no time left.
        unit: name of a unit of work.
    """
    return tqdm(desc=name, total=total, unit=unit, delay=1, leave=False, disable=None if progress_shown() else True)


def time_left(seconds: float) -> str:
    """Formats a duration for a line in a log: hours and minutes, minutes, or seconds."""
    if seconds < 60:
        return f"{seconds:.0f} s left"
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours:d}:{minutes:02d} h left" if hours else f"{minutes:d} min left"


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
