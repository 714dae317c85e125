"""The command line: in a command, and only there, click and rich."""
