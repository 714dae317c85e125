"""Messages out: digests and dead letters, over whatever transport there is."""
