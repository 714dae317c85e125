"""What the service shows over HTTP: one module each for what is shown, and the server."""
