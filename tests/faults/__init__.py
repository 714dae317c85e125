"""The service while its servers, or itself, are killed, paused or late."""
