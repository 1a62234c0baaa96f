"""Every command that takes a model of somebody else refuses one that touches files, before it touches any."""

import io
import json
import shutil
import zipfile
from pathlib import Path

import h5py
import hostile_models
import keras
import numpy as np
import pytest
from command_runs import ended
from hostile_models import SHAPE, Places, save, write
from small_pictures import make_folder
from small_runs import make_run

from aag_tf.config import EmbedConfig, ExportConfig
from aag_tf.export import beam, embedding, export
from aag_tf.runs.exported import digest

REFUSED = "can do more than compute, such as read and write files (WriteFile)"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Pictures, an export of a run, and a collection that it embedded; tests must not change them."""
    path = tmp_path_factory.mktemp("ours")
    digits = np.random.default_rng(0).integers(0, 256, (40, *SHAPE), np.uint8)
    labels = np.arange(40) % 4
    np.savez(path / "digits.npz", images=digits, labels=labels, test_images=digits, test_labels=labels)
    make_run(path / "run", f"npz:{path / 'digits.npz'}")
    export(
        ExportConfig(
            run_dir=str(path / "run"), export_dir=str(path / "served"), signatures="serving_default", verify=False
        )
    )
    make_folder(path / "pictures")
    embedding.embed(EmbedConfig(str(path / "served"), str(path / "pictures"), str(path / "out")))
    return path


@pytest.fixture(params=["at each call", "at load"])
def places(request, tmp_path, folder):
    """A model that writes a file, with the description of one of ours."""
    (tmp_path / "attack").mkdir()
    places = Places(tmp_path / "attack")
    if request.param == "at load":
        hostile_models.at_load(places)
    else:
        save(places, lambda: write(places))
    content = json.loads((folder / "served" / "1" / "model.json").read_text())
    (places.model / "model.json").write_text(json.dumps(content | {"embedding_dim": hostile_models.DIM}))
    places.clear()
    return places


def test_aag_evaluate(capsys, monkeypatch, folder, places):
    flags = ["aag-evaluate", f"--saved_model={places.model}", f"--dataset=npz:{folder / 'digits.npz'}"]
    code, said = ended(capsys, monkeypatch, *flags)
    assert (code, REFUSED in said) == (1, True)
    (places.model / "model.json").unlink()
    code, said = ended(capsys, monkeypatch, *flags)
    assert (code, REFUSED in said, len(said.splitlines())) == (1, True, 1)
    assert not places.touched()
    code, said = ended(capsys, monkeypatch, *flags, "--trust_model", "--measures=knn", "--knn_k=3", "--noreport")
    assert (code, "is trusted: it can read and write your files (WriteFile)" in said) == (0, True)
    assert places.touched()


def test_aag_embed(capsys, monkeypatch, folder, places):
    flags = ["aag-embed", f"--saved_model={places.model}", f"--input={folder / 'pictures'}"]
    code, said = ended(capsys, monkeypatch, *flags, f"--output={places.folder.parent / 'out'}")
    assert (code, REFUSED in said, len(said.splitlines())) == (1, True, 1)
    assert not places.touched()
    assert not (places.folder.parent / "out").exists()


def test_aag_embed_update(capsys, monkeypatch, folder, places):
    out = shutil.copytree(folder / "out", places.folder.parent / "out")
    _made_by(places, out)
    flags = [f"--saved_model={places.model}", f"--input={folder / 'pictures'}", f"--output={out}", "--update"]
    code, said = ended(capsys, monkeypatch, "aag-embed", *flags)
    assert (code, REFUSED in said) == (1, True)
    assert not places.touched()


def test_aag_search(capsys, monkeypatch, folder, places):
    out = shutil.copytree(folder / "out", places.folder.parent / "out")
    _made_by(places, out)
    query = next((folder / "pictures").rglob("*.png"))
    code, said = ended(capsys, monkeypatch, "aag-search", f"--embeddings={out}", f"--query={query}", "--gallery=")
    assert (code, REFUSED in said) == (1, True)
    assert not places.touched()


def _made_by(places, out):
    """Lets a collection say that the hostile model embedded it."""
    manifest = json.loads((out / "manifest.json").read_text())
    del manifest["sha256"]  # as an earlier version wrote it, or whoever means harm
    manifest["model"] |= {"path": str(places.model), "digest": digest(places.model)}
    (out / "manifest.json").write_text(json.dumps(manifest))


def test_beam(capsys, folder, places):
    pytest.importorskip("apache_beam", reason="needs the extra `beam`")
    flags = [f"--saved_model={places.model}", f"--input={folder / 'pictures'}", f"--output={places.folder.parent}/x"]
    assert beam.main(flags) == 1
    assert REFUSED in capsys.readouterr().err
    assert not places.touched()


def test_a_model_of_others_that_computes_is_named_in_a_line(capsys, monkeypatch, folder, tmp_path):
    places = Places(tmp_path)
    save(places, lambda: None)
    flags = [f"--saved_model={places.model}", f"--dataset=npz:{folder / 'digits.npz'}", "--measures=knn", "--knn_k=3"]
    code, said = ended(capsys, monkeypatch, "aag-evaluate", *flags)
    assert code == 0
    assert f"{places.model} was not written by aag-export. Its operations were looked at" in said


def test_trust_is_for_saved_models(capsys, monkeypatch):
    code, said = ended(capsys, monkeypatch, "aag-evaluate", "--run_dir=run", "--trust_model")
    assert (code, "--trust_model is for a SavedModel" in said) == (2, True)


@pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy")  # of Keras's own saving
@pytest.mark.parametrize("attack", ["Lambda", "TFSMLayer", "vocabulary"])
def test_a_keras_file_that_needs_code_or_files_is_refused(capsys, monkeypatch, folder, tmp_path, attack):
    places = Places(tmp_path)
    save(places, lambda: write(places))
    layer = {
        "Lambda": lambda: {
            "class_name": "Lambda",
            "config": keras.layers.Lambda(lambda x: Path("written").touch() or x, name="bad").get_config(),
        },
        "TFSMLayer": lambda: {
            "class_name": "TFSMLayer",
            "config": {"name": "bad", "filepath": str(places.model), "call_endpoint": "serving_default"},
        },
        "vocabulary": lambda: {
            "class_name": "StringLookup",
            "config": {"name": "bad", "vocabulary": str(places.secret)},
        },
    }[attack]()

    def replace(members):
        config = json.loads(members["config.json"])
        replaced = next(each for each in config["config"]["layers"] if each["config"]["name"] == "bad")
        replaced |= {"module": "keras.layers", "registered_name": None} | layer
        members["config.json"] = json.dumps(config).encode()

    file = _changed_keras_file(places, keras.layers.Activation("relu", name="bad"), replace)
    monkeypatch.chdir(tmp_path)
    flags = [f"--keras_model={file}", f"--dataset=npz:{folder / 'digits.npz'}", "--input_range=0..1"]
    code, said = ended(capsys, monkeypatch, "aag-evaluate", *flags)
    assert (code, "cannot be loaded in safe mode" in said) == (1, True)
    assert not places.touched()


@pytest.mark.parametrize("where", ["a file of bytes", "another file of arrays"])
def test_a_keras_file_whose_weights_lie_elsewhere_is_refused(capsys, monkeypatch, folder, tmp_path, where):
    places = Places(tmp_path)
    places.model.mkdir()
    elsewhere = tmp_path / "model" / "elsewhere"
    if where == "a file of bytes":
        elsewhere.write_bytes(bytes(4 * 64 * 5))
    else:
        with h5py.File(elsewhere, "w") as file:
            file["x"] = np.zeros((64, 5), np.float32)

    def point(members):
        stored = io.BytesIO(members["model.weights.h5"])
        with h5py.File(stored, "r+") as content:
            found = []
            content.visititems(
                lambda name, entry: found.append(name) if getattr(entry, "shape", 0) == (64, 5) else None
            )
            del content[found[0]]
            if where == "a file of bytes":
                external = [(str(elsewhere), 0, elsewhere.stat().st_size)]
                content.create_dataset(found[0], shape=(64, 5), dtype="f4", external=external)
            else:
                content[found[0]] = h5py.ExternalLink(str(elsewhere), "x")
        members["model.weights.h5"] = stored.getvalue()

    file = _changed_keras_file(places, keras.layers.Flatten(), point, keras.layers.Dense(5))
    flags = [f"--keras_model={file}", f"--dataset=npz:{folder / 'digits.npz'}", "--input_range=0..1"]
    code, said = ended(capsys, monkeypatch, "aag-evaluate", *flags)
    assert (code, "cannot be loaded in safe mode" in said) == (1, True)


def _changed_keras_file(places, first, change, last=None):
    """Saves a model of two layers, changes the files in its archive, and returns it."""
    file = places.folder / "model" / "model.keras"
    keras.Sequential([keras.Input(SHAPE), first, last or keras.layers.Flatten()]).save(file)
    with zipfile.ZipFile(file) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    change(members)
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    places.clear()
    return file
