"""The site of documentation: every page has its place, every public name its description, and what it names exists."""

import dataclasses
import inspect
import json
import re
from pathlib import Path

import aag_tf
from aag_tf.data.pack import manifest as pack_manifest
from aag_tf.data.pack import table
from aag_tf.evaluation.evaluation import SCHEMA, Evaluation
from aag_tf.evaluation.results import FeatureResult
from aag_tf.export import embedding
from aag_tf.export.embedding import manifest, shards
from aag_tf.export.prediction import manifest as prediction_manifest
from aag_tf.export.prediction import rows
from aag_tf.finetuning.record import SCHEMA as FINETUNE_SCHEMA
from aag_tf.finetuning.record import Finetuning
from aag_tf.flags.commands import COMMANDS
from aag_tf.runs import classifier_record, exported, exported_classifier, run_record
from aag_tf.runs.checkpoints import manifest as checkpoint_manifest

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = sorted(DOCS.rglob("*.md"))
LINK = re.compile(r"\]\(([^)\s#]+)(?:#[^)\s]*)?\)")
PYTHON = DOCS / "reference" / "python.md"
FORMATS = (DOCS / "reference" / "file_formats.md").read_text()


def keys(kind, *but):
    return {field.name for field in dataclasses.fields(kind)} - set(but)


def section(title):
    """Names in the first column of the table under a heading of the page on file formats."""
    body = re.split(r"^##+ ", FORMATS.split(f"# {title}\n", 1)[1], maxsplit=1, flags=re.MULTILINE)[0]
    rows = re.findall(r"^\| ([^|]*) \|", body, re.MULTILINE)
    return set(re.findall(r"`([a-z_0-9]+)`", " ".join(rows)))


def test_every_page_has_its_place_in_the_navigation():
    named = set(re.findall(r"[\w/]+\.md", (ROOT / "mkdocs.yml").read_text()))
    assert named == {page.relative_to(DOCS).as_posix() for page in PAGES}


def test_links_lead_to_files():  # `make docs` checks those of the site again, with their anchors
    for page in [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *PAGES]:
        targets = [target for target in LINK.findall(page.read_text()) if "://" not in target]
        assert targets or page.name != "README.md"
        assert not [target for target in targets if not (page.parent / target).exists()], page.name


def test_every_public_name_is_documented():
    text = PYTHON.read_text()
    shown = set(re.findall(r"^::: aag_tf\.(?:\w+\.)*(\w+)$", text, re.MULTILINE))
    in_tables = set(re.findall(r"`(\w+Config)`", text))
    named = shown | in_tables | {"__version__"}
    assert set(dir(aag_tf)) <= named, set(dir(aag_tf)) - named
    assert set(embedding.__all__) <= named
    assert "`aag_tf.__version__`" in text
    for name in set(dir(aag_tf)) - {"__version__"}:
        assert inspect.getdoc(getattr(aag_tf, name)), name


def test_every_command_is_documented_by_its_module():
    text = (DOCS / "reference" / "commands.md").read_text()
    assert set(re.findall(r"^## (aag-\w+)$", text, re.MULTILINE)) == set(COMMANDS)
    assert set(re.findall(r"^::: aag_tf\.commands\.(\w+)$", text, re.MULTILINE)) == {
        command.removeprefix("aag-") for command in COMMANDS
    }


def test_every_key_of_every_file_is_documented():
    record = keys(run_record.RunRecord, "config") | {"format_version", "flags"}
    assert section("`run.json`") == record
    checkpoint = keys(checkpoint_manifest.Manifest) | {"format", "format_version", "sha256"}
    assert section("Checkpoints") == checkpoint
    model = keys(exported.ExportMetadata, "record") | record - {"arithmetic", "command", "custom_encoder"}
    assert section("`model.json`") - {"custom_encoder"} == model | {"format", "dataset", "own_encoder"}
    assert section("`manifest.json`") == keys(manifest.Manifest) | {"format", "format_version", "sha256"}
    assert section("`pack.json`") == keys(pack_manifest.Manifest) | {"format", "format_version", "sha256"}
    assert section("Packs") == set(table.SCHEMA.names)
    assert section("Parquet") == set(shards.schema("float32").names)
    for title, kind in (("Embedded collections", manifest.Settings), ("Predictions", prediction_manifest.Settings)):
        settings = re.search(r"^\| `settings` \| (.*) \|$", FORMATS.split(f"# {title}")[1], re.MULTILINE)[1]
        assert set(re.findall(r"`(\w+)`", settings)) == keys(kind)


def test_every_key_of_classifiers_and_predictions_is_documented():
    record = keys(classifier_record.ClassifierRecord)
    assert section("`classifier.json`") == record | {"format", "format_version"}
    exported_keys = keys(exported_classifier.ClassifierMetadata, "record")
    assert section("`model.json` of a classifier") == exported_keys | record | {"format", "format_version"}
    assert section("`predictions.json`") == keys(prediction_manifest.Manifest) | {"format", "format_version", "sha256"}
    assert section("Parquet files of predictions") == set(rows.schema(all_probabilities=True).names)


def test_every_key_of_an_evaluation_is_documented():
    evaluation = Evaluation(
        [FeatureResult("given features", 2, [])], {}, {}, settings={}, command="", seeds={}, versions={}, seconds=0.0
    )
    assert section("`evaluation.json`") >= set(json.loads(evaluation.to_json()))
    assert f"Schema {SCHEMA}." in FORMATS


def test_every_key_of_a_fine_tuning_is_documented():
    assert section("`finetune.json`") >= keys(Finetuning, "path") | {"schema"}
    assert f"Schema {FINETUNE_SCHEMA}. A change" in FORMATS.split("`finetune.json`\n", 1)[1]


def test_scripts_and_extras_that_pages_name_exist():
    setup = (ROOT / "setup.py").read_text()
    for page in [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *PAGES]:
        text = page.read_text()
        for script in re.findall(r"\bpython ((?:benchmarks|examples)/\w+\.py)", text):
            assert (ROOT / script).is_file(), (page.name, script)
        for extras in re.findall(r"pip install '?(?:aag-tf|\.)\[([\w,]+)\]", text):
            for extra in extras.split(","):
                assert f'"{extra}": [' in setup, (page.name, extra)


def test_a_how_to_begins_with_its_goal_and_shows_code_soon():
    for page in (DOCS / "how_to").glob("*.md"):
        title, goal, *rest = page.read_text().split("\n\n")
        assert title.startswith("# "), page.name
        assert goal.startswith("**Goal:** "), page.name
        assert any(part.lstrip().startswith("```") for part in rest[:3]), page.name
