"""Evaluate an encoder by kNN, linear probes and more, beside raw pixels and the untrained encoder.

    aag-evaluate --run_dir=runs/demo
    aag-evaluate --run_dir=runs/demo --measures=all
    aag-evaluate --run_dir=runs/cifar10 --dataset=tfds:fashion_mnist
    aag-evaluate --keras_model=rival.keras --input_range=-1..1 --dataset=tfds:cifar10
    aag-evaluate --compare runs/demo runs/cifar10

Cost: seconds for the demo, minutes for 60 000 images on two CPU cores; much more with --measures=all.

Makes: evaluation.json and report.html in the run directory (or beside --output), and the same metrics as a table;
comparison.html with --compare.
"""

from collections.abc import Sequence

from aag_tf import flags, preflight
from aag_tf.commands._app import run_command, start_tensorflow, tell
from aag_tf.config import EvaluateConfig
from aag_tf.utils.stores import named


def main(argv: Sequence[str]) -> int:
    """Builds the config, so that every bad value is an error before TensorFlow starts; evaluates, prints and draws."""
    config = flags.parse(argv, EvaluateConfig, usage=__doc__ or "")
    preflight.check(config)
    with start_tensorflow():
        from aag_tf import evaluation, report
    if config.compare is not None:
        page = report.comparison_path(config)
        comparison = evaluation.compare(config.compared)
        report.write_comparison(comparison, page)
        tell(comparison, "", f"In pictures: {named(page)}")
        return 0
    if config.dry_run:
        tell(evaluation.plan(config), "", "Nothing was evaluated and nothing was written (--dry_run).")
        return 0
    drawn = report.report_path(config)
    result = evaluation.evaluate(config)
    if drawn is not None:
        report.write_report(result, drawn)
    tell(result)
    if result.path is not None:
        tell("", f"Every metric and setting: {named(result.path)}")
    if drawn is not None:
        tell(f"In pictures: {named(drawn)}")
    return 0


def run() -> None:
    """Entry point of the console script `aag-evaluate`."""
    run_command("aag-evaluate", main, when_stopped="an earlier evaluation is untouched; the same command starts again")


if __name__ == "__main__":
    run()
