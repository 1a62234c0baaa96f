"""Comparing: evaluations read from disk, refused where they do not belong together, in one table and one page."""

import json

import pytest
from html_checks import Page, check_accessible, check_stands_alone

from aag_tf import flags
from aag_tf.config import EncoderConfig, EvaluateConfig, RunConfig, TrainConfig
from aag_tf.evaluation import compare, evaluate
from aag_tf.report import write_comparison
from aag_tf.runs import RunDirectory, RunRecord
from aag_tf.utils.errors import ConfigError, EvaluationError


def metric(name, value, low=None, high=None, **details):
    return {"name": name, "value": value, "n": 360, "low": low, "high": high, "details": details}


def evaluation(knn, **changes):
    measures = [metric("knn", knn, knn - 0.02, knn + 0.02, k=20), metric("rankme", 100 * knn)]
    return {
        "schema": 2,
        "command": "aag-evaluate --run_dir=<b>",
        "versions": {"tensorflow": "2.21.0"},
        "seeds": {},
        "subject": {"run_dir": "runs/some", "step": 7},
        "data": {"dataset": "digits", "split": "test", "num_bank": 1437, "num_queries": 360},
        "settings": {"knn_k": 20, "knn_temperature": 0.07},
        "seconds": 1.0,
        "results": [
            {"features": "raw pixels", "dim": 64, "measures": [metric("knn", 0.5, 0.45, 0.55, k=20)]},
            {"features": "trained encoder", "dim": 128, "measures": measures},
            {"features": "supervised encoder", "dim": 128, "measures": [metric("knn", 0.99, 0.98, 1.0, k=20)]},
        ],
    } | changes


@pytest.fixture
def runs(tmp_path):
    paths = []
    for name, knn in (("first", 0.9), ("second", 0.8)):
        path = tmp_path / name
        path.mkdir()
        (path / "evaluation.json").write_text(json.dumps(evaluation(knn)))
        paths.append(path)
    return paths


def write_record(path, width):
    config = TrainConfig(encoder=EncoderConfig(width=width), run=RunConfig(run_dir=str(path)))
    RunDirectory(path).write_record(RunRecord(config=config, image_shape=(8, 8, 1)))


def test_table_and_page_show_both_beside_their_baseline(runs, tmp_path):
    metrics = [json.dumps({"step": step, "loss": 1 / step}) for step in (1, 2, 3)]
    for path, width in zip(runs, (0.25, 0.5), strict=True):
        write_record(path, width)
        (path / "metrics.jsonl").write_text("\n".join(metrics))
    comparison = compare(runs)
    write_comparison(comparison, tmp_path / "both.html")
    lines = str(comparison).splitlines()
    assert lines[0].startswith("2 encoders on digits, test split: 360 images, evaluated with 1,437 others to learn")
    assert lines[3].split() == ["first", "second", "raw", "pixels"]
    assert lines[5].split("  ")[0] == "kNN (k=20)"
    assert [part for part in lines[5].split() if part.endswith("0")] == ["90.00", "80.00", "50.00"]
    assert len({len(line) for line in lines[3:]}) == 1
    assert comparison.differences == {"width": ["0.25", "0.5"]}

    page = Page((tmp_path / "both.html").read_text())
    check_stands_alone(page)
    check_accessible(page)
    assert page.texts("h2") == ["Metrics", "What differs in training", "Training curves", "How each was evaluated"]
    assert {"90.00 %", "88.0 to 92.0", "80.00 %", "50.00 %"} <= set(page.texts("td"))
    assert "99.00 %" not in page.texts("td")  # the supervised encoder is no run's own
    assert "aag-evaluate --run_dir=<b>" in page.texts("td")


def test_a_baseline_of_other_pixels_is_not_shown(runs):
    shown = evaluation(0.8, data=evaluation(0.8)["data"] | {"image_shape": [16, 16, 1]})
    (runs[1] / "evaluation.json").write_text(json.dumps(shown))
    comparison = compare(runs)
    assert [result.features for result in comparison.results] == ["first", "second"]


def test_a_baseline_that_one_lacks_is_not_shown(runs):
    alone = evaluation(0.8)
    alone["results"] = alone["results"][1:]
    (runs[1] / "evaluation.json").write_text(json.dumps(alone))
    comparison = compare(runs)
    assert [result.features for result in comparison.results] == ["first", "second"]


