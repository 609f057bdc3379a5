"""The application of the row ``fastapi``: one route for each way to protect it, the same answer."""

from __future__ import annotations

import json
import os
from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import Depends, FastAPI, HTTPException, Request
from fastapi.openapi.models import HTTPBearer
from fastapi.security.base import SecurityBase
from starlette.requests import HTTPConnection

from descope_async import DescopeClient
from descope_async.integrations.fastapi import DescopeAuth

PROJECT_ID, KEY_SET = os.environ["BENCH_PROJECT"], os.environ["BENCH_KEY_SET"]
AUDIENCE, DOMAIN = os.environ["BENCH_AUDIENCE"], os.environ["BENCH_DOMAIN"]

auth = DescopeAuth(
    lambda: DescopeClient(PROJECT_ID, public_key=KEY_SET, issuers=[f"https://{DOMAIN}/"])
)
ANSWER = {"reports": 3}


async def nothing() -> None:
    """A dependency that does nothing: the floor."""


class BareScheme(SecurityBase):
    """The least that a dependency costs which sees the request and stands in OpenAPI."""

    def __init__(self) -> None:
        self.model = HTTPBearer()
        self.scheme_name = "bare"

    async def __call__(self, connection: HTTPConnection) -> None:
        """Look at nothing."""


def by_pyjwt() -> Callable[[Request], Awaitable[Any]]:
    """What one writes by hand with PyJWT: the key is made once."""
    import jwt

    (key,) = json.loads(KEY_SET)["keys"]
    public = jwt.PyJWK(key)

    async def caller(request: Request) -> Any:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            raise HTTPException(401)
        try:
            return jwt.decode(token, public, algorithms=[key["alg"]], audience=AUDIENCE)
        except jwt.InvalidTokenError:
            raise HTTPException(401) from None

    return caller


def by_auth0() -> Callable[..., Awaitable[Any]]:
    """The dependency of auth0-fastapi-api, which is given its documents without a network."""
    from fastapi_plugin import Auth0FastAPI

    documents = {
        "openid-configuration": {
            "issuer": f"https://{DOMAIN}/",
            "jwks_uri": f"https://{DOMAIN}/jwks.json",
        },
        "jwks.json": json.loads(KEY_SET),
    }

    async def fetch(url: str, *_: Any, **__: Any) -> Any:
        return documents[url.rpartition("/")[2]]

    required = Auth0FastAPI(domain=DOMAIN, audience=AUDIENCE, custom_fetch=fetch).require_auth()
    found: Callable[..., Awaitable[Any]] = required
    return found


WAYS: dict[str, Any] = {
    "nothing": Depends(nothing),
    "a security scheme alone": Depends(BareScheme()),
    "ours": auth.require(),
    "ours, with a permission": auth.require(permissions=["reports:read"]),
}
for name, make in (("PyJWT by hand", by_pyjwt), ("auth0-fastapi-api", by_auth0)):
    try:
        WAYS[name] = Depends(make())
    except ModuleNotFoundError:
        continue  # a peer that is not installed has no route


def protected(dependency: Any) -> FastAPI:
    """An application of one route: where several are, the later ones are found later."""
    app = FastAPI()

    @app.get("/", dependencies=[dependency])
    async def answer() -> dict[str, int]:
        """The same for all."""
        return ANSWER

    return app


APPS = {f"/{number}": protected(way) for number, way in enumerate(WAYS.values())}
ABOUT = FastAPI(lifespan=auth.lifespan)


@ABOUT.get("/about")
async def about() -> dict[str, Any]:
    """The ways, in the order of their applications, and who answers."""
    return {"names": list(WAYS), "process": os.getpid()}


async def app(scope: Any, receive: Any, send: Any) -> None:
    """Serve each application at the root, below a path of its own."""
    found = APPS.get(scope.get("path", ""))
    if found is None:
        await ABOUT(scope, receive, send)
    else:
        await found({**scope, "path": "/", "raw_path": b"/"}, receive, send)
