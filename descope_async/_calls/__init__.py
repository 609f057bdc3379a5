"""Calls of the service: requests, attempts, answers, and the errors that failures become.

Knows no session token and no cache: a call goes out and its answer comes back.
"""
