"""Where pages are written: beside their results, never over a file of someone else's, and checked before any work."""

from pathlib import Path

import pytest

from aag_tf.config import EvaluateConfig
from aag_tf.report import comparison_path, report_path
from aag_tf.utils.errors import EvaluationError


def test_the_report_lies_beside_its_results(tmp_path):
    run_dir = str(tmp_path)
    assert report_path(EvaluateConfig(run_dir=run_dir)) == tmp_path / "report.html"
    assert report_path(EvaluateConfig(run_dir=run_dir, output=f"{tmp_path}/best.json")) == tmp_path / "best.html"
    assert (
        report_path(EvaluateConfig(run_dir=run_dir, output=f"{tmp_path}/evaluation.json")) == tmp_path / "report.html"
    )
    assert report_path(EvaluateConfig(run_dir=run_dir, report=False)) is None
    assert report_path(EvaluateConfig(saved_model="m")) is None  # nothing is written
    nowhere = tmp_path / "no" / "such" / "run"
    assert report_path(EvaluateConfig(run_dir=str(nowhere))) == nowhere / "report.html"  # loading it says what is wrong


def test_a_page_that_cannot_be_written_is_an_error_at_once(tmp_path):
    (tmp_path / "report.html").write_text("<p>mine</p>")
    with pytest.raises(EvaluationError, match=r"report\.html exists and is no report of aag_tf"):
        report_path(EvaluateConfig(run_dir=str(tmp_path)))
    with pytest.raises(EvaluationError, match=r"is the JSON file; give it another name, as in evaluation\.json"):
        report_path(EvaluateConfig(run_dir=str(tmp_path), output=f"{tmp_path}/best.html"))
    with pytest.raises(EvaluationError, match="exists and is no report of aag_tf"):
        comparison_path(EvaluateConfig(compare="a,b", output=f"{tmp_path}/report.html"))


def test_a_comparison_is_drawn_here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert comparison_path(EvaluateConfig(compare="a,b")) == Path("comparison.html")
