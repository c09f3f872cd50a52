"""A person labels some of the photos, and the survey rests on that instead of on the shipped rates."""
