"""The runtime: pooled actors for Pykka, and the dispatchers that run them."""
