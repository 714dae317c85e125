"""What ``actors.runtime.pooled`` relies on inside Pykka, a sentence for each.

Pykka is bounded to one minor release in ``setup.cfg``; to move to the next, run this first.
"""

from __future__ import annotations

import inspect

import pykka
import pytest
from pykka import messages
from pykka._envelope import Envelope

PARAMETERS = {
    "_actor_loop_setup": ["self"],
    "_actor_loop_teardown": ["self"],
    "_create_actor_inbox": [],
    "_create_future": [],
    "_handle_failure": ["self", "exception_type", "exception_value", "traceback"],
    "_handle_receive": ["self", "message"],
    "_start_actor_loop": ["self"],
    "_stop": ["self"],
}
"""Methods of ``pykka.Actor`` that a pooled actor calls or takes the place of."""


@pytest.mark.parametrize("name", sorted(PARAMETERS))
def test_an_actor_has_the_method_that_pooled_actors_build_on(name: str) -> None:
    """They run Pykka's life cycle by the step, on a dispatcher instead of a thread."""
    method = getattr(pykka.Actor, name, None)
    assert method is not None, f"Pykka has no Actor.{name} any more: see actors/runtime/pooled.py"
    found = list(inspect.signature(method).parameters)
    assert found == PARAMETERS[name], f"Actor.{name} takes {found} now: see pooled.py"


def test_an_actor_is_constructed_of_what_pooled_actors_set_themselves() -> None:
    """``PooledActor.__init__`` replaces Pykka's, which spends 5 us on a UUID and an event."""
    source = inspect.getsource(pykka.Actor.__init__)
    set_there = {line.split("=")[0].strip() for line in source.splitlines() if "self." in line}
    names = {"self.actor_urn", "self.actor_inbox", "self.actor_stopped", "self._actor_ref"}
    attributes = {name.split(":")[0] for name in set_there if name.startswith("self.")}
    assert attributes == names, f"Actor.__init__ sets {attributes}: PooledActor sets {names}"


def test_a_reference_is_constructed_of_what_pooled_references_have() -> None:
    """``PooledActorRef.__init__`` replaces Pykka's; two of these are made when asked for."""
    source = inspect.getsource(pykka.ActorRef.__init__)
    set_there = {line.split("=")[0].strip() for line in source.splitlines() if "self." in line}
    names = {"_actor_weakref", "actor_class", "actor_urn", "actor_inbox", "actor_stopped"}
    found = {name.removeprefix("self.").split(":")[0] for name in set_there}
    assert found == names, f"ActorRef.__init__ sets {found}: PooledActorRef has {names}"


def test_a_proxy_asks_a_reference_for_its_actor() -> None:
    """By what Pykka keeps as a weak reference; a dead one has none."""
    source = inspect.getsource(pykka.ActorProxy.__init__)
    assert "_actor_weakref()" in source, "ActorProxy finds its actor otherwise: see PooledActorRef"


def test_an_envelope_holds_a_message_and_who_wants_the_answer() -> None:
    """Mailboxes keep bare messages, and make an envelope only for what was asked."""
    envelope: Envelope[str] = Envelope("message")
    assert (envelope.message, envelope.reply_to) == ("message", None), "Envelope has changed"


def test_a_stop_is_a_message() -> None:
    """So that it waits behind the mail that was told before it."""
    assert hasattr(messages, "_ActorStop"), "Pykka stops actors otherwise: see _SPECIAL"


def test_a_reference_tells_through_the_inbox_and_knows_the_dead() -> None:
    """``PooledActorRef.tell`` replaces Pykka's, which wraps every message."""
    source = inspect.getsource(pykka.ActorRef.tell)
    for needed in ("is_alive()", "ActorDeadError", "actor_inbox.put"):
        assert needed in source, f"ActorRef.tell does without {needed}: see PooledActorRef"
