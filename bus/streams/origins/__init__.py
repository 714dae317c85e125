"""Origins: what a stream's sources bring into it, and whether that is understood."""
