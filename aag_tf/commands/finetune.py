"""Make a classifier of an encoder and few labels: a linear probe, then the whole network from it.

    aag-finetune --init_from=runs/mine --dataset=folder:labeled --output=classifiers/mine
    aag-finetune --init_from=runs/mine --dataset=folder:labeled --output=classifiers/mine --dry_run
    aag-finetune --init_from=served/mine --dataset=csv:labels.csv --output=classifiers/mine --noscratch
    aag-finetune --init_from=encoder.keras --dataset=tfds:cifar10 --label_percent=1 --output=classifiers/few
    aag-finetune --recipe=finetune_fashion

Cost: six trainings of 500 steps or more by default, minutes to an hour on two CPU cores; it says how long after some
steps.

Makes: OUTPUT/classifier.keras and classifier.json, finetune.json (every metric), report.html, and trials/ with the
curves for TensorBoard.

Ctrl-C (exit code 130), SIGTERM (143) and kill -9 lose little; the same command with --resume goes on.
"""

from collections.abc import Sequence

from aag_tf import flags, preflight
from aag_tf.commands._app import run_command, start_tensorflow, tell
from aag_tf.config import FinetuneConfig


def main(argv: Sequence[str]) -> int:
    """Builds the config, which rejects bad values before TensorFlow starts, and fine-tunes."""
    config = flags.parse(argv, FinetuneConfig, usage=__doc__ or "")
    preflight.check(config)
    with start_tensorflow():
        from aag_tf import finetuning
    if config.dry_run:
        tell(finetuning.plan(config), "", "Nothing was trained and nothing was written (--dry_run).")
        return 0
    result = finetuning.finetune(config)
    tell(result, "", f"The classifier: {result.path / 'classifier.keras'}")
    tell(f"Every metric and setting: {result.path / 'finetune.json'}")
    if config.report:
        tell(f"In pictures: {result.path / 'report.html'}")
    tell(f"Export it with: {result.export_command}")
    return 0


def run() -> None:
    """Entry point of the console script `aag-finetune`."""
    run_command("aag-finetune", main, when_stopped="the same command with --resume goes on where it had begun to train")


if __name__ == "__main__":
    run()
