"""Settings of a laboratory, `site.yaml`: nothing of it is in a plan or its hash."""

from __future__ import annotations

import importlib.resources
from pathlib import Path

from experiments.site.checks import check
from experiments.site.fields import BoxSettings, Site, TriggerSettings
from experiments.site.keys import Modality, key_names
from protocols.base.errors import InputError
from protocols.document import Document, parse_document, read_document, validate

__all__ = [
    "BoxSettings", "Modality", "Site", "TriggerSettings", "key_names", "parse_site", "read_site", "site_template",
]  # fmt: skip


def read_site(path: Path | None) -> Site:
    """Read the settings of a laboratory; without a file, the defaults.

    Raises
    ------
    InputError
        With every fault, each with line and column.
    """
    return Site() if path is None else _site(read_document(path))


def parse_site(text: str, file: str = "site.yaml") -> Site:
    """Check settings given as text; see `read_site`."""
    return _site(parse_document(text, file))


def _site(document: Document) -> Site:
    site, faults = validate(Site, document)
    if site is not None:
        faults = check(site, document)
    if faults:
        raise InputError(faults)
    assert site is not None
    return site


def site_template() -> str:
    """A site file with every field explained; it says what the defaults say."""
    return (importlib.resources.files("experiments.site") / "template.yaml").read_text(encoding="utf-8")
