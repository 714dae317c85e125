"""What must be true of a history, by one who sees all of it: the log, the stores, the outputs."""
