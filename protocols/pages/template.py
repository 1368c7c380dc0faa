"""From templates to a page: one environment, one style sheet, nothing loaded from elsewhere."""

from __future__ import annotations

import importlib.resources
from collections.abc import Sequence

import jinja2
from markupsafe import Markup

PIECES = "pieces.html"
STYLE = "house.css"


def environment(package: str, templates: Sequence[str]) -> jinja2.Environment:
    """Templates of a room, with the pieces all pages share.

    Parameters
    ----------
    package
        The package whose folder ``assets`` holds them.
    templates
        Their file names. ``pieces.html`` can be imported in them.
    """
    texts = {name: asset(package, name) for name in templates}
    loader = jinja2.DictLoader({**texts, PIECES: asset("protocols.pages", PIECES)})
    return jinja2.Environment(
        loader=loader, autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )


def style(*more: tuple[str, str]) -> Markup:
    """The house's style sheet, followed by others (package, file name)."""
    return Markup("\n".join([asset("protocols.pages", STYLE), *(asset(*one) for one in more)]))


def asset(package: str, name: str) -> str:
    """Text of a file in a package's folder ``assets``."""
    return (importlib.resources.files(package) / "assets" / name).read_text(encoding="utf-8")
