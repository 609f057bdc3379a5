"""Where a module is tested that has no test file of its own name."""

from __future__ import annotations

#: Packages whose modules are private and do their work only together. Their tests lie in a folder.
TOGETHER = {
    "descope_async/batch": "batch",
    "descope_async/cli": "cli",
    "descope_async/compat": "compat",
    "descope_async/emulator": "emulator",
    "descope_async/errors": "core",
    "descope_async/integrations": "integrations",
    "descope_async/pytest_plugin": "pytest_plugin",
    "descope_async/secret_stores": "stores",
    "descope_sync": "facade",
    "descope_sync/_generate": "facade",
    "descope_sync/compat": "compat",
    "descope_sync/integrations": "integrations",
    "descope_sync/integrations/django": "django",
}

#: Modules of the core that are tested through another one.
THROUGH = {
    "descope_async/_calls/answers": "core/calls/test_transport.py",
    "descope_async/_calls/attempts": "core/calls/test_repeats.py",
    "descope_async/_calls/connector": "core/calls/test_connections.py",
    "descope_async/_calls/diagnosis": "core/calls/test_connections.py",
    "descope_async/_calls/published_keys": "core/tokens/test_signing_keys.py",
    "descope_async/_calls/management": "core/test_access_keys.py",
    "descope_async/_calls/messages": "core/calls/test_transport.py",
    "descope_async/_calls/once": "core/calls/test_delivery.py",
    "descope_async/_calls/operations": "core/test_access_keys.py",
    "descope_async/_calls/progress": "core/events/test_calls.py",
    "descope_async/_calls/refusals": "core/calls/test_transport.py",
    "descope_async/_calls/request_headers": "core/config/test_extra_headers.py",
    "descope_async/_calls/shortcuts": "core/calls/test_wire.py",
    "descope_async/_calls/structuring": "core/calls/test_wire.py",
    "descope_async/_config/environment": "core/config/test_config.py",
    "descope_async/_config/hosts": "core/config/test_base_url.py",
    "descope_async/_config/project": "core/config/test_config.py",
    "descope_async/_config/route": "stories/test_network_security.py",
    "descope_async/_config/tls": "core/config/test_authorities.py",
    "descope_async/_keys/exchange": "core/test_access_keys.py",
    "descope_async/_keys/key_reader": "core/keys/test_refused_keys.py",
    "descope_async/_keys/renewals": "core/test_token_source.py",
    "descope_async/_keys/shared": "core/test_token_source.py",
    "descope_async/_runtime/callables": "core/calls/test_delivery.py",
    "descope_async/_runtime/loop_end": "core/calls/test_connections.py",
    "descope_async/_runtime/shield": "stories/test_interruptions.py",
    "descope_async/_runtime/unclaimed": "stories/test_unclaimed_secrets.py",
    "descope_async/_tokens/claim_rules": "core/tokens/test_validation.py",
    "descope_async/_tokens/compact": "core/tokens/test_signatures.py",
    "descope_async/access_keys/_existing": "core/test_access_keys.py",
    "descope_async/authentication": "core/tokens/test_validation.py",
    "descope_async/client": "core/config/test_config.py",
    "descope_async/events/_event": "core/events/test_telemetry.py",
    "descope_async/settings": "core/config/test_config.py",
}
