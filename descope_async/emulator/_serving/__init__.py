"""The local Descope on a socket: routes, authorization, certificates, control door, start and stop.

Knows no rule of an operation: it reads requests and hands them on.
"""
