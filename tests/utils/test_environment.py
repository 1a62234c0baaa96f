"""The environment is prepared before TensorFlow and Keras are imported, and a user's own choice of kernels wins."""

import functools
import json
import os
import subprocess
import sys

import pytest
from simulated_cpu import AVX2, install_cpu

from aag_tf.utils import cpu, environment

VARIABLES = ("KERAS_BACKEND", "KERAS_HOME", "TF_USE_LEGACY_KERAS", "TF_ENABLE_ONEDNN_OPTS", *cpu.LIMITS)


@pytest.fixture
def machine(monkeypatch, tmp_path):
    """Returns a function that puts another CPU into this machine, and unsets what the user may have set."""
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(environment, "_notices", [])
    return functools.partial(install_cpu, monkeypatch, tmp_path)


@pytest.mark.parametrize(
    ("line", "flags", "expected"),
    [("flags\t\t", AVX2, "1"), ("flags\t\t", "fpu sse4_2 avx", None), ("Features\t", "asimd bf16 avx2", None)],
)
def test_onednn_is_switched_on_where_it_pays(monkeypatch, machine, line, flags, expected):
    machine(flags, line)
    monkeypatch.delitem(sys.modules, "tensorflow", raising=False)
    environment.prepare()
    assert os.environ.get("TF_ENABLE_ONEDNN_OPTS") == expected


def test_a_machine_that_says_nothing_about_its_cpu_is_left_alone(monkeypatch, machine, tmp_path):
    machine("")
    (tmp_path / "cpuinfo").unlink()
    monkeypatch.delitem(sys.modules, "tensorflow", raising=False)
    environment.prepare()
    assert "TF_ENABLE_ONEDNN_OPTS" not in os.environ


@pytest.mark.parametrize("own", ["0", "1", "false"])
def test_a_users_own_choice_of_kernels_wins(monkeypatch, machine, own):
    machine(AVX2)
    monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", own)
    monkeypatch.delitem(sys.modules, "tensorflow", raising=False)
    environment.prepare()
    assert os.environ["TF_ENABLE_ONEDNN_OPTS"] == own


@pytest.mark.parametrize("off", [True, False])
def test_tensorflow_that_came_first_is_said_once(monkeypatch, machine, off):
    machine(AVX2)
    monkeypatch.setitem(sys.modules, "tensorflow", sys)
    monkeypatch.setattr(environment, "_onednn_is_off", lambda: off)
    environment.prepare()
    said = []
    for _ in range(2):
        environment.tell(said.append)
    expected = [
        "TensorFlow was imported before aag_tf, with oneDNN off, and trains several times slower on this CPU; set "
        "TF_ENABLE_ONEDNN_OPTS=1, or import aag_tf first."
    ]
    assert said == (expected if off else [])
    assert "TF_ENABLE_ONEDNN_OPTS" not in os.environ


@pytest.mark.parametrize(
    ("flags", "settings", "expected"),
    [
        ("avx2 avx512f avx512_bf16", {}, True),
        ("avx2 amx_bf16", {}, True),
        ("avx2 avx512f avx512_vnni", {}, False),
        ("avx2", {}, False),
        ("avx512_bf16", {"TF_ENABLE_ONEDNN_OPTS": "0"}, False),
        ("avx512_bf16", {"TF_ENABLE_ONEDNN_OPTS": "1"}, True),
        ("amx_bf16", {"ONEDNN_MAX_CPU_ISA": "AVX2"}, False),
        ("amx_bf16", {"DNNL_MAX_CPU_ISA": "avx512_core"}, False),
        ("amx_bf16", {"ONEDNN_MAX_CPU_ISA": "AVX512_CORE_BF16"}, True),
        ("amx_bf16", {"ONEDNN_MAX_CPU_ISA": "default"}, True),
    ],
)
def test_bfloat16_counts_where_hardware_and_kernels_have_it(monkeypatch, machine, flags, settings, expected):
    machine(flags)
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    assert cpu.computes_bfloat16() == expected


# Each case is a fresh process, since only the first import reads the variables.
def python(program, **variables):
    kept = {name: value for name, value in os.environ.items() if name not in VARIABLES}
    return subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, env=kept | variables, check=False, timeout=120
    )


IMPORT = "import aag_tf, os; from aag_tf.utils import environment; environment.tell(print); "


def test_notices_name_what_was_replaced(tmp_path):
    (tmp_path / "keras.json").write_text(json.dumps({"backend": "torch", "image_data_format": "channels_first"}))
    shown = IMPORT + "print(os.environ['KERAS_BACKEND'], os.environ.get('TF_USE_LEGACY_KERAS'))"
    done = python(shown, KERAS_HOME=str(tmp_path), TF_USE_LEGACY_KERAS="true")
    assert done.stdout.splitlines() == [
        "TF_USE_LEGACY_KERAS=true is set to 0 here, since aag_tf needs Keras 3.",
        f"the backend torch of {tmp_path}/keras.json is replaced by tensorflow here, since aag_tf needs TensorFlow.",
        f"image_data_format channels_first of {tmp_path}/keras.json is replaced by channels_last in aag_tf.",
        "tensorflow 0",
    ]
    done = python(shown, KERAS_HOME=str(tmp_path / "none"), KERAS_BACKEND="jax")
    assert done.stdout.splitlines() == [
        "KERAS_BACKEND=jax is replaced by tensorflow here, since aag_tf needs TensorFlow.",
        "tensorflow None",
    ]
    assert python(shown, KERAS_BACKEND="tensorflow").stdout == "tensorflow None\n"


def test_keras_on_another_backend_is_one_sentence():
    # Stands for Keras on JAX, which is not installed here.
    program = (
        "import sys, types\nsys.modules['keras'] = keras = types.ModuleType('keras')\n"
        "keras.config = types.SimpleNamespace(backend=lambda: 'jax')\nimport aag_tf"
    )
    assert python(program).stderr.splitlines()[-1] == (
        "aag_tf.utils.errors.ConfigError: Keras was imported with the backend jax, and aag_tf needs TensorFlow; set "
        "KERAS_BACKEND=tensorflow before Keras is imported, or import aag_tf first."
    )


def test_tensorflow_with_legacy_keras_is_one_sentence():
    program = "import sys, types\nsys.modules['tensorflow'] = types.ModuleType('tensorflow')\nimport aag_tf"
    assert python(program, TF_USE_LEGACY_KERAS="1").stderr.splitlines()[-1] == (
        "aag_tf.utils.errors.ConfigError: TensorFlow was imported with TF_USE_LEGACY_KERAS=1, and aag_tf needs Keras "
        "3; unset that variable, or import aag_tf first."
    )
