"""A plan of one's own, begun from a shipped one."""

from __future__ import annotations

import re
from pathlib import Path

from protocols.base.errors import UsageError, did_you_mean, fail, listed
from protocols.base.files import cannot_write, write_atomically
from protocols.plan.reading import parse_plan, shipped_plans

SUFFIX = ".plan.yaml"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,59}")


def new_plan(name: str, folder: Path, template: str = "first-study") -> Path:
    """Write ``NAME.plan.yaml`` from a shipped plan, its comments kept, and its own name put in everywhere.

    Parameters
    ----------
    name
        The plan's name, with or without ``.plan.yaml``.
    folder
        Where the file goes; made where missing.
    template
        The shipped plan to begin with.

    Returns
    -------
    Path
        The new file.

    Raises
    ------
    UsageError
        If the name is not usable, the template is unknown, or the file exists already.
    OutputError
        If the folder cannot be written.
    """
    bare = name.removesuffix(SUFFIX)
    if not _NAME.fullmatch(bare):
        raise fail(
            UsageError,
            f"plan name '{name}'",
            "is not usable",
            accepted="letters, digits, '.', '_' and '-', at most 60, beginning with a letter or digit",
            way_out="the folder is given apart from the name",
        )
    plans = shipped_plans()
    if template not in plans:
        raise fail(
            UsageError,
            f"template '{template}'",
            "is not a shipped plan",
            accepted=listed(plans),
            way_out=did_you_mean(template, plans),
        )
    path = folder / f"{bare}{SUFFIX}"
    text = _renamed(plans[template], template, bare)
    parse_plan(text, str(path))  # a template that does not pass must not reach anybody
    try:
        there = path.exists() or path.is_symlink()
    except OSError as error:
        raise cannot_write(path, error) from error
    if there:
        raise fail(
            UsageError,
            str(path),
            "exists already, and a plan is never overwritten",
            way_out="choose another name",
        )
    return write_atomically(path, text)


def _renamed(text: str, old: str, new: str) -> str:
    """The text with the plan's name replaced wherever it stands by itself, in values as in comments.

    The name is quoted in its own line when YAML would take it for a number or another value.
    """
    quoted = (
        new if re.match(r"[A-Za-z]", new) and new.lower() not in {"true", "false", "null"} else f'"{new}"'
    )
    text = re.sub(rf"(?<![\w-]){re.escape(old)}(?![\w-])", lambda _: new, text)
    return re.sub(rf"(?m)^plan: {re.escape(new)}(?=\s|$)", lambda _: f"plan: {quoted}", text)
