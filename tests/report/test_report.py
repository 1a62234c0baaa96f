"""The page of a report: whole, escaped, alone, accessible, small, and honest about what was not measured."""

import json
import re

import pytest
from evaluations import make_evaluation
from html_checks import Page, check_accessible, check_stands_alone, contrast

from aag_tf.config import DataConfig, TrainConfig
from aag_tf.evaluation import FeatureResult, Measure
from aag_tf.report import check_page_path, report_page, write_report
from aag_tf.report.page import write_page
from aag_tf.runs import RunDirectory, RunRecord
from aag_tf.utils.errors import EvaluationError

HOSTILE = "<script>alert('&\"')</script>"
METRICS = [{"step": step, "loss": 5 - step / 50, "knn_accuracy": step / 200} for step in range(1, 100)]
RESULTS = [
    FeatureResult("raw pixels", 64, [Measure("knn", 0.364, 80, 0.35, 0.38, {"k": 10})]),
    FeatureResult(
        "trained encoder", 16, [Measure("knn", 0.671, 80, 0.66, 0.68, {"k": 10}), Measure("rankme", 12.3456, 80)]
    ),
]


@pytest.fixture(scope="module")
def run_dir(tmp_path_factory):
    """A run whose path and settings are hostile."""
    directory = RunDirectory(tmp_path_factory.mktemp("runs") / HOSTILE)
    directory.create()
    config = TrainConfig(data=DataConfig(data_dir=HOSTILE))
    directory.write_record(RunRecord(config=config, image_shape=(8, 8, 1)))
    directory.metrics.write_text("\n".join(map(json.dumps, METRICS)))
    return str(directory.path)


@pytest.fixture(scope="module")
def page(run_dir):
    evaluation = make_evaluation(
        80,
        4,
        wrong=True,
        knn_k=10,
        results=RESULTS,
        subject={"run_dir": run_dir},
        data={"dataset": HOSTILE, "class_names": [HOSTILE, "class 1", "class 2", "class 3"]},
        settings={"knn_k": 10, HOSTILE: HOSTILE},
        command=f"aag-evaluate --run_dir='{HOSTILE}'",
    )
    return Page(report_page(evaluation))


def test_every_section_is_there_and_in_the_navigation(page):
    headings = [
        "Metrics beside the baselines",
        "Which classes are confused",
        "Nearest neighbors",
        "Map of the embedding",
        "Training curves",
        "Settings",
    ]
    assert page.texts("h2") == headings
    assert page.texts("nav") == headings


def test_it_stands_alone_and_is_accessible(page):
    check_stands_alone(page)
    check_accessible(page)
    assert len(page.text) < 3_000_000


def test_what_comes_from_outside_is_text(page, run_dir):
    assert "<script" not in page.text
    assert page.texts("h1") == ["Evaluation of", run_dir]
    assert any(HOSTILE in text for text in page.texts("p"))  # the data set
    assert HOSTILE in page.texts("caption", "th")
    assert HOSTILE in page.texts("figcaption")
    assert any(HOSTILE in attributes["alt"] for attributes in page.all("img"))


def test_the_table_has_the_metrics(page):
    words = page.texts("table")
    start = words.index("kNN (k=10)")
    assert words[start : start + 6] == ["kNN (k=10)", "67.10 %", "(best)", "66.0 to 68.0", "36.40 %", "35.0 to 38.0"]
    start = words.index("effective rank, RankMe")
    assert words[start : start + 3] == ["effective rank, RankMe", "12.35", "–"]


def test_right_and_wrong_are_told_in_words_and_not_by_color_alone(page):
    headings = page.texts("h3")
    assert headings.count("✓ Right:") == headings.count("✗ Wrong:") == 6
    marks = page.texts("figcaption")
    assert marks.count("same class:") + marks.count("other class:") == 12 * 8


def test_sections_without_content_are_left_out():
    bare = Page(report_page(make_evaluation(feature_set=None)))  # as of an evaluation that was read from a file
    assert bare.texts("h2") == ["Metrics", "Settings"]
    check_accessible(bare)
    unlabeled = Page(report_page(make_evaluation(40, labeled=False, results=RESULTS)))
    assert unlabeled.texts("h2") == [
        "Metrics beside the baselines",
        "Nearest neighbors",
        "Map of the embedding",
        "Settings",
    ]
    check_accessible(unlabeled)


def test_a_hundred_classes_and_large_images_stay_small():
    page = Page(report_page(make_evaluation(200, 100, wrong=True, shape=(224, 224, 3))))
    check_accessible(page)
    assert len(page.text) < 3_000_000
    assert not [attributes for attributes in page.all("table") if attributes.get("class") == "confusion"]


def test_the_table_of_25_classes_scrolls_in_its_box_and_keeps_its_names_in_view():
    names = [f"class {number}" for number in range(25)]
    page = Page(report_page(make_evaluation(200, 25, wrong=True, data={"class_names": names})))
    check_accessible(page)
    (box,) = [box for box in page.all("div") if box.get("class") == "scroll both"]
    assert (box["tabindex"], box["role"]) == ("0", "region")
    upright = [head for head in page.all("th") if head.get("class") == "upright"]
    assert len(upright) == 25
    assert page.texts("th").count("class 24") >= 2  # as a row and as a column
    style = re.search(r"<style>(.*?)</style>", page.text, re.S)[1]
    assert re.search(r"\.both \{[^}]*overflow: auto", style)
    assert re.search(r"\.both thead th \{[^}]*position: sticky; top: 0", style)
    assert re.search(r"\.both th\[scope=\"row\"\][^{]*\{[^}]*position: sticky; left: 0", style)


def test_what_the_metrics_say_is_beside_them():
    results = [
        FeatureResult("raw pixels", 64, [Measure("knn", 0.364, 80, 0.35, 0.38, {"k": 10})]),
        FeatureResult("trained encoder", 16, [Measure("knn", 0.671, 80, 0.66, 0.68, {"k": 10})]),
    ]
    page = Page(report_page(make_evaluation(feature_set=None, results=results)))
    assert "What this says" in page.texts("h3")
    assert "kNN (k=10): 30.7 points above raw pixels." in page.texts("li")
    check_accessible(page)


def test_every_text_has_contrast_in_light_and_in_dark(page):
    style = re.search(r"<style>(.*?)</style>", page.text, re.S)[1]
    schemes = style.split("@media (prefers-color-scheme: dark)")
    for part in (schemes[0], schemes[1].split("}")[0]):
        colors = dict(re.findall(r"--(\w+): (#[0-9a-f]{6})", part))
        for name in ("text", "quiet", "link", "good", "bad"):
            assert contrast(colors[name], colors["page"]) >= 4.5, name
        for shade in range(10):
            assert contrast(colors[f"s{shade}"], colors[f"t{shade}"]) >= 4.5
            assert contrast(colors[f"k{shade}"], colors["page"]) >= 3  # marks and lines


def test_another_file_is_never_overwritten(tmp_path):
    path = tmp_path / "report.html"
    path.write_text("<p>mine</p>")
    with pytest.raises(EvaluationError, match="is no report of aag_tf"):
        write_page(path, "<p>ours</p>")
    assert path.read_text() == "<p>mine</p>"
    own = tmp_path / "own.html"
    for _ in range(2):
        write_report(make_evaluation(feature_set=None), own)
    with pytest.raises(EvaluationError, match="a directory that exists"):
        check_page_path(tmp_path / "no" / "report.html")
