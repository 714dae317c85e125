"""docs/asyncapi.yaml, read as its readers' tools read it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml
from jsonschema import Draft7Validator
from referencing import Registry
from referencing.jsonschema import DRAFT7

from tests.service import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

DOCUMENT: dict[str, Any] = yaml.safe_load((ROOT / "docs" / "asyncapi.yaml").read_text())
CHANNELS: dict[str, Any] = DOCUMENT["channels"]
MESSAGES: dict[str, Any] = DOCUMENT["components"]["messages"]
SCHEMAS: dict[str, Any] = DOCUMENT["components"]["schemas"]

_ID = "urn:document"
_REGISTRY: Registry[Any] = Registry().with_resource(_ID, DRAFT7.create_resource(DOCUMENT))


def resolved(pointer: str) -> Any:
    """Return what a ``$ref`` within the document points at; raises ``KeyError`` for nothing."""
    found: Any = DOCUMENT
    for token in pointer.removeprefix("#/").split("/"):
        found = found[token]
    return found


def references(node: Any = DOCUMENT) -> Iterator[str]:
    """Yield every ``$ref`` at or below ``node``."""
    if isinstance(node, dict):
        if "$ref" in node:
            yield node["$ref"]
        node = list(node.values())
    if isinstance(node, list):
        for item in node:
            yield from references(item)


def body_of(message: str) -> Draft7Validator:
    """Return what accepts the bodies of a message."""
    return _validator(f"#/components/messages/{message}/payload")


def headers_of(message: str) -> Draft7Validator:
    """Return what accepts the headers of a message, those that are not in the document excepted."""
    described = _validator(f"#/components/messages/{message}/headers")
    known = {"propertyNames": {"enum": list(MESSAGES[message]["headers"]["properties"])}}
    return Draft7Validator({"allOf": [described.schema, known]}, registry=_REGISTRY)


def examples_of(message: str) -> list[Any]:
    """Return the bodies of a message's examples."""
    return [example["payload"] for example in MESSAGES[message]["examples"]]


def _validator(pointer: str) -> Draft7Validator:
    return Draft7Validator({"$ref": f"{_ID}{pointer}"}, registry=_REGISTRY)
