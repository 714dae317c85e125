"""The codec under Atheris: bodies that grow towards code that no body has reached yet.

``python -m tests.fuzz.coverage_guided FOLDER… [libFuzzer options]``; see ``make fuzz``. Needs the
group ``fuzz``.
"""

from __future__ import annotations

import sys

import atheris

with atheris.instrument_imports(include=["bus"]):
    import bus.wire.codec  # noqa: F401  # what it imports of this package is instrumented as well
from tests.fuzz.judging import EVENTS, REQUESTS, judge


def judge_on_both_subjects(body: bytes) -> None:
    """Fail, and so end the fuzzer, on a body that the codec does not read as the reference."""
    for subject in (EVENTS, REQUESTS):
        judge(subject, body)


if __name__ == "__main__":
    atheris.Setup(sys.argv, judge_on_both_subjects)
    atheris.Fuzz()
