"""From the command to the first step: where the seconds go, in a fresh process for each encoder.

python benchmarks/startup.py --json=startup.json      # about a minute on two CPU cores
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from rows import argument_parser, write_json

# The command's own parts in its own order, with a look at the clock between them.
CHILD = """
import json, sys, time, psutil
marks = [("", psutil.Process().create_time())]
mark = lambda name: marks.append((name, time.time()))
from aag_tf import flags
from aag_tf.config import TrainConfig
config = flags.parse(["aag-train", *sys.argv[2:]], TrainConfig, usage="")
mark("Python, flags")
import tensorflow, keras
mark("import TensorFlow and Keras")
from aag_tf import training
mark("import the rest")
make_strategy, build_callbacks = training.make_strategy, training.build_callbacks
open_source, build_model = training.open_source, training.build_model
def after(name, function):
    def call(*args, **kwargs):
        result = function(*args, **kwargs)
        mark(name)
        return result
    return call
training.make_strategy = after("devices", training.make_strategy)
training.open_source = after("images", training.open_source)
training.build_model = after("networks, optimizer", training.build_model)
class Marks(keras.callbacks.Callback):
    def on_train_begin(self, logs=None):
        mark("run directory, flags and views to TensorBoard")
    def on_train_batch_end(self, batch, logs=None):
        if batch < 2:
            mark(["tracing and first step", "second step"][batch])
training.build_callbacks = lambda *args, **kwargs: [*build_callbacks(*args, **kwargs), Marks()]
training.train(config)
with open(sys.argv[1], "w") as file:
    json.dump([[name, now - before] for (_, before), (name, now) in zip(marks, marks[1:])], file)
"""


def measure(encoder: str, flags: list[str]) -> list[dict[str, Any]]:
    with tempfile.TemporaryDirectory() as directory:
        out = Path(directory) / "marks.json"
        run = [f"--run_dir={directory}/run", f"--encoder={encoder}", "--train_steps=2", "--knn_every_epochs=0"]
        command = [sys.executable, "-c", CHILD, str(out), *run, "--projector_images=0", *flags]
        subprocess.run(command, check=True, stderr=subprocess.DEVNULL)
        return [{"encoder": encoder, "phase": name, "seconds": round(s, 2)} for name, s in json.loads(out.read_text())]


def table(rows: list[dict[str, Any]], encoders: list[str]) -> str:
    seconds = {(row["encoder"], row["phase"]): row["seconds"] for row in rows}
    phases = list(dict.fromkeys(row["phase"] for row in rows))
    lines = ["| phase, seconds | " + " | ".join(encoders) + " |", "| --- |" + " ---: |" * len(encoders)]
    lines += [f"| {phase} | " + " | ".join(str(seconds[name, phase]) for name in encoders) + " |" for phase in phases]
    until = phases[:-1]
    sums = [f"{sum(seconds[name, phase] for phase in until):.2f}" for name in encoders]
    return "\n".join([*lines, "| **until the first step is done** | " + " | ".join(sums) + " |"])


def main() -> None:
    parser = argument_parser(__doc__)
    parser.add_argument("--encoders", nargs="+", default=["tiny", "resnet18"])
    arguments, flags = parser.parse_known_args()
    rows = [row for encoder in arguments.encoders for row in measure(encoder, flags)]
    print(table(rows, arguments.encoders))
    write_json(arguments.json, rows)


if __name__ == "__main__":
    main()
