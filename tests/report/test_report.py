"""The page of a report: whole, escaped, alone, accessible, small, and honest about what was not measured."""

import dataclasses
import re

import numpy as np
import pytest
from html_checks import Page, check_accessible, check_stands_alone, contrast

from aag_tf.data import ArrayImages
from aag_tf.evaluation import Measure
from aag_tf.report import Content, Material, check_page_path, report_page
from aag_tf.report.page import write_page
from aag_tf.utils.errors import EvaluationError

HOSTILE = "<script>alert('&\"')</script>"
METRICS = [{"step": step, "loss": 5 - step / 50, "knn_accuracy": step / 200} for step in range(1, 100)]


def material(classes=4, count=80, shape=(8, 8, 3)):
    rng = np.random.default_rng(0)
    labels = np.arange(count) % classes
    features = (np.eye(classes, 12)[labels] + 0.2 * rng.normal(size=(count, 12))).astype(np.float32)
    similarities = features @ features.T
    rows = np.argsort(-similarities, axis=1)[:, :10]
    images = ArrayImages(rng.integers(0, 256, (count, *shape), np.uint8))
    wrong = np.where(np.arange(count) % 5 == 0, (labels + 1) % classes, labels)
    names = [HOSTILE, *(f"class {number}" for number in range(1, classes))]
    neighbors = {"neighbors": rows, "similarities": np.take_along_axis(similarities, rows, axis=1)}
    return Material(features, labels, images, labels, images, **neighbors, knn_predictions=wrong, class_names=names)


def content(**changes):
    columns = {
        "trained encoder": [Measure("knn", 0.671, 80, 0.66, 0.68), Measure("rankme", 12.3456, 80)],
        "raw pixels": [Measure("knn", 0.364, 80, 0.35, 0.38)],
    }
    settings = {
        "subject": f"runs/{HOSTILE}",
        "introduction": f"{HOSTILE}: 80 images.",
        "columns": columns,
        "titles": {"knn": "kNN (k=10)", "rankme": "effective rank"},
        "facts": {"Settings": {"knn_k": 10, HOSTILE: HOSTILE}, "Versions": {"aag-tf": "0"}},
        "material": material(),
        "metrics": METRICS,
        "command": f"aag-evaluate --run_dir='{HOSTILE}'",
    }
    return Content(**(settings | changes))


@pytest.fixture(scope="module")
def page():
    return Page(report_page(content(), progress=False))


def test_every_section_is_there_and_in_the_navigation(page):
    headings = [
        "Figures beside the baselines",
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


def test_what_comes_from_outside_is_text(page):
    assert "<script" not in page.text
    assert page.texts("h1") == ["Evaluation of", f"runs/{HOSTILE}"]
    assert HOSTILE in page.texts("caption", "th")
    assert HOSTILE in page.texts("figcaption")
    assert any(HOSTILE in attributes["alt"] for attributes in page.all("img"))


def test_the_table_has_the_figures(page):
    words = page.texts("table")
    start = words.index("kNN (k=10)")
    assert words[start : start + 6] == ["kNN (k=10)", "67.10 %", "(best)", "66.0 to 68.0", "36.40 %", "35.0 to 38.0"]
    start = words.index("effective rank")
    assert words[start : start + 3] == ["effective rank", "12.35", "–"]


def test_right_and_wrong_are_told_in_words_and_not_by_color_alone(page):
    headings = page.texts("h3")
    assert headings.count("✓ Right:") == headings.count("✗ Wrong:") == 6
    marks = page.texts("figcaption")
    assert marks.count("same class:") + marks.count("other class:") == 12 * 8


def test_sections_without_material_are_left_out():
    bare = Page(report_page(content(material=None, metrics=(), columns={"given features": []}), progress=False))
    assert bare.texts("h2") == ["Figures", "Settings"]
    check_accessible(bare)
    unlabeled = dataclasses.replace(material(), labels=None, bank_labels=None, knn_predictions=None)
    found = Page(report_page(content(material=unlabeled, metrics=()), progress=False))
    assert found.texts("h2") == [
        "Figures beside the baselines",
        "Nearest neighbors",
        "Map of the embedding",
        "Settings",
    ]
    check_accessible(found)


def test_a_hundred_classes_and_large_images_stay_small():
    many = material(classes=100, count=400, shape=(224, 224, 3))
    page = Page(report_page(content(material=many), progress=False))
    check_accessible(page)
    assert len(page.text) < 3_000_000
    assert not [attributes for attributes in page.all("table") if attributes.get("class") == "confusion"]


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
        write_page(own, report_page(content(material=None), progress=False))
    with pytest.raises(EvaluationError, match="a directory that exists"):
        check_page_path(tmp_path / "no" / "report.html")
