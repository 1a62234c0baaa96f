"""Disks that are full: refused before a run, and one sentence while it goes on."""

import errno
import os
import shutil
from types import SimpleNamespace

import pytest
import tensorflow as tf

from aag_tf.runs.checkpoints import CheckpointStore, check_space, report_disk_failures
from aag_tf.utils.errors import RunDirectoryError


@pytest.fixture
def store(tmp_path):
    found = CheckpointStore(tmp_path / "run" / "checkpoints")
    found.directory.parent.mkdir()
    found.write(7, lambda prefix: (tmp_path / "run" / "checkpoints" / ".unfinished-step-7" / "state.index").touch())
    return found


FAILURES = {
    "python": OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)),
    "tensorflow": tf.errors.ResourceExhaustedError(None, None, "a/b/state.data-00000: No space left on device"),
    "quota": tf.errors.UnknownError(None, None, "state.index; Disk quota exceeded"),
}


@pytest.mark.parametrize("failure", FAILURES.values(), ids=FAILURES)
def test_a_full_disk_is_one_sentence_that_names_what_is_left(store, failure):
    with pytest.raises(RunDirectoryError) as end, report_disk_failures(store):
        raise failure
    message = str(end.value)
    assert str(store.directory.parent) in message
    assert "the checkpoint of step 7 is intact" in message
    assert "--resume" in message
    assert "\n" not in message


def test_other_failures_of_tensorflow_are_left_as_they_are(store):
    memory = tf.errors.ResourceExhaustedError(None, None, "OOM when allocating tensor")
    with pytest.raises(tf.errors.ResourceExhaustedError), report_disk_failures(store):
        raise memory


def test_too_little_space_is_refused_with_what_is_needed(store, monkeypatch):
    free = 4 * 10**9 - store.bytes_held()  # what the store holds will be replaced, and counts as free
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=free))
    check_space(store, 10**9, keep=2)  # two newest, the best and the one being written fit exactly
    with pytest.raises(RunDirectoryError, match=r"4 GB free.* needs 5 GB .*3 newest.*--checkpoints_to_keep"):
        check_space(store, 10**9, keep=3)
