"""What a C2PA manifest ("Content Credentials") in a file claims.

A manifest is a signed statement. A valid signature shows that the statement has not been changed since and belongs to
this file; it does not show that it is true, and without a list of trusted signers (none is shipped) not who made it.
A missing manifest shows nothing either: re-encoding drops it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from stimuli.provenance.personal import harmless
from stimuli.provenance.source_types import short_name

State = Literal["present", "none", "elsewhere", "not supported", "unreadable"]

OFFLINE = {"verify": {"remote_manifest_fetch": False, "ocsp_fetch": False}}
"""Nothing is fetched: a film must not tell a server that it is looked at."""
DEEPEST = 8


@dataclass(frozen=True)
class Ingredient:
    """Another file that went into this one.

    Attributes
    ----------
    relationship
        ``parentOf``, ``componentOf`` or ``inputTo``.
    source_types
        What its own manifest, and those of its ingredients, claim.
    """

    relationship: str
    source_types: tuple[str, ...]


@dataclass(frozen=True)
class C2pa:
    """What one file's manifest claims.

    Attributes
    ----------
    state
        Whether there is a manifest: also ``elsewhere`` (on a server, not fetched), ``not supported`` (kind of file).
    why
        Why it is unreadable.
    generators
        Programs that made the claim.
    tools
        Programs named in its actions.
    actions
        What was done, in their order: ``created``, ``edited``, …
    source_types
        IPTC digital source types by their short names.
    signer
        Organisation named in the certificate.
    validation
        ``valid``, ``trusted`` or ``invalid``.
    failures
        Codes of what did not hold.
    ingredients
        Other files that went in.
    """

    state: State
    why: str = ""
    generators: tuple[str, ...] = ()
    tools: tuple[str, ...] = ()
    actions: tuple[str, ...] = ()
    source_types: tuple[str, ...] = ()
    signer: str = ""
    validation: str = ""
    failures: tuple[str, ...] = ()
    ingredients: tuple[Ingredient, ...] = ()

    @property
    def all_source_types(self) -> tuple[str, ...]:
        """Its own source types, then its ingredients'."""
        inner = (name for one in self.ingredients for name in one.source_types)
        return tuple(dict.fromkeys((*self.source_types, *inner)))

    def to_json(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "state": self.state,
            "why": self.why,
            "claim_generators": list(self.generators),
            "tools": list(self.tools),
            "actions": list(self.actions),
            "digital_source_types": list(self.source_types),
            "signer": self.signer,
            "validation": self.validation,
            "failures": list(self.failures),
            "ingredients": [
                {"relationship": one.relationship, "digital_source_types": list(one.source_types)}
                for one in self.ingredients
            ],
            "note": "a claim of whoever signed it, not proof",
        }


def read_c2pa(path: Path) -> C2pa:
    """Read a file's manifest, offline.

    Whatever is wrong with it ends in the state, never in an error: a broken manifest is no fault of the clip.
    """
    import c2pa

    try:
        with (
            c2pa.Context.from_dict(OFFLINE) as context,
            path.open("rb") as stream,
            c2pa.Reader(None, stream, context=context) as reader,
        ):
            return _described(json.loads(reader.json()))
    except c2pa.C2paError.ManifestNotFound:
        return C2pa("none")
    except c2pa.C2paError.NotSupported:
        return C2pa("not supported")
    except c2pa.C2paError as error:
        if "remote manifest" in str(error):
            return C2pa("elsewhere")
        return C2pa("unreadable", harmless(error))
    except (OSError, json.JSONDecodeError, RecursionError) as error:
        return C2pa("unreadable", harmless(error))


def _described(store: Mapping[str, Any]) -> C2pa:
    manifests = _mapping(store.get("manifests"))
    active = _mapping(manifests.get(str(store.get("active_manifest"))))
    actions = [
        _mapping(action)
        for assertion in _list(active.get("assertions"))
        if str(_mapping(assertion).get("label", "")).startswith("c2pa.actions")
        for action in _list(_mapping(_mapping(assertion).get("data")).get("actions"))
    ]
    failures = (str(_mapping(one).get("code", "")) for one in _list(store.get("validation_status")))
    return C2pa(
        "present",
        generators=_once(_generators(active)),
        tools=_once(_name(action.get("softwareAgent")) for action in actions),
        actions=_once(str(action.get("action", "")).removeprefix("c2pa.") for action in actions),
        source_types=_once(_source_types(active.get("assertions"))),
        signer=harmless(_mapping(active.get("signature_info")).get("issuer") or ""),
        validation=str(store.get("validation_state") or "").lower(),
        failures=_once(failures),
        ingredients=tuple(
            Ingredient(
                harmless(_mapping(one).get("relationship") or "", 40),
                _once(_types_of(one, manifests, DEEPEST)),
            )
            for one in _list(active.get("ingredients"))
        ),
    )


def _types_of(ingredient: object, manifests: Mapping[str, Any], depth: int) -> Iterator[str]:
    """Source types of an ingredient and of what went into it."""
    described = _mapping(ingredient)
    yield from _source_types({key: value for key, value in described.items() if key == "metadata"})
    manifest = _mapping(manifests.get(str(described.get("active_manifest"))))
    yield from _source_types(manifest.get("assertions"))
    if depth:
        for one in _list(manifest.get("ingredients")):
            yield from _types_of(one, manifests, depth - 1)


def _source_types(found: object) -> Iterator[str]:
    """Every digital source type in an assertion, wherever it stands: in actions, their changes, or IPTC metadata."""
    if isinstance(found, Mapping):
        for key, value in found.items():
            if str(key).rsplit(":", 1)[-1].casefold() == "digitalsourcetype":
                yield from (short_name(str(one)) for one in (value if isinstance(value, list) else [value]))
            else:
                yield from _source_types(value)
    elif isinstance(found, list):
        for one in found:
            yield from _source_types(one)


def _generators(manifest: Mapping[str, Any]) -> Iterator[str]:
    described = [_name(one) for one in _list(manifest.get("claim_generator_info"))]
    yield from described or [str(manifest.get("claim_generator") or "")]


def _name(program: object) -> str:
    """A program and its version; old manifests give plain text."""
    if isinstance(program, str):
        return program
    described = _mapping(program)
    return " ".join(str(described[key]) for key in ("name", "version") if described.get(key))


def _once(texts: Iterator[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(harmless(text, 80) for text in texts if text))


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
