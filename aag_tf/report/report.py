"""`report.html`: everything that an evaluation found, to be looked at, in one file that needs nothing beside it."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from aag_tf.evaluation.results import TITLES, Evaluation, FeatureResult, measure_titles
from aag_tf.report import chart, embedding_map
from aag_tf.report.chart import Chart, line_chart
from aag_tf.report.confusion import confuse
from aag_tf.report.curves import Records, read_metrics, training_charts
from aag_tf.report.embedding_map import draw_maps
from aag_tf.report.figures import Columns, make_table, plot_dots
from aag_tf.report.gallery import choose_examples
from aag_tf.report.material import Material
from aag_tf.report.page import check_page_path, render, write_page
from aag_tf.runs.run_directory import RunDirectory
from aag_tf.utils.progress import progress_bar

CORRUPTIONS = ("robustness_noise", "robustness_blur", "robustness_contrast", "robustness_jpeg")


@dataclasses.dataclass(frozen=True, eq=False)
class Content:
    """What a report shows; sections without material are left out.

    Args:
        subject: what was judged.
        introduction: one sentence: on what.
        columns: figures by the set of features that they are of, the judged ones first.
        titles: {name of a measure: what it is called}, in order.
        facts: tables of names and values by their caption.
        material: what pictures are drawn from.
        robustness: accuracy by the strength of corruptions.
        metrics: records of training, as in `metrics.jsonl`.
        command: that repeats the evaluation.
    """

    subject: str
    introduction: str
    columns: Columns
    titles: Mapping[str, str]
    facts: Mapping[str, Mapping[str, Any]]
    material: Material | None = None
    robustness: Chart | None = None
    metrics: Records = ()
    command: str = ""


def write_report(evaluation: Evaluation, path: Path, *, progress: bool = True) -> None:
    """Draws an evaluation that was just made, with the training curves of its run, as one HTML file.

    Args:
        evaluation: with its candidate in memory.
        path: where to; a report of ours is replaced.
        progress: whether long work shows a bar.

    Raises:
        EvaluationError: the path cannot be written, or is a file of someone else's.
    """
    check_page_path(path)
    write_page(path, report_page(_content(evaluation), progress=progress))


def report_page(content: Content, *, progress: bool = True) -> str:
    """The page; with 2 000 images on its maps it takes some eight seconds on two CPU cores.

    Args:
        content: what it shows.
        progress: whether long work shows a bar.
    """
    material = content.material
    confusion, examples, maps = None, [], None
    if material is not None:
        with progress_bar("report", 2, "picture", wanted=progress) as bar:
            confusion = confuse(material)
            examples = choose_examples(material)
            bar.update()
            maps = draw_maps(material)
            bar.update()
    charts = training_charts({content.subject: content.metrics})
    sections = {
        "figures": "Figures beside the baselines" if len(content.columns) > 1 else "Figures",
        "robustness": content.robustness and "Robustness to corruptions",
        "confusion": confusion and "Which classes are confused",
        "neighbors": examples and "Nearest neighbors",
        "map": maps and "Map of the embedding",
        "training": charts and "Training curves",
        "settings": "Settings",
    }
    return render(
        "report.html",
        sections={key: heading for key, heading in sections.items() if heading},
        content=content,
        table=make_table(content.columns, content.titles),
        dots=plot_dots(content.columns, content.titles),
        confusion=confusion,
        examples=examples,
        map=maps,
        shape_of=embedding_map.shape_of,
        side=embedding_map.SIDE,
        charts=charts,
        chart_size=chart.SIZE,
    )


def _content(evaluation: Evaluation) -> Content:
    data, judged = evaluation.data, evaluation.judged
    result = evaluation.result(judged.name)
    assert result is not None  # what was judged is among the results
    others = [other for other in evaluation.results if other is not result]
    labeled = (
        f" judged by {data['num_bank']:,} labeled ones, {data['num_classes']} classes" if data["num_classes"] else ""
    )
    note = f" ({data['conversion']})" if data["conversion"] else ""
    known = {name: text for name, text in evaluation.data.items() if name != "class_names" and text not in (None, "")}
    facts = {
        "What was judged": evaluation.subject,
        "Data": known,
        "Settings of the evaluation": {name: value for name, value in evaluation.settings.items() if value is not None},
        "Seeds": evaluation.seeds,
        "Versions": evaluation.versions,
    }
    metrics: Records = ()
    if "run_dir" in evaluation.subject:
        directory = RunDirectory(evaluation.subject["run_dir"])
        metrics = read_metrics(directory.metrics)
        flags = directory.read_record()["flags"]
        facts["Settings of the training"] = {name: value for name, value in flags.items() if value is not None}
    return Content(
        subject=_subject(evaluation.subject),
        introduction=f"{data['dataset']}, {data['split']} split: {data['num_queries']:,} images{labeled}{note}.",
        columns={part.features: part.measures for part in (result, *others)},
        titles=measure_titles(evaluation.results),
        facts=facts,
        material=material_of(evaluation),
        robustness=_robustness(result),
        metrics=metrics,
        command=evaluation.command,
    )


def _subject(facts: Mapping[str, Any]) -> str:
    names = ("run_dir", "saved_model", "keras_model", "train_features")
    return next(str(facts[name]) for name in names if name in facts)


def material_of(evaluation: Evaluation) -> Material:
    """What the pictures of an evaluation are drawn from, as far as there are images, labels and neighbors enough."""
    judged = evaluation.judged
    labels = judged.bank.labels
    labeled = labels is not None and judged.queries.labels is not None and len(np.unique(labels)) > 1
    enough = judged.config.knn_k <= len(judged.bank.features)
    probed = "linear" in judged.config.measure_names
    return Material(
        features=judged.queries.features,
        labels=judged.queries.labels,
        images=judged.queries.images,
        bank_labels=judged.bank.labels,
        bank_images=judged.bank.images,
        neighbors=judged.neighbors.rows if enough else None,
        similarities=judged.neighbors.similarities if enough else None,
        knn_predictions=judged.knn_predictions if enough and labeled else None,
        probe_predictions=judged.probe_predictions if probed else None,
        class_names=evaluation.data["class_names"],
    )


def _robustness(result: FeatureResult) -> Chart | None:
    series = {}
    for name in CORRUPTIONS:
        measure = result.measure(name)
        if measure is not None:
            accuracy = [measure.details["clean"], *measure.details["accuracy"]]
            series[TITLES[name].removeprefix("probe, ")] = np.array([np.arange(len(accuracy)), accuracy])
    return line_chart("Accuracy by the strength of a corruption", series, x_name="strength", percent=True)
