"""Machine callers for Django (``descope-async[django]``).

Add ``"descope_sync.integrations.django"`` to ``INSTALLED_APPS`` and its `DescopeMiddleware` to
``MIDDLEWARE``, in front of Django's ``CsrfViewMiddleware``. ``DESCOPE`` in the settings says which project;
what it leaves out comes from the environment. Nothing is read, checked or sent before it is needed, and
there are no models.
"""

from __future__ import annotations

from importlib.util import find_spec as _find_spec

if _find_spec("django") is None:
    _problem = "this needs an extra: pip install 'descope-async[django]'"
    raise ModuleNotFoundError(_problem, name="django")

from descope_async.integrations.caller import Caller, CallerFilter, current_caller

from .clients import aclient, client
from .middleware import DescopeMiddleware, DescopeRequest
from .protection import AccessKeyRequiredMixin, access_key_required

__all__ = [
    "AccessKeyRequiredMixin",
    "Caller",
    "CallerFilter",
    "DescopeMiddleware",
    "DescopeRequest",
    "access_key_required",
    "aclient",
    "client",
    "current_caller",
]
