"""The console: a page, what it asks for, and what is answered."""
