"""Frameworks and libraries that call without awaiting: Django and what stands on it, and requests.

Each module needs an extra of its own name, and imports nothing until it is imported itself.
"""
