"""The progress bar of long work: silent where it takes under a second, where it is not wanted, and in log files."""

import contextlib
from collections.abc import Iterator

from tqdm.auto import tqdm

SECONDS_BETWEEN_LINES = 30.0  # where nobody watches a terminal: in a log file a line now and then is enough


def progress_bar(name: str, total: int | None, unit: str, *, wanted: bool = True) -> tqdm:
    """A bar that clears itself; to be entered with `with`, and moved with `update`; no total, no time left."""
    return tqdm(desc=name, total=total, unit=unit, delay=1, leave=False, disable=None if wanted else True)


def time_left(seconds: float) -> str:
    """How a line in a log says it, in hours and minutes; of the last hour in minutes alone."""
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours:d}:{minutes:02d} h left" if hours else f"{minutes:d} min left"


@contextlib.contextmanager
def watched_or_not() -> Iterator[None]:
    """Around what shows how far work is: where its terminal or the reader of its log has gone, the work goes on."""
    with contextlib.suppress(OSError):
        yield
