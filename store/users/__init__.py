"""Users' checkpoints: one document a user, saved by compare-and-set."""
