"""`kill -9` of a process that sends heartbeats: `python -m tests.kills` kills it at 200 random instants."""
