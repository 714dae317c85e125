"""One user as people see it: what is known, what is due, and why."""
