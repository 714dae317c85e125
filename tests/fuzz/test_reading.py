"""The codec against the reference, over bodies made to confuse it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fuzz.judging import APPLIED, EVENTS, REQUESTS, Subject, judge, survey

CORPUS = sorted((Path(__file__).parent / "corpus").iterdir())


@pytest.mark.long
@pytest.mark.parametrize(
    ("subject", "count"),
    [pytest.param(EVENTS, 2400, id="events"), pytest.param(REQUESTS, 800, id="requests")],
)
def test_every_body_is_read_as_the_contract_says(subject: Subject, count: int) -> None:
    """Applied as the reference reads it, or rejected for one of the reasons it knows."""
    outcomes, distinct = survey(subject, count, number=0)
    assert outcomes.total() >= count
    assert distinct > count * 0.7
    # Enough of each kind that none of the checks is passed by never being reached.
    assert set(outcomes) == {APPLIED, "the body", *subject.fields}
    assert min(outcomes.values()) > count / 50
    assert outcomes[APPLIED] > count / 4


@pytest.mark.parametrize("file", CORPUS, ids=[file.name for file in CORPUS])
def test_the_seeds_of_the_coverage_guided_fuzzer_are_read_as_the_contract_says(file: Path) -> None:
    """Each of them on both subjects; what that fuzzer once found stays among them."""
    for subject in (EVENTS, REQUESTS):
        assert judge(subject, file.read_bytes())
