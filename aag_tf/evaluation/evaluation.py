"""The results of one evaluation: for people, and as JSON for programs (`docs/reference/file_formats.md`)."""

import dataclasses
import json
from pathlib import Path
from typing import Any

from aag_tf.config.embed_views import views_note
from aag_tf.evaluation.feature_set import FeatureSet
from aag_tf.evaluation.results import GIVEN, TABLE_NOTE, TRAINED, FeatureResult, measure_titles, table
from aag_tf.evaluation.verdict import Verdict, find_verdicts
from aag_tf.evaluation.verdict_words import advice, sentence
from aag_tf.utils.text import text_width, wrapped

SCHEMA = 2
WITHOUT_TERMINAL = 100  # columns; the table of three feature sets has 89


@dataclasses.dataclass(frozen=True, eq=False)
class Evaluation:
    """The metrics of an encoder and of its baselines, and everything needed to repeat them.

    Args:
        results: one entry for each feature set, baselines first.
        subject: what was evaluated: its path, its step or version, its image shape.
        data: data set, split, numbers of images and classes, class names (`None` where unknown).
        settings: the flags of the evaluation.
        command: the command line that repeats it.
        seeds: the seeds of everything random.
        versions: of the software.
        seconds: wall-clock time.
        feature_set: features, labels, neighbors and predictions of the evaluated encoder, for pictures; not in the
            JSON, so `None` in an evaluation that was read from a file.
        path: the JSON file; `None` where none was written.
    """

    results: list[FeatureResult]
    subject: dict[str, Any]
    data: dict[str, Any]
    settings: dict[str, Any]
    command: str
    seeds: dict[str, int]
    versions: dict[str, str]
    seconds: float
    feature_set: FeatureSet | None = None
    path: Path | None = None

    def result(self, features: str) -> FeatureResult | None:
        """Returns the metrics of one feature set, or `None` where it was not evaluated."""
        return next((result for result in self.results if result.features == features), None)

    @property
    def main_result(self) -> FeatureResult:
        """The metrics of the evaluated encoder or features, without the baselines and the supervised encoder."""
        return self.result(TRAINED) or self.result(GIVEN) or self.results[-1]

    @property
    def embed_views(self) -> int:
        """Fixed views of an image that embeddings are averaged over."""
        return self.subject.get("embed_views", 1)

    def class_name(self, label: int) -> str:
        """Returns the name of class `label`, or its number where no name is known."""
        names = self.data.get("class_names") or ()
        return names[label] if 0 <= label < len(names) else str(label)

    @property
    def verdicts(self) -> list[Verdict]:
        """What the metrics say about the encoder beside its baselines, a verdict for each metric."""
        return find_verdicts(self.results, self.main_result)

    @property
    def verdict_lines(self) -> list[str]:
        """The verdicts in words, a line for each, and what to try where the encoder is not above its baselines."""
        verdicts, main = self.verdicts, self.main_result
        lines = [sentence(verdict, main) for verdict in verdicts]
        return lines + advice(
            verdicts,
            main,
            self.results,
            own="run_dir" in self.subject,
            transfer=self.settings.get("dataset") is not None,
        )

    def table(self) -> str:
        """Formats the results as a table: a row for each metric, a column for each feature set."""
        return table(self.results)

    def __str__(self) -> str:
        """The table below a sentence that names the images, and the verdicts, in lines that fit the terminal."""
        data = self.data
        names = [data["dataset"], data["split"], *measure_titles(self.results).values()]

        def fitted(text: str) -> str:
            return wrapped(text, text_width(WITHOUT_TERMINAL), 0, 2, names)

        classes = "no labels" if data["num_classes"] is None else f"{data['num_classes']} classes"
        title = (
            f"{data['dataset']}, {data['split']} split: {data['num_queries']} images, evaluated with "
            f"{data['num_bank']} others to learn from, {classes}."
        )
        note = f" ({data['conversion']})" if data.get("conversion") else ""
        found = "".join(f"\n{fitted(line)}" for line in self.verdict_lines)
        has_shares = any(measure.low is not None for measure in self.main_result.measures)
        explained = f"\n{TABLE_NOTE}" if has_shares else ""
        explained = (f"\n{fitted(views_note(self.embed_views))}" if self.embed_views > 1 else "") + explained
        return f"{fitted(title + note)}{explained}\n\n{self.table()}" + (f"\n{found}" if found else "")

    def to_json(self) -> str:
        """Formats the whole evaluation; accuracies are shares in [0, 1]."""
        content = {
            "schema": SCHEMA,
            "command": self.command,
            "versions": self.versions,
            "seeds": self.seeds,
            "subject": self.subject,
            "data": self.data,
            "settings": self.settings,
            "seconds": self.seconds,
            "results": [dataclasses.asdict(result) for result in self.results],
            "verdicts": [
                dataclasses.asdict(verdict) | {"text": sentence(verdict, self.main_result)} for verdict in self.verdicts
            ],
        }
        return json.dumps(content, indent=2, allow_nan=False) + "\n"
