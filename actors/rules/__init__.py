"""The rules: pure functions of state and arguments. No clock, no I/O, no actor."""
