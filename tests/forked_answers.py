"""Answers of exports for their verification, by processes that are forked from one that has imported TensorFlow.

`aag_tf.export.verify` starts a fresh process for every export, most of whose seconds are the import. Here one process
imports TensorFlow without Keras, and a copy of it runs the script for each export.
"""

import contextlib
import functools
import gc
import json
import os
import runpy
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Iterator
from typing import Any
from unittest import mock

SCRIPT = "fresh_process.py"
QUIET_CPU = {"CUDA_VISIBLE_DEVICES": "-1", "TF_CPP_MIN_LOG_LEVEL": "3"}

start = subprocess.run


@contextlib.contextmanager
def answering_by_forks() -> Iterator[None]:
    """Has the script of the verification run by forked processes; whatever else is started is started as ever."""

    def run(command: list[str], **options: Any) -> subprocess.CompletedProcess[str]:
        scripts = [number for number, part in enumerate(command) if str(part).endswith(SCRIPT)]
        if not scripts:
            return start(command, **options)
        server = _server()
        assert server.stdin is not None
        assert server.stdout is not None
        server.stdin.write(json.dumps(command[scripts[0] :]) + "\n")
        server.stdin.flush()
        code, said = json.loads(server.stdout.readline())
        return subprocess.CompletedProcess(command, code, "", said)

    try:
        with mock.patch.object(subprocess, "run", run):
            yield
    finally:
        if _server.cache_info().currsize:
            _server().communicate()  # without more to do it ends


@functools.cache
def _server() -> subprocess.Popen[str]:
    command = [sys.executable, "-P", __file__]
    environment = os.environ | QUIET_CPU
    return subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment
    )


def _serve() -> None:
    sys.modules["keras"] = None  # type: ignore[assignment] # as the script itself does before the import
    import tensorflow  # noqa: F401

    gc.freeze()
    for line in sys.stdin:
        with tempfile.TemporaryFile() as said:
            child = os.fork()
            if child == 0:
                os.dup2(said.fileno(), 1)
                os.dup2(said.fileno(), 2)
                os._exit(_run(json.loads(line)))
            _, status = os.waitpid(child, 0)
            said.seek(0)
            text = said.read().decode(errors="replace")
        print(json.dumps([os.waitstatus_to_exitcode(status), text]), flush=True)


def _run(arguments: list[str]) -> int:
    sys.argv = arguments
    try:
        runpy.run_path(arguments[0], run_name="__main__")
    except BaseException:
        traceback.print_exc()
        return 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
    return 0


if __name__ == "__main__":
    _serve()
