"""What an evaluation found: as a table for people and as JSON for programs."""

import dataclasses
import json
from pathlib import Path
from typing import Any

from aag_tf.evaluation.judge import Score

SCHEMA = 1


@dataclasses.dataclass(frozen=True)
class Evaluation:
    """The figures of a trained encoder beside its floors, and everything needed to repeat them.

    Args:
        scores: raw pixels, untrained encoder, trained encoder.
        subject: what was judged: its path, its step or version, its image shape.
        data: data set, split, numbers of images and classes.
        settings: the flags of the evaluation.
        seeds: of everything random in it.
        versions: of the software.
        seconds: in total.
        path: the JSON file, `None` where none was asked for.
    """

    scores: list[Score]
    subject: dict[str, Any]
    data: dict[str, Any]
    settings: dict[str, Any]
    seeds: dict[str, int]
    versions: dict[str, str]
    seconds: float
    path: Path | None = None

    def table(self) -> str:
        """The figures in percent, aligned, one row a set of features."""
        header = ("", "dim", f"kNN (k={self.settings['knn_k']})", "linear probe")
        rows = [
            (score.name, str(score.dim), f"{100 * score.knn_accuracy:.2f} %", f"{100 * score.linear_accuracy:.2f} %")
            for score in self.scores
        ]
        widths = [max(len(row[column]) for row in (header, *rows)) for column in range(len(header))]
        lines = []
        for row in (header, *rows):
            cells = [cell.rjust(width) for cell, width in zip(row, widths, strict=True)]
            lines.append("  ".join([row[0].ljust(widths[0]), *cells[1:]]))
        return "\n".join(lines)

    def __str__(self) -> str:
        """The table with the sentence that says what it stands for."""
        data = self.data
        title = (
            f"Accuracy on {data['dataset']}, {data['split']} split: {data['num_queries']} images classified from "
            f"{data['num_bank']} labelled ones, {data['num_classes']} classes."
        )
        return f"{title}\n\n{self.table()}"

    def to_json(self) -> str:
        """The whole evaluation; accuracies are shares in [0, 1]."""
        content = {
            "schema": SCHEMA,
            "subject": self.subject,
            "data": self.data,
            "scores": [dataclasses.asdict(score) for score in self.scores],
            "settings": self.settings,
            "seeds": self.seeds,
            "versions": self.versions,
            "seconds": self.seconds,
        }
        return json.dumps(content, indent=2) + "\n"
