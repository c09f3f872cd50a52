"""From any released schema to the newest one; a file a step in `versions`."""
