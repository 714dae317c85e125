"""Checkpoints on their way: saved in groups, loaded in groups."""
