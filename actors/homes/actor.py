"""HomeActor: keeps this instance alive in the others' eyes, and its share of partitions at home."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, assert_never

from actors.homes.beats import Beats
from actors.homes.calls import HomeStoreCalls
from actors.homes.moves import Moves
from actors.homes.noting import InHandNotes
from actors.homes.positions import StoredPositions
from actors.homes.rounds import LATE_S, LOOKS_PER_ROUND, Phase, rest_s
from actors.homes.sightings import say_standing_by, say_what_changed
from actors.messages.home import (
    BeatConfirmed,
    HomeMessage,
    HomesUnavailable,
    HomesWritten,
    InHandNoted,
    LeaveHomes,
    Looked,
    LookSoon,
    NoteInHand,
    PartitionEmptied,
    PositionsFell,
    PositionsNotSaved,
    PositionsSaved,
    RoundDue,
    SavePositions,
    UsersDoubted,
)
from actors.messages.publisher import MayPublish
from actors.rules.holding import empty, fall, held, lapse, leave, may_publish, reconcile
from actors.rules.homes import HAND_OVER_S, Plan, plan
from actors.rules.watching import NOTHING_SEEN, is_outdated, observe, takers
from actors.runtime.pooled import tell_if_alive
from actors.runtime.supervision import ServiceActor

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pykka import ActorRef

    from actors.homes.ports import HomePorts
    from actors.rules.holding import State
    from actors.rules.partitions import HomesView, Instance
    from actors.runtime.pooled import Dispatcher
    from actors.tally import HomeTally

logger = logging.getLogger("actors.home")

SAVE_EVERY_S = 1.0
"""Between two saves of the positions, which only bound what is read again."""


class HomeActor(ServiceActor):
    """One round after the other: beat, look, judge, write, and look again when it wrote.

    A round begins every quarter of the lease, sooner when something changed or somebody is dead by
    then. When the store does not answer, the round ends; the next one sees what became of it.
    """

    def __init__(
        self,
        dispatcher: Dispatcher,
        escalate: Callable[[str], None],
        lease_s: float,
        me: Instance,
        ports: HomePorts,
        router: ActorRef[Any],
        publisher: ActorRef[Any],
        tally: HomeTally,
    ) -> None:
        """Create it, unstarted; of ``me``, beat, leaving and reading are the actor's."""
        super().__init__(dispatcher, escalate)
        self._lease_s = lease_s
        self._me = me.instance_id
        self._beats = Beats(me, lease_s)
        self._ports = ports
        self._publisher = publisher
        self._tally = tally
        self._calls = HomeStoreCalls(ports.store, ports.begin, self)
        self._notes = InHandNotes(self._me, self._calls, ports.scheduler, self)
        self._moves = Moves(ports.log, router, publisher, tally)
        self._watch = NOTHING_SEEN
        self._mine: Mapping[int, State] = {}
        self._stored = StoredPositions()
        self._phase = Phase.RESTING
        self._round = 0
        self._round_began_s = self._call_began_s = 0.0
        self._looks_left = 0
        self._once_more = False
        self._writing: Plan | None = None
        self._left: Callable[[int], None] | None = None  # set from when it is to leave
        self._is_relieved = False  # whether others are up to have what it leaves
        self._gone = False

    def on_start(self) -> None:
        """Begin the first round. Runs on the dispatcher's thread."""
        self._begin_round()
        self._save_positions()

    def on_receive(self, message: HomeMessage) -> None:  # noqa: C901, PLR0912 a case a message
        """Handle one message. Runs on the dispatcher's thread."""
        if self._gone:
            return
        match message:
            case LookSoon():
                self._round_soon()
            case RoundDue(number):
                if number == self._round and self._phase is Phase.RESTING:
                    self._begin_round()
            case BeatConfirmed():
                self._note_beat()
                self._look()
            case Looked(view):
                self._judge(view)
            case HomesWritten():
                self._note_written()
            case HomesUnavailable(error):
                self._note_unavailable(error)
            case SavePositions():
                self._save_positions()
            case PositionsSaved(sent, matched):
                self._stored.end(saved=matched == sent)
                if matched < sent:
                    self._round_soon()
            case PositionsNotSaved(error):
                self._stored.end(saved=False)
                logger.warning("home.positions_not_saved", extra={"error": error})
            case NoteInHand() | InHandNoted():
                self._notes.take(message, self._mine)
            case PositionsFell(positions):
                logger.warning("home.fell_back", extra={"partitions": sorted(positions)})
                self._mine = fall(self._mine, positions)
                self._round_soon()
            case UsersDoubted():
                self._moves.read_again(self._stored.places(self._me, self._mine))
            case PartitionEmptied(number):
                self._mine = empty(self._mine, number)
                self._round_soon()
            case LeaveHomes(left, patience_s):
                self._leave(left, patience_s)
            case _:
                assert_never(message)

    def _round_soon(self) -> None:
        if self._phase is Phase.RESTING:
            self._begin_round()
        else:
            self._once_more = True

    def _begin_round(self) -> None:
        now_s = self._ports.clock.monotonic_s()
        self._round += 1
        self._round_began_s, self._looks_left = now_s, LOOKS_PER_ROUND
        self._once_more = False
        leaving = self._left is not None
        beat = self._beats.next(now_s, leaving=leaving, reading=self._ports.log.able)
        if beat is None:
            self._look()
        else:
            self._phase = Phase.BEATING
            self._calls.beat(beat)

    def _note_beat(self) -> None:
        late_s = self._beats.confirm(self._ports.clock.monotonic_s())
        if late_s > 0:
            self._tally.lapses += 1
            logger.warning("home.lapsed", extra={"late_s": round(late_s, 3)})
            self._mine = lapse(self._mine)
        self._let_publish()
        if self._watch is NOTHING_SEEN:
            self._ports.nudging.nudge()

    def _let_publish(self) -> None:
        until_s = self._beats.covered_until_s
        if until_s > self._tally.may_publish_until_s and may_publish(self._mine):
            self._tally.may_publish_until_s = until_s
            tell_if_alive(self._publisher, MayPublish(until_s))

    def _look(self) -> None:
        self._phase = Phase.LOOKING
        self._looks_left -= 1
        self._call_began_s = self._ports.clock.monotonic_s()
        self._calls.look()

    def _judge(self, view: HomesView) -> None:
        now_s, before, me = self._ports.clock.monotonic_s(), self._watch, self._me
        began_s, lease_s = self._call_began_s, self._lease_s
        self._watch = observe(before, view.instances, lease_s, began_s, now_s, view.schema)
        say_what_changed(before, self._watch, me, lease_s)
        self._stored.look(view.partitions)
        self._tally.view, self._tally.watch = view, self._watch
        leaving = self._left is not None
        found = reconcile(me, self._mine, view.partitions, leaving=leaving)
        if found.lost:
            self._moves.lose(found.lost)
        if found.handed_over:
            self._moves.hand_over(found.handed_over)
        if found.gained:
            self._moves.gain(found.gained)
        planned = plan(
            me,
            found.mine,
            view,
            self._watch,
            self._ports.log.positions(),
            leaving=leaving,
            lease_s=lease_s,
            now_s=now_s,
        )
        self._mine = planned.mine
        self._tally.partitions = len(self._mine)
        self._tally.instances = len(takers(self._watch, me, lease_s))
        self._carry_out(planned)

    def _carry_out(self, planned: Plan) -> None:
        if planned.release:
            self._moves.release(planned.release)
        if planned.hand_over:
            self._empty(planned.hand_over, HAND_OVER_S)
        self._say_whether_standing_by(planned)
        self._let_publish()
        if self._left is not None and not self._mine:
            planned = Plan(self._mine, forget=(self._me,))
        if planned.writes and self._looks_left:
            self._moves.claim(planned.claim)
            self._phase = Phase.WRITING
            self._writing = planned
            self._calls.write(self._me, planned)
        else:
            self._end_round(unfinished=planned.writes)

    def _empty(self, numbers: frozenset[int], wait_s: float) -> None:
        """Begin to hand over; whatever is not finished after ``wait_s`` is left."""
        self._moves.begin_to_leave(numbers, self.actor_ref)
        self._ports.scheduler.tell_after(wait_s + LATE_S, self.actor_ref, LookSoon())

    def _note_written(self) -> None:
        written, self._writing = self._writing, None
        if written is not None and self._me in written.forget:
            self._go()
        else:
            if written is not None and written.free:
                self._ports.nudging.nudge()
            self._look()

    def _note_unavailable(self, error: str) -> None:
        if self._phase is Phase.BEATING:
            self._tally.beats_missed += 1
        about = {"phase": self._phase.name.lower(), "error": error}
        logger.warning("home.unanswered", extra=about)
        self._writing = None
        self._end_round()

    def _end_round(self, *, unfinished: bool = False) -> None:
        self._phase = Phase.RESTING
        if self._once_more:
            self._begin_round()
            return
        wait_s = rest_s(
            self._watch,
            self._me,
            self._lease_s,
            began_s=self._round_began_s,
            now_s=self._ports.clock.monotonic_s(),
            unfinished=unfinished,
        )
        self._ports.scheduler.tell_after(wait_s, self.actor_ref, RoundDue(self._round))

    def _save_positions(self) -> None:
        if positions := self._stored.to_save(self._mine, self._ports.log.positions()):
            self._calls.save(self._me, positions)
        self._ports.scheduler.tell_after(SAVE_EVERY_S, self.actor_ref, SavePositions())

    def _say_whether_standing_by(self, planned: Plan) -> None:
        if planned.standing_by and not self._tally.standing_by:
            say_standing_by(self._watch, self._me, self._tally.instances)
        self._tally.standing_by = planned.standing_by
        self._tally.outdated = is_outdated(self._watch, self._me)

    def _leave(self, left: Callable[[int], None], patience_s: float) -> None:
        others = takers(self._watch, self._me, self._lease_s) - {self._me}
        wait_s = min(patience_s, HAND_OVER_S) if others else patience_s
        self._left, self._is_relieved = left, bool(others)
        self._moves.unfinished = 0
        numbers = held(self._mine)
        self._mine = leave(self._mine, self._ports.clock.monotonic_s() + wait_s)
        if numbers:
            self._empty(numbers, wait_s)
        self._round_soon()

    def _go(self) -> None:
        self._gone = True
        self._ports.nudging.nudge()
        logger.info("home.left", extra={"instance": self._me})
        if self._left is not None:
            self._left(0 if self._is_relieved else self._moves.unfinished)
