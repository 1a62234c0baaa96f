"""Tries work on many files in threads: what fails is kept with its error, and the rest goes on."""

import multiprocessing.pool
import os
import warnings
from collections.abc import Callable, Collection
from typing import TypeVar

from aag_tf.utils.progress import progress_bar

Item = TypeVar("Item")
Result = TypeVar("Result")

FILES_PER_TASK = 16


def try_all(
    work: Callable[[Item], Result],
    items: Collection[Item],
    doing: str,
    broken: dict[str, Exception],
    name_of: Callable[[Item], str] = str,
) -> list[Result | None]:
    """Calls `work(item)` for every item in threads (decoders release the GIL); returns `None` where it fails."""

    def attempt(item: Item) -> Result | Exception:
        try:
            return work(item)
        except Exception as error:  # decoders raise many classes on broken files
            return without_frames(error)

    # Decoders warn of odd metadata in files that they can read: one warning for each would hide everything else.
    with warnings.catch_warnings(), multiprocessing.pool.ThreadPool(os.cpu_count()) as pool:
        quiet_decoders()
        outcomes = []
        with progress_bar(f"{doing} images", len(items), "file") as bar:
            for outcome in pool.imap(attempt, items, chunksize=FILES_PER_TASK):
                outcomes.append(outcome)
                bar.update()
        pool.close()
        pool.join()  # leaving the block would not wait for the threads to end
    for item, outcome in zip(items, outcomes, strict=True):
        if isinstance(outcome, Exception):
            broken[name_of(item)] = outcome
    return [None if isinstance(outcome, Exception) else outcome for outcome in outcomes]


def without_frames(error: Exception) -> Exception:
    """Drops the references to stack frames, which would keep the partly decoded pixels in memory."""
    error.__traceback__ = error.__context__ = error.__cause__ = None
    return error


def quiet_decoders() -> None:
    """Ignores what decoders warn of, inside `warnings.catch_warnings()`."""
    for module in ("PIL", "tifffile", "pydicom"):
        warnings.filterwarnings("ignore", module=rf"{module}\.")
