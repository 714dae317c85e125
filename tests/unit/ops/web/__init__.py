"""What the service shows over HTTP, on a server of the test's own."""
