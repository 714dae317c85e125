"""Messages in: taken from the broker, decoded, held until they are settled."""
