"""The commands about the log, and those who read it."""
