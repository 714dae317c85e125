"""The user actor: one user, in memory while it is in use."""
