"""Calls of an instance that take their time: coroutines of its own, carried on by the world."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Generator

T = TypeVar("T")


class Answer(Generic[T]):
    """What a coroutine waits for: given once, by whoever has it."""

    def __init__(self) -> None:
        """Wait for an answer that nobody has given yet."""
        self.given = False
        self._value: T
        self._error: Exception | None = None
        self._awaken: Callable[[], None] | None = None

    def __await__(self) -> Generator[Answer[T], None, T]:
        """Wait for the answer; raises what it was given in its stead."""
        while not self.given:
            yield self
        if self._error is not None:
            raise self._error
        return self._value

    def give(self, value: T) -> None:
        """Answer, unless that was done before."""
        if not self.given:
            self._value = value
            self._end()

    def fail(self, error: Exception) -> None:
        """Raise this where the answer is awaited, unless it was given before."""
        if not self.given:
            self._error = error
            self._end()

    def when_given(self, awaken: Callable[[], None]) -> None:
        """Call ``awaken`` once the answer is given."""
        self._awaken = awaken

    def _end(self) -> None:
        self.given = True
        if self._awaken is not None:
            self._awaken()


class Calls:
    """The coroutines of one instance. One that has its answer goes on when it is stepped."""

    def __init__(self, schedule: Callable[[Callable[[], None]], None]) -> None:
        """``schedule`` has something done by the instance soon, unless it is paused."""
        self._schedule = schedule
        self._under_way: dict[Coroutine[Any, Any, None], None] = {}

    def begin(self, coroutine: Coroutine[Any, Any, None]) -> None:
        """Run a coroutine, which must not raise, up to what it waits for."""
        self._under_way[coroutine] = None
        self._go_on(coroutine)

    def die(self) -> None:
        """End all that is under way, where it is."""
        under_way, self._under_way = self._under_way, {}
        for coroutine in under_way:
            coroutine.close()

    def _go_on(self, coroutine: Coroutine[Any, Any, None]) -> None:
        if coroutine not in self._under_way:
            return  # its instance has died
        try:
            answer = cast("Answer[Any]", coroutine.send(None))
        except StopIteration:
            del self._under_way[coroutine]
            return
        answer.when_given(lambda: self._schedule(lambda: self._go_on(coroutine)))


def result_of(coroutine: Coroutine[Any, Any, T]) -> T:
    """Return what a twin, which has its answers at once, returns."""
    try:
        coroutine.send(None)
    except StopIteration as stop:
        return cast("T", stop.value)
    coroutine.close()
    raise AssertionError("a twin has to answer at once")
