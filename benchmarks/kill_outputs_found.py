"""What the output of a command that was killed holds: results that are whole, or none yet."""

import json
from pathlib import Path
from typing import Any


def state(work: str, output: Path) -> Any:
    """Returns what an output holds, without what differs between equal runs; fails where it is not whole.

    `None` stands for no result yet.
    """
    if work in ("export", "export_over", "classifier_over"):
        return _versions(output)
    if work == "predict":
        return _predictions(output)
    if work == "evaluate":
        return _evaluation(output)
    return _collection(output)


def _versions(output: Path) -> Any:
    import numpy as np

    from aag_tf.runs.export_directory import version_numbers
    from aag_tf.runs.exported import SavedEncoder
    from aag_tf.runs.exported_classifier import load_export

    images = np.arange(2 * 64, dtype=np.uint8).reshape(2, 8, 8, 1)
    found = {}
    for number in version_numbers(output):
        model = load_export(output / str(number))
        numbers = model(images).numpy() if isinstance(model, SavedEncoder) else model(images).probabilities
        found[number] = [round(float(value), 4) for value in numbers.ravel()]
    return found or None


def _predictions(output: Path) -> Any:
    import csv

    from aag_tf.export.prediction.output import Output

    if not (output / "predictions.json").exists():
        return None
    manifest = Output(output).read_manifest()
    if not manifest.is_complete:
        return None
    for name, facts in (manifest.files or {}).items():
        if fault := facts.fault(output / name):
            raise RuntimeError(f"{name} {fault}")
    with (output / "predictions.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


def _evaluation(output: Path) -> Any:
    file, page = output / "evaluation.json", output / "report.html"
    if page.exists() and not page.read_text().rstrip().endswith("</html>"):
        raise RuntimeError(f"{page} is not whole")
    if not file.exists():
        return None
    results = json.loads(file.read_text())["results"]
    return [[measure["name"], measure["value"]] for result in results for measure in result["measures"]]


def _collection(output: Path) -> Any:
    from aag_tf.export.embedding import open_collection
    from aag_tf.export.search import nearest
    from aag_tf.utils.errors import EmbeddingError

    if not (output / "manifest.json").exists():
        return None
    try:
        collection = open_collection(output)
    except EmbeddingError as error:
        if "is not finished" not in str(error):
            raise
        return None
    collection.check(full=True)
    found = nearest(collection.vectors(), collection.row(3)["embedding"], 5)
    return [list(collection.paths()), [neighbor.row for neighbor in found]]


def leftovers(output: Path) -> list[str]:
    """Names of hidden files and directories in an output."""
    return sorted(path.relative_to(output).as_posix() for path in output.rglob(".*"))
