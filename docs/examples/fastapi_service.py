"""A service whose callers have Descope access keys: ``uvicorn fastapi_service:app``."""

from __future__ import annotations

import logging
from typing import Annotated

from fastapi import FastAPI, WebSocket

from descope_async import SessionToken
from descope_async.integrations.caller import CallerFilter
from descope_async.integrations.fastapi import DescopeAuth

auth = DescopeAuth()  # DESCOPE_PROJECT_ID is read when the application starts
app = FastAPI(title="Reports", lifespan=auth.lifespan, responses=auth.responses)
app.get("/ready", responses={})(auth.is_ready)

# Each line of the access log says which key has called.
access_log = logging.StreamHandler()
access_log.addFilter(CallerFilter())
access_log.setFormatter(logging.Formatter("%(descope_key_id)s %(descope_tenant)s %(message)s"))
logging.getLogger("uvicorn.access").addHandler(access_log)

Reader = Annotated[SessionToken, auth.require(permissions=["reports:read"])]
Biller = Annotated[SessionToken, auth.require(roles=["Biller"], tenant="tenant_id", max_age=60)]


@app.get("/reports")
async def reports(caller: Reader) -> dict[str, str]:
    """Any caller with the permission may read reports."""
    return {"for": caller.key_id}


@app.get("/t/{tenant_id}/bills")
async def bills(tenant_id: str, caller: Biller) -> dict[str, str]:
    """Billers of this tenant alone, whose key was active within the last minute."""
    return {"for": caller.key_id, "tenant": tenant_id}


@app.websocket("/feed")
async def feed(websocket: WebSocket, caller: Reader) -> None:
    """Refused before it is accepted, and closed when the token ends."""
    await websocket.accept()
    await websocket.send_text(caller.key_id)
    async for text in websocket.iter_text():
        await websocket.send_text(text)
