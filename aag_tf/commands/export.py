"""Write an encoder or a classifier as a SavedModel for TensorFlow Serving, and verify it in a fresh process.

    aag-export --run_dir=runs/demo --export_dir=runs/demo/saved_model
    aag-export --classifier=classifiers/mine --export_dir=served/classifier

Cost: under a minute on two CPU cores.

Makes: EXPORT_DIR/VERSION/ with the SavedModel, model.json and model_card.md; nothing is published if
the verification fails.
"""

from collections.abc import Sequence

from aag_tf import flags, preflight
from aag_tf.commands._app import run_command, start_tensorflow, tell
from aag_tf.config import ExportConfig


def main(argv: Sequence[str]) -> int:
    """Builds the config, which rejects bad values before TensorFlow starts, and exports."""
    config = flags.parse(argv, ExportConfig, usage=__doc__ or "")
    preflight.check(config)
    with start_tensorflow():
        from aag_tf import export
    tell(export.export(config) if config.classifier is None else export.export_classifier(config))
    return 0


def run() -> None:
    """Entry point of the console script `aag-export`."""
    run_command("aag-export", main, when_stopped="nothing was published; the same command starts again")


if __name__ == "__main__":
    run()
