"""Access keys on their way to session tokens: exchanged, renewed, refused, presented.

Knows no JSON names and no HTTP: what is to be asked goes through `_calls`.
"""
