"""Renders a template to one self-contained HTML file: escaped, with its style sheet inside, written atomically."""

import base64
import datetime
import functools
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from aag_tf.report.embedding_map import MOST_CLASSES
from aag_tf.utils.atomic import write_atomically
from aag_tf.utils.errors import EvaluationError
from aag_tf.utils.stores import named, publish
from aag_tf.utils.versions import __version__

GENERATOR = f"aag_tf {__version__}"


def render(template: str, *, sections: Mapping[str, str], **values: Any) -> str:
    """Renders a template; all values are escaped.

    Args:
        template: its file in `templates/`.
        sections: {anchor: heading} in the order of the page, for its navigation.
        **values: all other names in the template; a missing one is an error.
    """
    style = _style()
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return (
        _environment()
        .get_template(template)
        .render(
            sections=sections,
            style=Markup(style),
            style_digest=digest,
            generator=GENERATOR,
            date=datetime.date.today().isoformat(),
            **values,
        )
    )


def write_page(path: Path, page: str) -> None:
    """Writes a page; an earlier page of ours is replaced, any other file is an error.

    Raises:
        EvaluationError: the path cannot be written, or is a file of someone else's.
    """
    check_page_path(path)
    write_atomically(path, page)
    publish(path)


def check_page_path(path: Path) -> None:
    """Checks, before any work is done, that `write_page` may write to a path.

    Raises:
        EvaluationError: the path cannot be written, or is a file of someone else's.
    """
    if path.is_dir() or not path.parent.is_dir():
        raise EvaluationError(f"{named(path)} cannot be written; name a file in a directory that exists.")
    if path.exists() and b'name="generator" content="aag_tf' not in path.read_bytes()[:2000]:
        raise EvaluationError(
            f"{named(path)} exists and is no report of aag_tf, so it is left as it is; name another file."
        )


@functools.cache
def _style() -> str:
    return _environment().get_template("style.css").render(most_classes=MOST_CLASSES)


@functools.cache
def _environment() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.PackageLoader("aag_tf.report"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
