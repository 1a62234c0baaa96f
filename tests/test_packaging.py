"""What is installed: every folder, every import declared, and nothing heavy before it is needed."""

import ast
import dataclasses
import importlib
import re
import subprocess
import sys
import typing
from importlib import metadata
from pathlib import Path

import pytest

import aag_tf

ROOT = Path(__file__).parents[1]
OPTIONAL = (
    "beam",
    "cloud",
    "kserve",
    "litert",
    "loggers",
    "onnx",
    "openvino",
    "search",
)  # imported where they are asked for
ELSEWHERE = {"faiss": ["faiss-cpu"]}  # modules of extras whose distribution has another name
SOURCES = {"": ["aag_tf", "flags", "export"], "test": ["tests"], "bench": ["benchmarks"]}


def normal(name):
    return re.sub(r"[-_.]+", "-", name).lower()


def declared(*extras):
    """Distributions that installing the project with these extras asks for."""
    names = {"aag-tf"}
    for requirement in metadata.requires("aag-tf"):
        name, _, condition = requirement.partition(";")
        extra = re.search(r"extra == ['\"](\w+)['\"]", condition)
        if extra is None or extra[1] in extras:
            names.add(normal(re.match(r"[\w.-]+", name)[0]))
    return names


def imported(folder):
    """Top-level modules that the files of a folder import, wherever in the file."""
    local = {path.stem for path in (ROOT / folder).rglob("*.py")}
    for path in (ROOT / folder).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.level == 0:
                modules = [node.module]
            for module in modules:
                top = module.partition(".")[0]
                if top not in sys.stdlib_module_names and top not in local | {"aag_tf"}:
                    yield path.relative_to(ROOT), top


@pytest.mark.parametrize("extra", SOURCES)
def test_setup_declares_every_import(extra):
    distributions = metadata.packages_distributions()
    known = declared(extra, *OPTIONAL, *(["peers"] if extra == "bench" else []))
    missing = {
        (str(path), module)
        for folder in SOURCES[extra]
        for path, module in imported(folder)
        if not known & {normal(name) for name in distributions.get(module, ELSEWHERE.get(module, [module]))}
    }
    assert not missing


def test_every_requirement_has_a_lower_bound():
    assert all(">=" in requirement for requirement in metadata.requires("aag-tf"))


def test_importing_the_package_or_its_settings_imports_nothing_heavy():
    code = (
        "import sys, aag_tf, aag_tf.config, aag_tf.flags, aag_tf.commands.train\n"
        "aag_tf.TrainConfig, aag_tf.AagError, aag_tf.__version__\n"
        "print([name for name in ('tensorflow', 'keras', 'numpy') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "[]\n"


def test_every_public_name_can_be_had_and_is_what_it_says():
    assert {"AAG", "AuxiliaryBranch", "GNTXent", "MainBranch", "TrainConfig", "gnt_xent", "train"} <= set(dir(aag_tf))
    for name in dir(aag_tf):
        value = getattr(aag_tf, name)
        assert value is not None
        assert getattr(value, "__name__", name) == name


def test_the_stub_names_what_the_rooms_export():
    stub = ast.parse((ROOT / "aag_tf" / "__init__.pyi").read_text())
    named = {(node.module, alias.name) for node in stub.body for alias in node.names}
    assert {name for _, name in named} == set(dir(aag_tf))
    for module, name in named:
        room = importlib.import_module(f"aag_tf.{module}")
        assert name in getattr(room, "__all__", [name]), f"{module} does not export {name}"


def test_settings_within_public_settings_are_public_too():
    names = [name for name in dir(aag_tf) if name.endswith("Config")]
    within = {
        kind.__name__
        for name in names
        for kind in typing.get_type_hints(getattr(aag_tf, name)).values()
        if dataclasses.is_dataclass(kind)
    }
    assert "LossConfig" in within
    assert within <= set(names)


def test_the_version_stands_in_setup_alone():
    version = re.search(r'version="([^"]+)"', (ROOT / "setup.py").read_text())[1]
    assert aag_tf.__version__ == version
    assert f"\n## {version}" in (ROOT / "CHANGELOG.md").read_text()


def test_console_scripts_are_the_commands():
    scripts = {
        entry.name: entry.value
        for entry in metadata.distribution("aag-tf").entry_points
        if entry.group == "console_scripts"
    }
    commands = {path.stem for path in (ROOT / "aag_tf" / "commands").glob("[a-z]*.py")}
    assert scripts == {f"aag-{name}": f"aag_tf.commands.{name}:run" for name in commands}


@pytest.mark.parametrize("path", sorted((ROOT / "aag_tf" / "commands").glob("[a-z]*.py")), ids=lambda path: path.stem)
def test_a_command_stays_small(path):
    assert len(path.read_text().splitlines()) <= 60
