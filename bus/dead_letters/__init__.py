"""Dead letters as they lie in their stream."""
