"""The files under docker/, read as Docker reads them."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, NamedTuple

import yaml

ROOT = Path(__file__).parents[3]
DOCKER = ROOT / "docker"
NATS_CONF = DOCKER / "nats.conf"
SERVICE = "alarm-digest"


class Instruction(NamedTuple):
    """One instruction of a Dockerfile; a continued line is one."""

    word: str
    rest: str

    @property
    def words(self) -> list[str]:
        """What follows, its options (``--name=value``) left out."""
        return [word for word in self.rest.split() if not word.startswith("--")]

    @property
    def exec_form(self) -> list[str]:
        """The command of an exec form; raises ``ValueError`` for a shell form."""
        words: list[str] = json.loads(self.rest[self.rest.index("[") :])
        return words


def stages() -> list[list[Instruction]]:
    """Return the Dockerfile's instructions by stage, each beginning with its FROM."""
    found: list[list[Instruction]] = []
    lines = (DOCKER / "Dockerfile").read_text().splitlines()
    text = "\n".join(line for line in lines if not line.startswith("#"))
    for line in re.sub(r"\\\n\s*", "", text).splitlines():
        if not line.strip():
            continue
        word, _, rest = line.partition(" ")
        if word == "FROM":
            found.append([])
        found[-1].append(Instruction(word, rest.strip()))
    return found


def final(word: str) -> list[Instruction]:
    """Return the instructions of one kind in the final stage."""
    return [instruction for instruction in stages()[-1] if instruction.word == word]


def image_environment() -> dict[str, str]:
    """Return what the image sets in the environment."""
    pairs = (word.partition("=") for line in final("ENV") for word in line.words)
    return {name: value for name, _, value in pairs}


def compose() -> dict[str, Any]:
    """Return compose.yaml."""
    content: dict[str, Any] = yaml.safe_load((DOCKER / "compose.yaml").read_text())
    return content


def part(name: str) -> dict[str, Any]:
    """Return one service of compose.yaml."""
    content: dict[str, Any] = compose()["services"][name]
    return content
