"""The console in a real browser, against a live service."""
