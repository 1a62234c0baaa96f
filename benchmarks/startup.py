"""Time from the command to the first step, by phase, in a fresh process for each encoder.

python benchmarks/startup.py --json=startup.json      # about a minute on two CPU cores
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmark_tools import Row, argument_parser, table, write_json

FEW = ("--train_steps=2", "--knn_every_epochs=0", "--projector_images=0")
LAST = "second step"  # a phase that is shown and not counted: it needs nothing to start


def phases(flags: list[str], environment: dict[str, str] | None = None) -> list[Row]:
    """Starts a run of two steps in a process of its own; returns a row a phase.

    Args:
        flags: of the run, but for its directory.
        environment: of the process; this one's by default.
    """
    with tempfile.TemporaryDirectory() as directory:
        out, script = Path(directory) / "rows.json", Path(__file__).with_name("startup_phases.py")
        command = [sys.executable, script, out, f"--run_dir={directory}/run", *FEW, *flags]
        subprocess.run(command, check=True, stderr=subprocess.DEVNULL, env=environment)
        return json.loads(out.read_text())


def measure(encoder: str, flags: list[str]) -> list[Row]:
    return [{"encoder": encoder, **row} for row in phases([f"--encoder={encoder}", *flags])]


def results_table(rows: list[Row], column: str) -> str:
    """Returns a table of seconds: a row a phase, a column for each value of a field of the rows."""
    seconds = {(row[column], row["phase"]): row["seconds"] for row in rows}
    values, names = (list(dict.fromkeys(row[field] for row in rows)) for field in (column, "phase"))
    cells = [(name, *(seconds.get((value, name), "–") for value in values)) for name in names]
    sums = (sum(seconds.get((value, name), 0.0) for name in names if name != LAST) for value in values)
    total = ("**total until the end of the first step**", *(f"{each:.2f}" for each in sums))
    return table(["phase, seconds", *values], [*cells, total])


def main() -> None:
    parser = argument_parser(__doc__)
    parser.add_argument("--encoders", nargs="+", default=["tiny", "resnet18"])
    arguments, flags = parser.parse_known_args()
    rows = [row for encoder in arguments.encoders for row in measure(encoder, flags)]
    print(results_table(rows, "encoder"))
    write_json(arguments.json, rows)


if __name__ == "__main__":
    main()
