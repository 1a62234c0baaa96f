"""A training that says on standard error which folders it lists; for a process of its own."""

import sys

from processes import aag_train


def train_and_say_what_is_listed(root: str, *flags: str) -> None:
    """Runs `aag-train`; prints `listed <folder>` whenever a folder at or below `root` is listed."""

    def note(event: str, arguments: tuple[object, ...]) -> None:
        if event == "os.scandir" and str(arguments[0]).startswith(root):
            print("listed", arguments[0], file=sys.stderr)

    sys.addaudithook(note)
    aag_train(*flags)
