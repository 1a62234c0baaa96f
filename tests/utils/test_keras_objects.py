"""After `import aag_tf` Keras opens files with this package's classes, whichever of the two is imported first."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from aag_tf.config import EncoderConfig
from aag_tf.encoders import build_encoder
from aag_tf.utils.keras_objects import MODULES

ROOT = Path(__file__).parents[2]
REGISTERED = re.compile(r'^@keras\.saving\.register_keras_serializable\(package="aag_tf"\)\nclass (\w+)', re.MULTILINE)


def python(code, *arguments):
    command = [sys.executable, "-c", code, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_names_every_class_that_registers_itself():
    found = {}
    for folder in ("aag_tf", "export", "flags"):
        for file in (ROOT / folder).rglob("*.py"):
            module = ".".join(file.relative_to(ROOT).with_suffix("").parts)
            found |= dict.fromkeys(REGISTERED.findall(file.read_text()), module)
    assert found == MODULES


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """A file of an encoder with its fused batch normalization, pixels, and their embeddings."""
    encoder = build_encoder(EncoderConfig("tiny", width=0.25), (8, 8, 1))
    pixels = np.random.default_rng(0).integers(0, 256, (3, 8, 8, 1), np.uint8)
    folder = tmp_path_factory.mktemp("saved")
    encoder.save(folder / "encoder.keras")
    np.savez(folder / "expected.npz", pixels=pixels, embeddings=encoder(pixels, training=False))
    return folder


@pytest.mark.parametrize(
    "imports",
    [
        "import keras, aag_tf",
        "import aag_tf, importlib.util; importlib.util.find_spec('keras'); import keras",
        "from aag_tf import ViewMaker; import keras",  # imports Keras in the midst of its own modules
    ],
)
def test_a_saved_encoder_opens_after_import_of_the_package(saved, imports):
    code = f"""{imports}
import sys, numpy as np
expected = np.load(sys.argv[1] + "/expected.npz")
model = keras.models.load_model(sys.argv[1] + "/encoder.keras")
np.testing.assert_allclose(model(expected["pixels"], training=False), expected["embeddings"], atol=1e-5)
norm = next(layer for layer in model.layers if "norm" in layer.name)
print(type(norm).__module__, keras.saving.get_registered_object("aag_tf>BatchNorm") is type(norm))
"""
    assert python(code, saved) == "aag_tf.encoders.batch_norm True\n"


def test_every_class_comes_back_from_its_config():
    code = """
import aag_tf, keras
from aag_tf import AuxiliaryBranch, GNTXent, LearnedTemperature, MainBranch, ViewMaker
from aag_tf.encoders import BatchNorm
from aag_tf.optimizers import LARS
for made in (MainBranch(), AuxiliaryBranch(), GNTXent(temperature=0.3), LearnedTemperature(0.2), LARS(0.2),
             BatchNorm(momentum=0.7), ViewMaker(MainBranch(), AuxiliaryBranch())):
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(made))
    assert type(again) is type(made) and again.get_config() == made.get_config(), made
    print(type(made).__name__)
"""
    assert len(python(code).split()) == 7


def test_importing_the_package_imports_neither_keras_nor_tensorflow():
    code = "import aag_tf, sys; print(sorted({'keras', 'tensorflow', 'numpy', 'keras_cv'} & set(sys.modules)))"
    assert python(code) == "[]\n"
