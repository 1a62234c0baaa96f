"""Time of one measurement of `EncoderMonitor`, and of `report.html` with each of its pictures.

    python benchmarks/pictures.py --run_dir=runs/cifar10 --json=pictures.json  # about four minutes on two CPU cores

Needs a trained run with its labeled data set. The run is first evaluated with its untrained encoder, as the report
needs.
"""

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmark_tools import Row, argument_parser, timed, write_json

from aag_tf import EncoderMonitor, EvaluateConfig, ProtocolConfig, StepRange, evaluate, load_run, write_report
from aag_tf.data import open_source
from aag_tf.report.confusion import confuse
from aag_tf.report.embedding_map import draw_maps
from aag_tf.report.gallery import choose_examples


def seconds(work: Callable[[], Any]) -> float:
    return round(timed(work)[1], 2)


def measure_monitor(run_dir: str) -> list[Row]:
    run = load_run(run_dir)
    source = open_source(run.record.config.data)
    assert source.validation is not None
    monitor = EncoderMonitor(run.encoder, source.train, source.validation, [], StepRange(0, 1, 1), every=1)
    record: dict[str, float] = {}
    rows = []
    for name in ("EncoderMonitor, first call", "EncoderMonitor, later calls"):
        rows.append({"what": name, "seconds": seconds(lambda: record.update(monitor.measure(0)))})
    values = {name: round(value, 4) for name, value in record.items() if not name.endswith("seconds")}
    return [*rows[:1], rows[1] | values]


def measure_report(run_dir: str, report: Path) -> list[Row]:
    protocol = ProtocolConfig(baselines="untrained")
    evaluation = evaluate(EvaluateConfig(run_dir=run_dir, protocol=protocol))
    print(evaluation, flush=True)
    rows = [{"what": "report.html, total", "seconds": seconds(lambda: write_report(evaluation, report))}]
    rows[0]["kB"] = report.stat().st_size // 1000
    for name, draw in (("confusion", confuse), ("gallery", choose_examples), ("maps", draw_maps)):
        rows.append({"what": f"included: {name}", "seconds": seconds(lambda draw=draw: draw(evaluation))})
    return rows


def main() -> None:
    parser = argument_parser(__doc__)
    parser.add_argument("--run_dir", required=True, help="a run that aag-train made")
    parser.add_argument("--report", help="where to keep the report")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        report = Path(arguments.report or Path(directory) / "report.html")
        rows = measure_monitor(arguments.run_dir)
        print(rows, flush=True)
        rows += measure_report(arguments.run_dir, report)
    for row in rows:
        print("  ".join(f"{name} {value}" for name, value in row.items()))
    write_json(arguments.json, rows)


if __name__ == "__main__":
    main()
