"""How named tuples are made where many are: messages, alarms, deliveries."""

from __future__ import annotations

new_tuple = tuple.__new__
"""``new_tuple(Kind, (field, …))``: a named tuple's own constructor costs twice as much."""