def test_a_measure_of_a_later_version_is_shown_under_its_name(runs):
    later = evaluation(0.8)
    later["results"][1]["measures"] += [metric("knn_whitened", 0.7, 0.6, 0.8), metric("probe_5%", 0.6, 0.5, 0.7)]
    (runs[1] / "evaluation.json").write_text(json.dumps(later))
    lines = str(compare(runs)).splitlines()
    assert {"knn_whitened", "probe_5%"} <= {line.split("  ")[0] for line in lines}


def test_settings_count_where_both_have_the_measure(runs):
    for path, steps in zip(runs, (10, 20), strict=True):
        changed = evaluation(0.8, settings=evaluation(0.8)["settings"] | {"fine_tune_steps": steps})
        (path / "evaluation.json").write_text(json.dumps(changed))
    compare(runs)
    for path in runs:
        content = json.loads((path / "evaluation.json").read_text())
        content["results"][1]["measures"].append(metric("fine_tune_1%", 0.5))
        (path / "evaluation.json").write_text(json.dumps(content))
    with pytest.raises(EvaluationError, match=r"--fine_tune_steps=10, .*second with 20"):
        compare(runs)


def test_settings_count_between_any_two(runs, tmp_path):
    alone = evaluation(0.9)
    alone["results"][1]["measures"] = [metric("rankme", 9.0)]
    (tmp_path / "alone.json").write_text(json.dumps(alone))
    changed = evaluation(0.8, settings={"knn_k": 5, "knn_temperature": 0.07})
    (runs[1] / "evaluation.json").write_text(json.dumps(changed))
    with pytest.raises(EvaluationError, match=r"first was evaluated with --knn_k=20, .*second with 5"):
        compare([tmp_path / "alone.json", *runs])
    for path in runs:  # neighbors count in another measure too
        content = json.loads((path / "evaluation.json").read_text())
        content["results"][1]["measures"] = [metric("neighbor_purity", 0.5, 0.4, 0.6, k=9)]
        (path / "evaluation.json").write_text(json.dumps(content))
    with pytest.raises(EvaluationError, match=r"first was evaluated with --knn_k=20, .*second with 5"):
        compare(runs)


def test_results_of_another_model_get_no_run_by_where_they_lie(runs):
    for path in runs:
        write_record(path, 0.5)
    rival = runs[0] / "rival.json"
    rival.write_text(json.dumps(evaluation(0.7, subject={"keras_model": "rival.keras"})))
    other = runs[0] / "other.json"
    other.write_text(json.dumps(evaluation(0.7, subject={"run_dir": str(runs[1])})))
    own = evaluation(0.9, subject={"run_dir": "/before/it/was/moved/run"})
    (runs[0] / "evaluation.json").write_text(json.dumps(own))
    comparison = compare([runs[0], rival, other])
    assert [run.flags.get("width") for run in comparison.runs] == [0.5, None, 0.5]
    assert [run.metrics and run.metrics.parent for run in comparison.runs] == [runs[0], None, runs[1]]


def test_a_run_is_found_from_within_its_directory(runs, tmp_path, monkeypatch):
    write_record(runs[0], 0.5)
    for name, run_dir in (("first.json", "runs/first"), ("second.json", ".")):
        (runs[0] / name).write_text(json.dumps(evaluation(0.7, subject={"run_dir": run_dir})))
    monkeypatch.chdir(runs[0])
    comparison = compare(["first.json", "second.json"])
    assert [run.flags["width"] for run in comparison.runs] == [0.5, 0.5]


def test_names_are_as_short_as_they_can_be(runs, tmp_path):
    other = tmp_path / "elsewhere" / "first"
    other.mkdir(parents=True)
    (other / "evaluation.json").write_text(json.dumps(evaluation(0.7)))
    (tmp_path / "by_file.json").write_text(json.dumps(evaluation(0.6)))
    named = [runs[0], other, tmp_path / "by_file.json"]
    comparison = compare(named)
    assert [run.name for run in comparison.runs][1] == "elsewhere/first"
    assert comparison.results[2].measure("knn").value == 0.6
    assert comparison.differences == {}


