"""Draws `report.html`: everything that an evaluation found, in one file that needs nothing beside it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from aag_tf.config.embed_views import views_note
from aag_tf.evaluation import Evaluation, FeatureResult
from aag_tf.evaluation.results import TITLES
from aag_tf.report import chart, embedding_map
from aag_tf.report.chart import Chart, line_chart
from aag_tf.report.confusion import confuse
from aag_tf.report.curves import training_charts
from aag_tf.report.embedding_map import draw_maps
from aag_tf.report.gallery import bands_of, choose_examples
from aag_tf.report.page import check_page_path, render, write_page
from aag_tf.report.results import make_table, plot_dots
from aag_tf.runs.metrics import read_metrics
from aag_tf.runs.run_directory import RunDirectory
from aag_tf.utils.progress import progress_bar
from aag_tf.utils.stores import local_path

CORRUPTIONS = ("robustness_noise", "robustness_blur", "robustness_contrast", "robustness_jpeg")
SUBJECTS = ("run_dir", "saved_model", "keras_model", "train_features")


def write_report(evaluation: Evaluation, path: str | Path) -> None:
    """Draws an evaluation, with the training curves of its run, as one HTML file; a report of ours is replaced.

    Raises:
        EvaluationError: the path cannot be written, or is a file of someone else's.
    """
    page = local_path(path)
    check_page_path(page)
    write_page(page, report_page(evaluation))


def report_page(evaluation: Evaluation) -> str:
    """Draws the page as text; with 2 000 images on its maps it takes some eight seconds on two CPU cores.

    Sections without content are left out. An evaluation that was read from a file has no feature set, so that its page
    has no pictures of images.
    """
    run = RunDirectory(evaluation.subject["run_dir"]) if "run_dir" in evaluation.subject else None
    subject = next(str(evaluation.subject[name]) for name in SUBJECTS if name in evaluation.subject)
    main = evaluation.main_result
    results = [main, *(other for other in evaluation.results if other is not main)]
    with progress_bar("report", 2, "picture") as bar:
        confusion = confuse(evaluation)
        examples = choose_examples(evaluation)
        bar.update()
        maps = draw_maps(evaluation)
        bar.update()
    robustness = _robustness(main)
    charts = training_charts({subject: read_metrics(run.metrics) if run else []})
    sections = {
        "metrics": "Metrics beside the baselines" if len(results) > 1 else "Metrics",
        "robustness": robustness and "Robustness to corruptions",
        "confusion": confusion and "Which classes are confused",
        "neighbors": examples and "Nearest neighbors",
        "map": maps and "Map of the embedding",
        "training": charts and "Training curves",
        "settings": "Settings",
    }
    return render(
        "report.html",
        sections={key: heading for key, heading in sections.items() if heading},
        subject=subject,
        introduction=f"{_introduction(evaluation.data)} {views_note(evaluation.embed_views)}".strip(),
        dim=main.dim,
        table=make_table(results),
        dots=plot_dots(results),
        verdicts=evaluation.verdict_lines,
        robustness=robustness,
        confusion=confusion,
        examples=examples,
        map=maps,
        shape_of=embedding_map.shape_of,
        side=embedding_map.SIDE,
        charts=charts,
        chart_size=chart.SIZE,
        command=evaluation.command,
        facts=_facts(evaluation, run),
    )


def _introduction(data: Mapping[str, Any]) -> str:
    labeled = (
        f", evaluated with {data['num_bank']:,} labeled ones to learn from, {data['num_classes']} classes"
        if data.get("num_classes")
        else ""
    )
    note = f" ({data['conversion']})" if data.get("conversion") else ""
    caption = bands_of(data).caption if data.get("image_shape") else ""
    shown = f" {caption[0].upper()}{caption[1:]}." if caption else ""
    return f"{data['dataset']}, {data['split']} split: {data['num_queries']:,} images{labeled}{note}.{shown}"


def _facts(evaluation: Evaluation, run: RunDirectory | None) -> dict[str, Mapping[str, Any]]:
    """Returns tables of names and values by their captions."""
    data = {name: value for name, value in evaluation.data.items() if name != "class_names" and value not in (None, "")}
    facts: dict[str, Mapping[str, Any]] = {
        "What was evaluated": evaluation.subject,
        "Data": data,
        "Settings of the evaluation": _known(evaluation.settings),
        "Seeds": evaluation.seeds,
        "Versions": evaluation.versions,
    }
    return facts if run is None else facts | {"Settings of the training": _known(run.read_record().flags)}


def _known(settings: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in settings.items() if value is not None}


def _robustness(result: FeatureResult) -> Chart | None:
    series = {}
    for name in CORRUPTIONS:
        measure = result.measure(name)
        if measure is not None:
            accuracy = [measure.details["clean"], *measure.details["accuracy"]]
            series[TITLES[name].removeprefix("probe, ")] = np.array([np.arange(len(accuracy)), accuracy])
    return line_chart("Accuracy by the strength of a corruption", series, x_name="strength", percent=True)
