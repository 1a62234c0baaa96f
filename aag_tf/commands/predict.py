"""Classify a large collection of images with an exported classifier; a stopped run can be resumed.

    aag-predict --saved_model=served/classifier --input=my_images --output=predicted/mine
    aag-predict --saved_model=served/classifier --input=paths.txt --output=predicted/listed --resume

Cost: the classifier's own time; a progress bar says how much is left. Memory does not grow with the input.

Makes: OUTPUT/predictions.csv and OUTPUT/parquet/ (path, label, probability, second_label, margin, ok, error),
OUTPUT/uncertain.html with the least certain, and OUTPUT/predictions.json. Images that cannot be read do not
end the work; column `error` has the reason.
"""

from collections.abc import Sequence

from aag_tf import flags, preflight
from aag_tf.commands._app import run_command, start_tensorflow, tell
from aag_tf.config import PredictConfig


def main(argv: Sequence[str]) -> int:
    """Builds the config, which rejects bad values before TensorFlow starts, and predicts."""
    config = flags.parse(argv, PredictConfig, usage=__doc__ or "")
    preflight.check(config)
    with start_tensorflow():
        from aag_tf.export import prediction
    tell(prediction.predict(config))
    return 0


def run() -> None:
    """Entry point of the console script `aag-predict`."""
    run_command(
        "aag-predict", main, when_stopped="the same command with --resume goes on where it had begun to predict"
    )


if __name__ == "__main__":
    run()
