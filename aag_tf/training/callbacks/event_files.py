"""Event files of TensorBoard: their order, and those events that a resumed run is going to repeat."""

import re
from collections.abc import Sequence
from pathlib import Path

import tensorflow as tf

from aag_tf.utils.atomic import naming


def event_files(directory: Path) -> list[Path]:
    """Returns the event files in a directory, which need not exist."""
    return sorted(directory.glob("*tfevents*"))


def put_behind(path: Path, others: Sequence[Path]) -> Path:
    """Renames an event file where TensorBoard, which reads files by their names, would read it before earlier ones.

    The name begins with the time, which goes back where a clock was set back, or where a run goes on on a machine whose
    clock is behind. A file that is being written may be renamed.

    Args:
        path: the file.
        others: the earlier ones.

    Returns:
        Its path.
    """
    last = max((other.name for other in others), default="")
    time, own = (re.match(r"(.*tfevents\.)(\d+)(.*)", name) for name in (last, path.name))
    if path.name > last or time is None or own is None:
        return path
    return path.rename(path.with_name(f"{own[1]}{int(time[2]) + 1:010d}{own[3]}"))


def drop_events_after(step: int, directory: Path) -> None:
    """Rewrites the event files in a directory without events of later steps, or deletes them all for step 0.

    A file whose end a killed process left unfinished is cut there.

    Args:
        step: the last step that is kept.
        directory: need not exist.
    """
    for path in event_files(directory):
        if step == 0:
            path.unlink()
            continue
        kept = directory / "events.kept"  # a name that TensorBoard ignores, and --overwrite deletes
        with naming(path), tf.io.TFRecordWriter(str(kept)) as writer:
            try:
                for record in tf.data.TFRecordDataset(str(path)):
                    if tf.compat.v1.Event.FromString(record.numpy()).step <= step:
                        writer.write(record.numpy())
            except tf.errors.DataLossError:
                pass
        kept.replace(path)
