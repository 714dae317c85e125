"""How large the scenarios are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

Figures = dict[str, Any]
"""What a scenario measured, by name."""


@dataclass(frozen=True, slots=True)
class Scale:
    """How large the scenarios are."""

    rounds: int
    backlog: int
    users: int
    new_users: int
    usual: int
    digests: int
    paced_s: float
    many_users: int
    live_users: int
    restart_backlog: int
    growth: tuple[int, int]
    """How many users are known, few and many."""
    growth_backlog: int
    large_user_events: int
    largest_user: int
    """Alarms of a user whose turns are measured."""
    instances: tuple[int, ...]
    instance_events: int
    """For each instance."""
    joining_s: float
    requests_in_a_row: int


FULL = Scale(
    rounds=3,
    backlog=200_000,
    users=20_000,
    new_users=100_000,
    usual=10_000,
    digests=20_000,
    paced_s=15.0,
    many_users=1_000_000,
    live_users=100_000,
    restart_backlog=200_000,
    growth=(100_000, 10_000_000),
    growth_backlog=100_000,
    large_user_events=20_000,
    largest_user=100_000,
    instances=(1, 2, 4, 8),
    instance_events=15_000,
    joining_s=8.0,
    requests_in_a_row=50_000,
)
QUICK = Scale(
    rounds=1,
    backlog=30_000,
    users=4_000,
    new_users=15_000,
    usual=1_500,
    digests=4_000,
    paced_s=3.0,
    many_users=20_000,
    live_users=4_000,
    restart_backlog=10_000,
    growth=(2_000, 20_000),
    growth_backlog=10_000,
    large_user_events=4_000,
    largest_user=100_000,
    instances=(1, 2),
    instance_events=5_000,
    joining_s=3.0,
    requests_in_a_row=1_000,
)
