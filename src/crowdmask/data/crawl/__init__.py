"""Photos from public search APIs, with rate limits, checked licences and their origin."""
