"""The parts of the chaos harness that judge."""
