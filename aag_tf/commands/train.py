"""Train an encoder on images without labels.

    aag-train --recipe=demo
    aag-train --dataset=folder:my_images --image_size=64 --run_dir=runs/mine
    aag-train --dataset=folder:my_images --dry_run

Cost: under two minutes on two CPU cores for the demo; a recipe's first lines say what the others take.

Makes: a run directory with flags.txt, run.json, metrics.jsonl, checkpoints/ and TensorBoard's event files.

Ctrl-C (exit code 130), SIGTERM (143) and the end of its terminal (129) leave a checkpoint; the same command with
--resume goes on from it.
"""

import signal
from collections.abc import Sequence

from aag_tf import flags, preflight
from aag_tf.commands._app import exit_code_of, run_command, say, start_tensorflow, tell
from aag_tf.config import TrainConfig


def main(argv: Sequence[str]) -> int:
    """Builds the config, which rejects bad values before TensorFlow starts, and trains."""
    config = flags.parse(argv, TrainConfig, usage=__doc__ or "")
    preflight.check(config)
    with start_tensorflow():
        from aag_tf.training import plan, train
    if config.run.dry_run:
        tell(plan(config), "", "Nothing was trained and nothing was written (--dry_run).")
        return 0
    result = train(config)
    code = 0 if result.complete else exit_code_of(result.stopped_by or signal.SIGINT)
    if not result.is_chief:
        return code  # the chief prints for all
    if not result.complete:
        say(f"aag-train: stopped at step {result.step} of {result.total_steps}; a checkpoint is in {result.run_dir}.")
        say(f"Go on from it with: {result.resume_command}")
        return code
    tell(f"Trained for {result.step} steps; the run is in {result.run_dir}.")
    if result.evaluate_command is not None:
        tell(f"Evaluate it with: {result.evaluate_command}")
    else:
        tell("No image was held out to evaluate on (--validation_fraction).")
        tell(f"Export it with: {result.export_command}")
    return code


def run() -> None:
    """Entry point of the console script `aag-train`."""
    run_command("aag-train", main, when_stopped="a run that has a checkpoint goes on with --resume")


if __name__ == "__main__":
    run()
