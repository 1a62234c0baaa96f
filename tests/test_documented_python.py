"""The Python that the documentation shows: examples in docstrings give what they show, blocks in documents can run."""

import ast
import doctest
import importlib
import inspect
import re
import textwrap
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

ROOT = Path(__file__).parents[1]
FOLDERS = {"aag_tf": "aag_tf", "export": "aag_tf.export", "flags": "aag_tf.flags"}
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
BLOCK = re.compile(r"^( *)```python\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)


def modules_with_examples():
    for folder, package in FOLDERS.items():
        for path in sorted((ROOT / folder).rglob("*.py")):
            if ">>> " in path.read_text():
                yield ".".join([package, *path.relative_to(ROOT / folder).with_suffix("").parts])


def blocks_of(document):
    """Python blocks by where they begin."""
    text = document.read_text()
    found = {text[: match.start()].count("\n") + 1: textwrap.dedent(match[2]) for match in BLOCK.finditer(text)}
    return {f"{document.relative_to(ROOT)}:{line}": block for line, block in found.items()}


MODULES = list(modules_with_examples())
BLOCKS = {place: block for document in DOCUMENTS for place, block in blocks_of(document).items()}


def imported(tree):
    """What the imports of a block bind, less packages of others that are not installed."""
    names = {}
    for statement in tree.body:
        if isinstance(statement, ast.Import | ast.ImportFrom):
            try:
                exec(ast.unparse(statement), names)
            except ModuleNotFoundError as error:
                if error.name.startswith("aag_tf"):
                    raise
    return names


def meant(function, names):
    """What `a` or `a.b` stands for, `None` where `a` is not imported."""
    if isinstance(function, ast.Attribute):
        owner = meant(function.value, names)
        return None if owner is None else getattr(owner, function.attr)
    return names.get(function.id) if isinstance(function, ast.Name) else None


def bind_calls(block):
    """Raises where a block imports what does not exist, or calls it with arguments that it does not take."""
    tree = ast.parse(block)
    names = imported(tree)
    for call in ast.walk(tree):
        if isinstance(call, ast.Call) and (function := meant(call.func, names)) is not None:
            keywords = {keyword.arg: keyword.value for keyword in call.keywords}
            inspect.signature(function).bind(*call.args, **keywords)


def test_examples_and_blocks_are_found():
    assert {"aag_tf.losses.gnt_xent", "aag_tf.augment.main_branch"} <= set(MODULES)
    assert len(BLOCKS) >= 15
    places = {place.partition(":")[0].removeprefix("docs/") for place in BLOCKS}
    how_to = {"classifier", "embed_and_search", "evaluate", "own_parts", "pytorch", "serve"}
    assert places >= {"explanation/loss.md", "reference/python.md", *(f"how_to/{name}.md" for name in how_to)}
    assert not any(re.search(r"^ {4}(import|from) ", document.read_text(), re.MULTILINE) for document in DOCUMENTS)


@pytest.mark.parametrize("name", MODULES)
def test_examples_in_docstrings_give_what_they_show(name):
    module = importlib.import_module(name)
    for _ in range(2):  # what it gives does not depend on what was made before it, as the names that Keras numbers do
        failed, attempted = doctest.testmod(module)
        assert failed == 0
        assert attempted == Path(module.__file__).read_text().count(">>> ")


@pytest.mark.parametrize("block", BLOCKS.values(), ids=BLOCKS)
def test_blocks_in_documents_import_what_exists_and_call_it_as_it_takes_it(block):
    bind_calls(block)


def test_what_does_not_exist_is_noticed():
    with pytest.raises(TypeError, match="unexpected keyword argument 'heat'"):
        bind_calls("from aag_tf import GNTXent\nmodel.compile(loss=GNTXent(heat=1))\n")
    with pytest.raises(ModuleNotFoundError):
        bind_calls("import aag_tf.loss\n")
    bind_calls("import a_package_of_others as other\nother.call(1)\n")


def test_the_first_example_of_the_python_reference_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (example,) = (block for block in blocks_of(ROOT / "docs" / "reference" / "python.md").values() if "train(" in block)
    shorter, replaced = re.subn(r"train_steps=\d+", "train_steps=2", example)
    assert replaced == 1
    found = {}
    exec(shorter, found)
    assert found["result"].step == 2
    assert found["encoder"](np.zeros((3, 8, 8, 1), np.uint8)).shape[0] == 3
    assert np.isfinite(found["loss"](None, tf.eye(4, batch_shape=[2])))
