"""Time from the command to the first step, by phase, in a fresh process for each encoder.

python benchmarks/startup.py --json=startup.json      # about a minute on two CPU cores
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmark_tools import Row, argument_parser, table, write_json

# The parts of the command in their own order, with a time stamp after each.
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
from aag_tf.data import open_source
from aag_tf.distribute.devices import make_strategy
from aag_tf.training import AAG, train
from aag_tf.training.model_building import build_model
mark("import the rest")
def after(name, function):
    def call(*args, **kwargs):
        result = function(*args, **kwargs)
        mark(name)
        return result
    return call
timed = {make_strategy: "devices", open_source: "images", build_model: "networks, optimizer"}
timed = {function: after(name, function) for function, name in timed.items()}
for module in [module for name, module in sys.modules.items() if name.startswith("aag_tf.")]:
    for name, value in [*vars(module).items()]:
        if callable(value) and getattr(value, "__hash__", None) and value in timed:
            setattr(module, name, timed[value])
class Marks(keras.callbacks.Callback):
    def on_train_begin(self, logs=None):
        mark("run directory, flags and views to TensorBoard")
    def on_train_batch_end(self, batch, logs=None):
        if batch < 2:
            mark(["tracing and first step", "second step"][batch])
fit = AAG.fit
AAG.fit = lambda model, *args, callbacks, **kwargs: fit(model, *args, callbacks=[*callbacks, Marks()], **kwargs)
train(config)
with open(sys.argv[1], "w") as file:
    json.dump([[name, now - before] for (_, before), (name, now) in zip(marks, marks[1:])], file)
"""


def measure(encoder: str, flags: list[str]) -> list[Row]:
    with tempfile.TemporaryDirectory() as directory:
        out = Path(directory) / "marks.json"
        run = [f"--run_dir={directory}/run", f"--encoder={encoder}", "--train_steps=2", "--knn_every_epochs=0"]
        command = [sys.executable, "-c", CHILD, str(out), *run, "--projector_images=0", *flags]
        subprocess.run(command, check=True, stderr=subprocess.DEVNULL)
        return [{"encoder": encoder, "phase": name, "seconds": round(s, 2)} for name, s in json.loads(out.read_text())]


def results_table(rows: list[Row], encoders: list[str]) -> str:
    seconds = {(row["encoder"], row["phase"]): row["seconds"] for row in rows}
    phases = list(dict.fromkeys(row["phase"] for row in rows))
    cells = [(phase, *(seconds[name, phase] for name in encoders)) for phase in phases]
    sums = (f"{sum(seconds[name, phase] for phase in phases[:-1]):.2f}" for name in encoders)
    return table(["phase, seconds", *encoders], [*cells, ("**total until the end of the first step**", *sums)])


def main() -> None:
    parser = argument_parser(__doc__)
    parser.add_argument("--encoders", nargs="+", default=["tiny", "resnet18"])
    arguments, flags = parser.parse_known_args()
    rows = [row for encoder in arguments.encoders for row in measure(encoder, flags)]
    print(results_table(rows, arguments.encoders))
    write_json(arguments.json, rows)


if __name__ == "__main__":
    main()
