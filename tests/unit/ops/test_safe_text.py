"""What a terminal would obey is shown, and JSON keeps its meaning."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from ops.safe_text import safe_json, safe_text

HOSTILE = "\x1b[31m\r\n\x9b2J\x7f\u202egnp\u2066 [red]x[/red] :fire: 🔥"
TAME = "\\x1b[31m\\x0d\\x0a\\x9b2J\\x7f\\u202egnp\\u2066 [red]x[/red] :fire: 🔥"


def test_control_characters_are_shown_and_not_obeyed() -> None:
    """Colours, carriage returns, C1 controls, and marks that turn the order of text around."""
    assert safe_text(HOSTILE) == TAME


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_json_stays_equal_in_meaning(text: str) -> None:
    """Whatever is in its strings."""
    document = json.dumps({text: text}, ensure_ascii=False)
    safe = safe_json(document)
    assert json.loads(safe) == {text: text}
    assert safe == safe_text(safe)
