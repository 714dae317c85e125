"""Dead letters as people see them: looked at, put back, dropped."""
