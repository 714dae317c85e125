"""Examples at the end of a command's help."""

from __future__ import annotations


def examples(*lines: str) -> str:
    """Return an epilog for a click command that shows these lines as they are."""
    # The backspace alone on a line tells click to leave the paragraph's lines alone.
    return "\n".join(["\b", "Examples:", *(f"  {line}" for line in lines)])
