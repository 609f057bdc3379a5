"""What a client is told when it is made: its settings, and where requests go.

Knows nothing of calls, tokens and event loops.
"""
