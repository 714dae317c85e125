"""MongoDB: one checkpoint a user, saved by compare-and-set."""
