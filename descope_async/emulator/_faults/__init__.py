"""Failures on demand: which request goes wrong, and how its bytes are spoiled.

Knows no operation's rules: a request is spoiled before or after it is carried out.
"""
