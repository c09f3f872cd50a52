"""Whether groups, or times, differ by more than chance."""
