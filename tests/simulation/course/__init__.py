"""What happens in a history: its plan, its traffic, its storms and calms."""
