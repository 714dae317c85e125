"""When a collection counts as fenced; what is done about it is in the contract suite."""

from __future__ import annotations

from typing import Any

import pytest

from store.users.document import FENCE
from store.users.fence import stands

WHOLE: dict[str, Any] = {
    "validator": FENCE,
    "validationLevel": "strict",
    "validationAction": "error",
}


@pytest.mark.parametrize("left_out", [(), ("validationLevel",), ("validationAction",)])
def test_rule_level_and_action_make_a_fence(left_out: tuple[str, ...]) -> None:
    """A server names level and action only where somebody has; strict and error are its own."""
    assert stands({name: value for name, value in WHOLE.items() if name not in left_out})
    assert stands({**WHOLE, "comment": "more"})


@pytest.mark.parametrize(
    "options",
    [
        {},
        {**WHOLE, "validator": {}},
        {**WHOLE, "validator": {"$or": [FENCE, {}]}},
        {**WHOLE, "validationLevel": "moderate"},
        {**WHOLE, "validationLevel": "off"},
        {**WHOLE, "validationAction": "warn"},
        {**WHOLE, "validationAction": "errorAndLog"},
        {name: value for name, value in WHOLE.items() if name != "validator"},
    ],
)
def test_less_is_none(options: dict[str, Any]) -> None:
    """Whatever of it was changed."""
    assert not stands(options)
