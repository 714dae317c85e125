"""What is printed of messages from outside."""

from __future__ import annotations

import json

import pytest

from ops.cli.commands.sending import printable


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        (b'{"a":1}', '{"a":1}'),
        (b'{\n "a": 1\n}', '{  "a": 1 }'),
        (b"no\x1b[2Jjson", "no\\x1b[2Jjson"),
        (b"\xff", "\\xff"),
    ],
)
def test_a_body_is_one_line_that_commands_no_terminal(body: bytes, shown: str) -> None:
    """JSON as it is, all else with escapes."""
    assert printable(body) == shown


def test_json_means_the_same_afterwards() -> None:
    """A machine may read it."""
    fields = {"UserID": "\x9b2J\u202egnp \u2028 🔥"}
    line = printable(json.dumps(fields, ensure_ascii=False).encode())
    assert json.loads(line) == fields
    assert len(line.splitlines()) == 1
