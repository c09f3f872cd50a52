"""List the photos of all kinds of sources, one by one, so that a million of them need little memory."""
