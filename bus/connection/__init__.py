"""The connection to NATS: who we are, what we trust, and the client's insides."""
