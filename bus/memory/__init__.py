"""The twins of the bus and of a log, in memory: for tests and simulation."""
