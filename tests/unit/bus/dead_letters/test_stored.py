"""Letters are made of what the dead-letter stream holds, parts joined, twins and gaps told."""

from __future__ import annotations

from bus.dead_letters.stored import Assembler, DeadLetter, Stored


def stored(sequence: int, body: bytes, part: str = "", **other: str) -> Stored:
    """Return a message of the stream as the service writes it."""
    headers = {
        "Dead-Letter-Reason": "the body is not JSON",
        "Dead-Letter-Subject": "AlarmStatusChanged",
        "Dead-Letter-Sequence": "5",
        "Dead-Letter-Time": "2021-06-07T20:40:15Z",
        "Nats-Msg-Id": "dead-letter.5.77",
    }
    if part:
        headers |= {"Dead-Letter-Part": part, "Nats-Msg-Id": f"dead-letter.5.77.{sequence}-9"}
    return Stored(sequence, {**headers, **other}, body)


def assembled(*messages: Stored) -> list[DeadLetter]:
    """Return the letters of these messages."""
    assembler = Assembler()
    letters = [letter for message in messages if (letter := assembler.add(message)) is not None]
    return [*letters, *assembler.rest()]


def test_a_letter_in_one_piece_is_what_its_headers_say() -> None:
    """Under its own sequence, not the one it had in the input stream."""
    assert assembled(stored(3, b"\xff")) == [
        DeadLetter(
            sequence=3,
            sequences=(3,),
            reason="the body is not JSON",
            subject="AlarmStatusChanged",
            original_sequence=5,
            time="2021-06-07T20:40:15Z",
            body=b"\xff",
        )
    ]


def test_parts_are_joined_in_their_order_whatever_lies_between() -> None:
    """Several letters may come in parts at the same time."""
    other = {"Dead-Letter-Sequence": "6"}
    one, two = assembled(
        stored(1, b"a", "1/3"),
        stored(2, b"X", "2/2", **other),
        stored(3, b"c", "3/3"),
        stored(4, b"b", "2/3"),
        stored(5, b"W", "1/2", **other),
    )
    assert (one.body, one.sequences, one.sequence) == (b"abc", (1, 3, 4), 1)
    assert (two.body, two.sequences, two.sequence) == (b"WX", (2, 5), 5)


def test_a_part_that_was_stored_twice_counts_once_and_is_deleted_twice() -> None:
    """The service sends all parts again when one of them failed."""
    (letter,) = assembled(stored(1, b"a", "1/2"), stored(2, b"a", "1/2"), stored(3, b"b", "2/2"))
    assert (letter.body, letter.sequences, letter.missing_parts) == (b"ab", (1, 2, 3), 0)


def test_a_letter_that_lacks_parts_says_how_many() -> None:
    """It can be dropped, and must not be put back as if it were whole."""
    (letter,) = assembled(stored(1, b"a", "1/3"), stored(2, b"c", "3/3"))
    assert (letter.body, letter.missing_parts) == (b"ac", 1)


def test_one_message_rejected_twice_makes_two_letters() -> None:
    """Core NATS numbers nothing: the time tells them apart."""
    first, second = assembled(
        stored(1, b"a", "1/2"),
        stored(2, b"b", "2/2", **{"Dead-Letter-Time": "2021-06-07T20:40:16Z"}),
    )
    assert (first.missing_parts, second.missing_parts) == (1, 1)


def test_headers_of_somebody_else_do_no_harm() -> None:
    """Whoever may publish there writes what they like."""
    for part in ("", "x", "1", "0/2", "3/2", "-1/2", "1/2/3", "1/0"):
        (letter,) = assembled(
            Stored(9, {"Dead-Letter-Part": part, "Dead-Letter-Sequence": "many"}, b"body")
        )
        assert (letter.body, letter.original_sequence, letter.missing_parts) == (b"body", 0, 0)
    (bare,) = assembled(Stored(9, {}, b""))
    assert (bare.subject, bare.reason, bare.time) == ("", "", "")
