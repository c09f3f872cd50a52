"""Ways that messages go: one file each."""
