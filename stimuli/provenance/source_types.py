"""How a picture came about, in the vocabulary of the IPTC that C2PA manifests and XMP use.

`IPTC Digital Source Type NewsCodes <http://cv.iptc.org/newscodes/digitalsourcetype/>`__, version of 2024-10-23; C2PA
adds `empty` and `trainedAlgorithmicData`.
"""

from __future__ import annotations

from typing import Literal

Origin = Literal["captured", "generated", "made", "unknown"]

_ORIGINS: dict[Origin, str] = {
    "captured": "digitalCapture computationalCapture negativeFilm positiveFilm print compositeCapture",
    "generated": "trainedAlgorithmicMedia compositeWithTrainedAlgorithmicMedia compositeSynthetic",
    "made": "algorithmicMedia dataDrivenMedia digitalArt digitalCreation softwareImage virtualRecording screenCapture",
}
ORIGIN_OF: dict[str, Origin] = {name: origin for origin, names in _ORIGINS.items() for name in names.split()}
"""Types that say where a picture comes from; those that only say that it was edited are not among them."""


def short_name(uri: str) -> str:
    """The last part of a type's address, which is how people call it.

    Examples
    --------
    >>> short_name("http://cv.iptc.org/newscodes/digitalsourcetype/digitalCapture")
    'digitalCapture'
    """
    return uri.rstrip("/").rsplit("/", 1)[-1].rsplit("#", 1)[-1].rsplit(":", 1)[-1]


def origin(source_type: str) -> Origin:
    """Whether a type, by its short name, says that a camera, a generator or a person with a program made a picture."""
    return ORIGIN_OF.get(source_type, "unknown")
