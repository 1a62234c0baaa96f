"""Removes from TensorBoard's event files the events that a resumed run is going to repeat."""

from pathlib import Path

import tensorflow as tf


def drop_events_after(step: int, directory: Path) -> None:
    """Rewrites the event files in a directory without events of later steps, or deletes them all for step 0.

    A file whose end a killed process left unfinished is cut there.

    Args:
        step: the last step that is kept.
        directory: need not exist.
    """
    for path in sorted(directory.glob("*tfevents*")):
        if step == 0:
            path.unlink()
            continue
        kept = directory / "events.kept"  # a name that TensorBoard ignores, and --overwrite deletes
        with tf.io.TFRecordWriter(str(kept)) as writer:
            try:
                for record in tf.data.TFRecordDataset(str(path)):
                    if tf.compat.v1.Event.FromString(record.numpy()).step <= step:
                        writer.write(record.numpy())
            except tf.errors.DataLossError:
                pass
        kept.replace(path)
