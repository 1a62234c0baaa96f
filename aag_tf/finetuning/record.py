"""The results of a fine-tuning: for people, and as JSON for programs (`docs/reference/file_formats.md`)."""

import dataclasses
import json
from pathlib import Path
from typing import Any

from aag_tf.evaluation.results import TABLE_NOTE, FeatureResult, table
from aag_tf.finetuning.figures import FINE_TUNED, PROBE_OF_ALL, SCRATCH, Calibration, ClassFigures, Difference
from aag_tf.finetuning.trial import TrialResult
from aag_tf.utils.text import command_line, text_width, wrapped

SCHEMA = 1
WITHOUT_TERMINAL = 100  # columns


@dataclasses.dataclass(frozen=True, eq=False)
class Finetuning:
    """The metrics of a classifier and of what it is compared with, and everything needed to repeat them.

    Args:
        results: one entry for each classifier, the fine-tuned one first.
        differences: by how much it is more often right than the others, image by image.
        classes: one entry for each, in the order of the logits.
        confusion: images of each class (row) by predicted class (column), int [C, C].
        calibration: before and after temperature scaling, by the name of the classifier.
        trials: every training.
        chosen: the one that became the classifier.
        encoder: what was fine-tuned: its source, kind, SHA-256 and, where known, step.
        data: data set, splits, numbers of images and classes.
        settings: the flags.
        command: the command line that repeats it.
        seeds: the seeds of everything random.
        versions: of the software.
        seconds: wall-clock time of the last process.
        path: the directory.
    """

    results: list[FeatureResult]
    differences: list[Difference]
    classes: list[ClassFigures]
    confusion: list[list[int]]
    calibration: dict[str, dict[str, Calibration]]
    trials: list[TrialResult]
    chosen: TrialResult
    encoder: dict[str, Any]
    data: dict[str, Any]
    settings: dict[str, Any]
    command: str
    seeds: dict[str, int]
    versions: dict[str, str]
    seconds: float
    path: Path

    def to_json(self) -> str:
        """Formats everything; accuracies are shares in [0, 1]."""
        own = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        del own["path"]
        plain = {name: _plain(value) for name, value in own.items()}
        return json.dumps({"schema": SCHEMA, **plain}, indent=2, allow_nan=False) + "\n"

    @property
    def export_command(self) -> str:
        """The command that exports the classifier, for a shell."""
        return command_line("aag-export", f"--classifier={self.path}", f"--export_dir={self.path / 'saved_model'}")

    @property
    def learned(self) -> str:
        """How many images were learned from, and how many chosen by, for people."""
        train, held_out = self.data["train"], self.data["held_out"]
        if self.data["refit"]:
            return f"chosen by {held_out:,} held-out ones, then learned from all {train + held_out:,} labeled ones"
        return f"learned from {train:,}, chosen by {held_out:,} held-out ones"

    @property
    def lines(self) -> list[str]:
        """What the metrics say, a line for each comparison, the choice and the calibration."""
        lines = [_compared(difference) for difference in self.differences]
        lines.append(self._chosen_line())
        before, after = (self.calibration[FINE_TUNED][name] for name in ("before", "after"))
        lines.append(
            f"Calibration error {_interval(before.error)} as trained, {_interval(after.error)} with the temperature "
            f"{after.temperature:.3g} of the held-out labels."
        )
        if self.data["reported_split"] != "test":
            lines.append(
                "There are too few images for a test split, so that these are metrics of the held-out images that "
                "everything was chosen by: too good."
            )
        return lines

    def __str__(self) -> str:
        """The table below a sentence that names the images, and what it says, in lines that fit the terminal."""
        width = text_width(WITHOUT_TERMINAL)
        data = self.data
        title = (
            f"{data['dataset']}, {data['reported_split']} split: {data['reported']:,} images of {data['num_classes']} "
            f"classes; {self.learned}."
        )
        found = "\n".join(wrapped(line, width, 0, 2) for line in self.lines)
        return f"{wrapped(title, width, 0, 2)}\n{TABLE_NOTE}\n\n{table(self.results)}\n\n{found}"

    def _chosen_line(self) -> str:
        chosen = self.chosen
        by = f"held-out accuracy {100 * chosen.accuracy:.1f} %"
        then = "; then learned from them too" if self.data["refit"] else ""
        if chosen.best_step == 0:
            return (
                f"No training was better than the linear probe on the held-out labels, so the classifier is the linear "
                f"probe ({by}{then})."
            )
        return (
            f"Chosen by held-out labels: learning rate {chosen.learning_rate:g}, step {chosen.best_step:,} of "
            f"{chosen.steps:,} ({by}{then})."
        )


def _compared(difference: Difference) -> str:
    points = f"{100 * abs(difference.value):.1f} points"
    interval = f"95 % interval {100 * difference.low:+.1f} to {100 * difference.high:+.1f}"
    if difference.low > 0:
        said = f"{points} above"
    elif difference.high < 0:
        said = f"{points} below"
    else:
        said = "no different from"
    return f"Fine-tuned is {said} {_article(difference.over)} on the same images ({interval})."


def _article(name: str) -> str:
    said = {
        SCRATCH: "the same network from random weights",
        PROBE_OF_ALL: "the linear probe on the held-out labels too",
    }
    return said.get(name, f"the {name}")


def _interval(measure: Any) -> str:
    return f"{100 * measure.value:.1f} % [{100 * measure.low:.1f}, {100 * measure.high:.1f}]"


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dataclasses.asdict(value)
    if isinstance(value, dict):
        return {name: _plain(part) for name, part in value.items()}
    return [_plain(part) for part in value] if isinstance(value, list) else value
