"""`aag-train` in its parts, with time and memory after each; `startup.py` and `many_files.py` start it as a process.

    python benchmarks/startup_phases.py OUT FLAGS...

OUT receives a row a phase in JSON: its name, its seconds, and the resident memory at its end and at its peak in MiB.
"""

import contextlib
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil

STATUS, CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")
RESET_PEAK = "5"  # what Linux takes for it


class Marks:
    """The end of each phase; the first began when the process did."""

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []
        self._before = psutil.Process().create_time()

    def __call__(self, name: str) -> None:
        """Ends a phase; does nothing where one of this name has ended before."""
        now = time.time()
        if name not in {row["phase"] for row in self.rows}:
            memory = {"mib": round(_mib("VmRSS")), "peak_mib": round(_mib("VmHWM"))}
            self.rows.append({"phase": name, "seconds": round(now - self._before, 2), **memory})
            self._before = now
            with contextlib.suppress(OSError):  # not permitted: the peak is then that of all phases so far
                CLEAR.write_text(RESET_PEAK)

    def after(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """Returns a function that ends a phase when it returns."""

        def call(*args: Any, **kwargs: Any) -> Any:
            result = function(*args, **kwargs)
            self(name)
            return result

        return call


def _mib(field: str) -> float:
    line = next(line for line in STATUS.read_text().splitlines() if line.startswith(f"{field}:"))
    return int(line.split()[1]) / 1024


def run(mark: Marks, arguments: list[str]) -> None:
    """Trains as `aag-train` does with these arguments."""
    from aag_tf import flags, preflight
    from aag_tf.commands._app import start_tensorflow
    from aag_tf.config import TrainConfig
    from aag_tf.utils.once import handing_on

    config = flags.parse(["aag-train", *arguments], TrainConfig, usage="")
    mark("Python, flags")
    with handing_on():
        preflight.check(config)
        mark("checks before TensorFlow, listing files")
        with start_tensorflow():
            import keras

            from aag_tf.data.files.headers import read_headers
            from aag_tf.data.fingerprints import fingerprint
            from aag_tf.data.sources.opening import open_parts, open_source
            from aag_tf.distribute.devices import make_strategy
            from aag_tf.training import train
            from aag_tf.training.model_building import build_model
        mark("import TensorFlow and the rest")
        phases = {
            make_strategy: "devices",
            read_headers: "headers",
            open_parts: "images and labels",
            open_source: "splits",
            fingerprint: "fingerprint",
            build_model: "networks, optimizer",
        }
        timed = {function: mark.after(name, function) for function, name in phases.items()}
        for module in [module for name, module in sys.modules.items() if name.startswith("aag_tf.")]:
            for name, value in [*vars(module).items()]:
                if callable(value) and getattr(value, "__hash__", None) and value in timed:
                    setattr(module, name, timed[value])

        class Steps(keras.callbacks.Callback):
            def on_train_begin(self, logs: object = None) -> None:
                mark("run directory, flags and views to TensorBoard")

            def on_train_batch_end(self, batch: int, logs: object = None) -> None:
                mark(["tracing and first step", "second step"][min(batch, 1)])

        train(config, callbacks=[Steps()])


def main() -> None:
    mark = Marks()
    run(mark, sys.argv[2:])
    Path(sys.argv[1]).write_text(json.dumps(mark.rows))


if __name__ == "__main__":
    main()
