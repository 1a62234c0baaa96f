"""The one place where this package writes to terminals and logs, so that text of others does no harm there.

Names of files, classes and metrics come from others. A control character in one would move the cursor and rewrite what
was printed before, a direction mark would turn the text around it, and a line break would make what follows look like a
line of this package. All are escaped. What has several lines is an object, such as `aag_tf.utils.text.Lines`.
"""

import sys
import traceback
import warnings
from types import TracebackType
from typing import Any, TextIO

from aag_tf.utils.text import Lines, shown


def printed(message: object) -> str:
    """Returns a message as it may be printed: a text on one line, any other object in the lines of its `__str__`."""
    return shown(message) if isinstance(message, str) else str(_lines(str(message)))


def write(message: object, stream: TextIO | None = None) -> None:
    """Prints a message to a stream; by default to what `sys.stderr` is at the time.

    Raises:
        OSError: nobody reads the stream.
    """
    print(printed(message), file=stream or sys.stderr, flush=True)


def escape_what_python_prints() -> None:
    """Lets warnings and tracebacks of this process, which may have names of others in them, go through `write` too."""
    sys.excepthook = _print_traceback
    warnings.showwarning = _print_warning  # type: ignore[assignment]  # takes the same


def _print_traceback(kind: type[BaseException], error: BaseException, place: TracebackType | None) -> None:
    write(_lines("".join(traceback.format_exception(kind, error, place))))


def _print_warning(message: Warning | str, category: type[Warning], *place: Any) -> None:
    filename, line_number, stream, line = (*place, None, None)[:4]
    write(_lines(warnings.formatwarning(str(message), category, filename, line_number, line)), stream)


def _lines(text: str) -> Lines:
    return Lines(*text.rstrip("\n").split("\n"))
