"""Contract suites: the same promises of the twin and of the real thing."""
