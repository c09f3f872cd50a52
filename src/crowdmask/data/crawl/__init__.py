"""Photos from public search APIs: politely, licence by licence, with their origin."""