def test_paths_are_taken_as_they_are(runs, tmp_path, monkeypatch):
    runs[0].rename(tmp_path / "a,b")
    monkeypatch.chdir(tmp_path)
    comparison = compare([tmp_path / "a,b", "second"])
    assert [run.name for run in comparison.runs] == ["a,b", "second"]


def test_names_of_earlier_versions_are_those_of_today(runs):
    for path, purity, baselines, gray in (
        (runs[0], "neighbour_purity", "floors", "grey"),
        (runs[1], "neighbor_purity", "baselines", "gray"),
    ):
        content = evaluation(0.8)
        content["results"][1]["measures"].append(metric(purity, 0.5, 0.4, 0.6, k=20))
        content["settings"][baselines] = "raw_pixels"
        content["data"]["conversion"] = f"{gray} repeated as RGB"
        (path / "evaluation.json").write_text(json.dumps(content))
    comparison = compare(runs)
    assert [result.features for result in comparison.results] == ["first", "second", "raw pixels"]
    assert [row.split("  ")[0] for row in str(comparison).splitlines()[5:]].count("neighbor purity (k=20)") == 1
    assert comparison.results[0].measure("neighbor_purity").value == 0.5
    assert [run.evaluation.settings["baselines"] for run in comparison.runs] == ["raw_pixels"] * 2


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "has not been evaluated .*; name a run, or a file of --output"),
        ("{", "is damaged .it is not JSON: Expecting"),
        ("[]", "is damaged .it holds no object"),
        (json.dumps(evaluation(0.5, schema=1)), "has schema 1 and this version reads schema 2"),
        (json.dumps(evaluation(0.5, results=[])), "it has no 'results'"),
        (
            json.dumps(evaluation(0.5, results=[{"features": "x", "dim": 1, "measures": [{}]}])),
            r"it has no 'results\[0\].measures\[0\].name'",
        ),
        (json.dumps(evaluation(float("nan"))), r"its 'results\[.\].measures\[0\].value' is no finite number"),
        (
            json.dumps(evaluation(0.5, data=evaluation(0.5)["data"] | {"num_queries": "360"})),
            "its 'data.num_queries' is not int",
        ),
        (
            json.dumps(evaluation(0.5, data=evaluation(0.5)["data"] | {"dataset": "tfds:mnist"})),
            r"was evaluated on digits \(test split, .*\), .*second on tfds:mnist",
        ),
        (json.dumps(evaluation(0.5, settings={"knn_k": 5, "knn_temperature": 0.07})), "--knn_k=20, .*second with 5"),
    ],
)
def test_refuses_what_cannot_be_compared(runs, content, message):
    path = runs[1] / "evaluation.json"
    path.unlink()
    if content is not None:
        path.write_text(content)
    with pytest.raises(EvaluationError, match=message) as caught:
        compare(runs)
    assert "\n" not in str(caught.value)


def test_runs_follow_the_flag_one_after_the_other():
    parsed = flags.parse(["x", "--compare", "a", "b", "--output=c.html"], EvaluateConfig, usage="")
    assert parsed.compared == ("a", "b")
    assert parsed.output == "c.html"
    assert flags.parse(["x", "--compare=a,b", "c"], EvaluateConfig, usage="").compared == ("a", "b", "c")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--compare", "a"], "names too few runs"),
        (["--compare"], "names too few runs"),
        (["--compare", "a", "b", "a"], "names a run twice"),
        (["--compare", "a", "b", "--run_dir=c"], "beside it only --output"),
        (["--compare", "a", "b", "--knn_k=5"], "beside it only --output"),
        (["--output=x", "stray"], "is not a flag"),
        ([], "and --compare <run> <run>"),
    ],
)
def test_refuses_flags_that_contradict(arguments, message):
    with pytest.raises(ConfigError, match=message):
        flags.parse(["aag-evaluate", *arguments], EvaluateConfig, usage="")


def test_runs_that_give_nothing_to_compare_are_refused(runs):
    with pytest.raises(ConfigError, match="first names too few runs"):
        compare(runs[:1])
    with pytest.raises(ConfigError, match="names a run twice"):
        compare([*runs, str(runs[0])])


def test_what_is_to_be_compared_is_not_evaluated():
    with pytest.raises(ConfigError, match=r"existing evaluations; give them to aag_tf\.compare"):
        evaluate(EvaluateConfig(compare="a,b"))
