"""Reading carefully: what may have ended the process before is noted before it is decoded."""
