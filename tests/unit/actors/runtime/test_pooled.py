"""Pooled actors keep what Pykka promises of its own: hooks, answers, stops, failures."""

from __future__ import annotations

import logging
from random import Random
from typing import TYPE_CHECKING

import pykka
import pytest
from pykka import ActorRegistry

from actors.runtime.pooled import PooledActor, tell_each, tell_if_alive
from actors.runtime.simulated import ManualClock, SimulatedDispatcher
from tests.doubles import IdleDispatcher, logged

if TYPE_CHECKING:
    from types import TracebackType

    from pykka import ActorRef

    from actors.runtime.pooled import Dispatcher


class Player(PooledActor):
    """Notes its life in ``log``; raises what it is told to raise."""

    def __init__(self, dispatcher: Dispatcher, log: list[object]) -> None:
        """Create it, unstarted."""
        super().__init__(dispatcher)
        self.log = log
        self.score = 0

    def on_start(self) -> None:
        """Note it."""
        self.log.append("start")

    def on_stop(self) -> None:
        """Note it."""
        self.log.append("stop")

    def on_failure(
        self,
        exception_type: type[BaseException] | None,
        exception_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Note it."""
        assert exception_type is type(exception_value)
        assert traceback is not None
        self.log.append(exception_value)

    def on_receive(self, message: object) -> object:
        """Note it, raise it, or answer with its repetition."""
        if isinstance(message, BaseException):
            raise message
        self.log.append(message)
        return [message, message]

    def add(self, points: int) -> int:
        """Add to the score; called through a proxy."""
        self.score += points
        return self.score


class Broken(Player):
    """Fails in its hooks."""

    def on_start(self) -> None:
        """Fail."""
        raise LookupError("start")


class BrokenAtItsEnd(Player):
    """Fails when it stops or has failed."""

    def on_stop(self) -> None:
        """Fail."""
        raise LookupError("stop")

    def on_failure(self, *_failure: object, **_named: object) -> None:
        """Fail again."""
        raise LookupError("failure")


class Game:
    """A dispatcher that runs when a test says so, and what the players note."""

    def __init__(self) -> None:
        """Begin without players."""
        self.dispatcher = SimulatedDispatcher(Random(0), ManualClock())
        self.log: list[object] = []

    def start(self, kind: type[Player] = Player) -> ActorRef[Player]:
        """Start a player that notes its life in the log."""
        return kind.start(self.dispatcher, self.log)

    def run(self) -> None:
        """Have everybody come to rest."""
        self.dispatcher.run_until_idle()


@pytest.fixture
def game() -> Game:
    """A game without players."""
    return Game()


def test_on_start_runs_before_the_first_message(game: Game) -> None:
    """On the dispatcher, not in ``start``; also for an actor that has no mail."""
    player = game.start()
    assert game.log == []
    game.run()
    assert game.log == ["start"]
    player.tell("hello")
    game.run()
    assert game.log == ["start", "hello"]


def test_an_unstarted_actor_handles_nothing() -> None:
    """Its methods can be called directly, its mail waits."""
    dispatcher = IdleDispatcher()
    player = Player(dispatcher, [])
    assert player.on_receive("x") == ["x", "x"]
    player.actor_ref.tell("y")
    assert player.log == ["x"]
    assert not player.mailbox.empty()
    assert dispatcher.wake_ups == [(player.mailbox,)]


def test_ask_answers_with_what_on_receive_returned(game: Game) -> None:
    """Once the actor has come to it."""
    future = game.start().ask("hello", block=False)
    game.run()
    assert future.get(timeout=0) == ["hello", "hello"]


def test_an_exception_goes_to_who_asked_and_the_actor_lives_on(game: Game) -> None:
    """As with Pykka's own actors; ``on_failure`` is for what nobody asked for."""
    player = game.start()
    future = player.ask(LookupError("asked"), block=False)
    game.run()
    with pytest.raises(LookupError, match="asked"):
        future.get(timeout=0)
    assert player.is_alive()
    assert game.log == ["start"]


def test_an_exception_nobody_asked_for_stops_the_actor(
    game: Game, caplog: pytest.LogCaptureFixture
) -> None:
    """``on_failure`` is called, ``on_stop`` is not, and the rest of the mail is not handled."""
    player = game.start()
    error = LookupError("told")
    player.tell(error)
    player.tell("never")
    asked = player.ask("never either", block=False)
    game.run()
    assert game.log == ["start", error]
    assert not player.is_alive()
    assert player not in ActorRegistry.get_all()
    assert [level for level, _ in logged(caplog.records, "pykka")] == ["ERROR"]
    with pytest.raises(pykka.ActorDeadError):
        asked.get(timeout=0)


def test_stop_lets_earlier_mail_be_handled_and_refuses_later_mail(game: Game) -> None:
    """Who asked behind the stop learns that the actor is dead."""
    player = game.start()
    player.tell("before")
    stopped = player.stop(block=False)
    behind = player.ask("behind", block=False)
    stopped_again = player.stop(block=False)
    game.run()
    assert game.log == ["start", "before", "stop"]
    assert stopped.get(timeout=0) is True
    assert stopped_again.get(timeout=0) is True
    with pytest.raises(pykka.ActorDeadError):
        behind.get(timeout=0)


def test_a_batch_that_a_stop_cuts_short_is_answered_too() -> None:
    """What was taken with the stop and stands behind it is not lost without a word."""
    player = Player(IdleDispatcher(), [])
    player.actor_ref.stop(block=False)
    behind = player.actor_ref.ask("behind", block=False)
    player.run_batch(64)
    with pytest.raises(pykka.ActorDeadError):
        behind.get(timeout=0)
    assert player.log == ["start", "stop"]


def test_a_dead_actor_refuses_mail(game: Game) -> None:
    """``tell`` raises, ``ask`` does, ``stop`` says that it was dead already."""
    player = game.start()
    player.stop(block=False)
    game.run()
    with pytest.raises(pykka.ActorDeadError):
        player.tell("hello")
    with pytest.raises(pykka.ActorDeadError):
        player.ask("hello", timeout=0)
    assert player.stop(timeout=0) is False


def test_a_message_that_may_miss_its_actor_is_logged_at_debug(
    game: Game, caplog: pytest.LogCaptureFixture
) -> None:
    """One actor or many, the living among them get theirs."""
    caplog.set_level(logging.DEBUG)
    dead, alive = Player.start(game.dispatcher, []), game.start()
    dead.stop(block=False)
    game.run()
    tell_if_alive(dead, "1")
    tell_if_alive(alive, "1")
    tell_each([(dead, "2"), (alive, "2")])
    game.run()
    assert game.log == ["start", "1", "2"]
    assert logged(caplog.records, "actors.runtime") == [("DEBUG", "message.undeliverable")] * 2


def test_a_proxy_calls_reads_and_sets(game: Game) -> None:
    """Pykka's own messages are handled as ever, told or asked."""
    player = game.start()
    proxy = player.proxy()
    added = proxy.add(3)
    proxy.add.defer(4)
    score = proxy.score
    game.run()
    assert (added.get(timeout=0), score.get(timeout=0)) == (3, 7)


def test_only_actors_that_want_it_are_registered(game: Game) -> None:
    """The registry is a list that is searched linearly: users stay out of it."""

    class User(Player):
        registered = False

    user, player = game.start(User), game.start()
    assert ActorRegistry.get_all() == [player]
    assert str(user) != str(player)
    player.stop(block=False)
    user.stop(block=False)
    game.run()
    assert ActorRegistry.get_all() == []
    assert sorted(map(str, game.log)) == ["start", "start", "stop", "stop"]


def test_an_actor_that_fails_to_start_is_dead(game: Game, caplog: pytest.LogCaptureFixture) -> None:
    """It handles nothing; who asked it learns so."""
    broken = game.start(Broken)
    asked = broken.ask("hello", block=False)
    game.run()
    assert game.log == []
    assert not broken.is_alive()
    assert [level for level, _ in logged(caplog.records, "pykka")] == ["ERROR"]
    with pytest.raises(pykka.ActorDeadError):
        asked.get(timeout=0)


@pytest.mark.parametrize(("message", "errors"), [(None, 1), (LookupError("told"), 2)])
def test_a_hook_that_fails_at_the_end_is_logged(
    game: Game,
    caplog: pytest.LogCaptureFixture,
    message: LookupError | None,
    errors: int,
) -> None:
    """The dispatcher lives on."""
    broken = game.start(BrokenAtItsEnd)
    if message is None:
        broken.stop(block=False)
    else:
        broken.tell(message)
    game.run()
    assert not broken.is_alive()
    assert [level for level, _ in logged(caplog.records, "pykka")] == ["ERROR"] * errors


@pytest.mark.parametrize("asked", [False, True])
def test_an_interruption_stops_every_registered_actor(
    game: Game,
    caplog: pytest.LogCaptureFixture,
    *,
    asked: bool,
) -> None:
    """``SystemExit`` and the like, as in Pykka; the dispatcher's thread survives."""
    bystander: list[object] = []
    other: ActorRef[Player] = Player.start(game.dispatcher, bystander)
    player = game.start()
    if asked:
        player.ask(SystemExit(3), block=False)
    else:
        player.tell(SystemExit(3))
    game.run()
    assert game.log == ["start", "stop"]
    assert bystander == ["start", "stop"]
    assert not player.is_alive()
    assert not other.is_alive()
    assert logged(caplog.records, "actors.runtime") == [("CRITICAL", "actor.interrupted")]
