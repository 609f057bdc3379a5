"""Files and folders: paths as users write them, whole writes that nobody else can read, locks.

Knows nothing of access keys, stores and calls.
"""
