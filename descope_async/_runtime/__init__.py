"""Time, event loops and forks, for all parts.

Knows nothing of Descope: no room here imports a room outside this package.
"""
