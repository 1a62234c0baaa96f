"""What a check finds out at length and later work needs again: found once inside a block, and then handed on."""

import contextlib
import contextvars
from collections.abc import Callable, Hashable, Iterator
from typing import Any, TypeVar

Found = TypeVar("Found")

# A context variable, since it would otherwise be an argument of everything between the check and the work.
_kept: contextvars.ContextVar[dict[Hashable, Any] | None] = contextvars.ContextVar("found once", default=None)


@contextlib.contextmanager
def handing_on() -> Iterator[None]:
    """Keeps inside the block what `look` finds, until `take` takes it; a block inside another is the same block."""
    if _kept.get() is not None:
        yield
        return
    before = _kept.set({})
    try:
        yield
    finally:
        _kept.reset(before)


def look(key: Hashable, find: Callable[[], Found]) -> Found:
    """Returns what is kept under a key, or else what `find` finds, which is kept from now on."""
    kept = _kept.get()
    if kept is None:
        return find()
    if key not in kept:
        kept[key] = find()
    return kept[key]


def take(key: Hashable) -> Any:
    """Returns what is kept under a key, and keeps it no longer; `None` where nothing is."""
    return (_kept.get() or {}).pop(key, None)
