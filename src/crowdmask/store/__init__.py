"""What is kept over time: tables and what reads and writes them, nothing of the web."""
