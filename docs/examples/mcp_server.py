"""An MCP server whose callers have Descope access keys: ``uvicorn mcp_server:app``."""

from __future__ import annotations

import os

from mcp.server.auth.middleware.auth_context import get_access_token
from mcp.server.mcpserver import MCPServer

from descope_async.integrations.mcp import DescopeMCP

descope = DescopeMCP(
    resource=os.environ.get("MCP_URL", "http://127.0.0.1:8000/mcp"),  # as callers write it
    well_known=os.environ.get("DESCOPE_WELL_KNOWN_URL", ""),  # there is no default
    required_scopes=["reports:read"],
)
server = MCPServer("Reports", token_verifier=descope, auth=descope.auth_settings)
app = descope.protect(server.streamable_http_app())


@server.tool()
def whoami() -> str:
    """Say which access key is calling."""
    token = get_access_token()
    return "nobody" if token is None else token.client_id
