"""List the photos of all kinds of sources one by one, so that millions need little memory."""
