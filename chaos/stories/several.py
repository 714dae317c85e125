"""Stories of several instances: while one is away the others do its work."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chaos.stories.pauses import PAUSE_S

if TYPE_CHECKING:
    from chaos.stage import Stage


def nothing(stage: Stage) -> None:
    """What goes on anyway."""
    stage.load_for(5.0 if stage.quick else 30.0)


def each_killed(stage: Stage) -> None:
    """While one is dead the others answer."""
    for number in stage.times(10, least=2):
        instance = number % len(stage.instances)
        stage.load_for(0.5, 2.0)
        stage.kill(instance)
        stage.cured()
        stage.bring_back(instance)
        stage.cured()


def each_paused(stage: Stage) -> None:
    """One wakes up after the others have done its work."""
    for number in stage.times(10, least=2):
        stage.load_for(0.5, 2.0)
        with stage.paused(number % len(stage.instances)):
            stage.cured()
            stage.load_for(PAUSE_S)
        stage.cured()


def all_killed(stage: Stage) -> None:
    """A machine lost power; all come back at once."""
    for _ in stage.times(5):
        stage.load_for(0.5, 2.0)
        for instance in range(len(stage.instances)):
            stage.kill(instance)
        stage.load_for(0.1, 1.0)
        for instance in range(len(stage.instances)):
            stage.restart(instance)
        stage.cured()


def rolling_restart(stage: Stage) -> None:
    """A new version is rolled out under load."""
    for number in stage.times(12, least=3):
        instance = number % len(stage.instances)
        stage.load_for(0.5, 2.0)
        stage.fault()
        stage.terminate(instance)
        stage.cured()
        stage.bring_back(instance)
        stage.cured()


def mongodb_gone_for_a_while(stage: Stage) -> None:
    """As while a replica set elects; nobody may take the others for dead when it is back."""
    for _ in stage.times(3):
        stage.load_for(0.5, 2.0)
        stage.fault()
        stage.mongodb.child.kill()
        stage.load_for(10.0)
        stage.mongodb.child.start()
        stage.cured()
