"""Paths that official SDKs call and that the local Descope has no answer to.

They are answered with 501, which no SDK repeats, and not with 404, which code takes for an object
that does not exist.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

_BELOW: Final[Mapping[str, str]] = {
    "/": """
        oauth2/v1 scim/v2 v1/apps v1/flow v1/outbound
    """,
    "/v1/auth/": """
        enchantedlink/pending-session enchantedlink/signin enchantedlink/signup
        enchantedlink/signup-in enchantedlink/update/email enchantedlink/update/phone
        enchantedlink/verify magiclink/pending-session magiclink/signin magiclink/signup
        magiclink/signup-in magiclink/update/email magiclink/update/phone magiclink/verify
        me/history notp oauth/authorize oauth/exchange onetap otp/signin otp/signup otp/signup-in
        otp/update/email otp/update/phone otp/verify password/policy password/replace
        password/reset password/signin password/signup password/update saml/authorize
        saml/exchange sso/authorize sso/exchange totp/signup totp/update totp/verify
        try-refresh webauthn/signin/finish webauthn/signin/start webauthn/signup-in/start
        webauthn/signup/finish webauthn/signup/start webauthn/update/finish
        webauthn/update/start
    """,
    "/v1/mgmt/": """
        accesskey/import analytics/search audit/event audit/search auth/anonymous
        auth/signin auth/signup auth/signup-in authz/getmodified authz/ns/delete
        authz/ns/save authz/rd/delete authz/rd/save authz/re/create authz/re/delete
        authz/re/deleteresources authz/re/deleteresourcesrelations authz/re/has
        authz/re/resource authz/re/targetall authz/re/targets authz/re/targetwithrelation
        authz/re/who authz/schema/delete authz/schema/load authz/schema/save connector
        descoper engine/create engine/delete engine/load engine/rotate engine/update
        engines/load environment family/create family/customattribute/create
        family/customattribute/delete family/customattributes family/delete
        family/dependent/create family/dependent/delete family/impersonate family/search
        family/settings family/update fga/check fga/mappable/resources fga/mappable/schema
        fga/relations fga/resources/load fga/resources/save fga/schema flow/async/result
        flow/async/run flow/delete flow/export flow/import flow/list flow/run group/all
        group/member/all group/members impersonate inboundapp jwt/templates/library
        jwt/templates/validate jwt/update list localization mcp outbound/app outbound/apps
        outbound/apps-with-user-token outbound/scim outbound/token outbound/user/tokens
        password/settings project/clone project/delete project/export project/import
        project/signkey project/snapshot/export project/snapshot/import
        project/snapshot/validate project/update/name project/update/tags projects/list
        scopeClaimMapping/delete scopeClaimMapping/get scopeClaimMapping/set
        sso/idp/app/delete sso/idp/app/load sso/idp/app/oidc/create sso/idp/app/oidc/update
        sso/idp/app/rotate sso/idp/app/saml/create sso/idp/app/saml/update
        sso/idp/app/secret sso/idp/app/wsfed/create sso/idp/app/wsfed/update
        sso/idp/apps/load sso/mapping sso/metadata sso/oidc sso/recalculate-mappings
        sso/redirect sso/saml sso/settings sso/xaa/settings stop/impersonation
        tenant/adminlinks tenant/sso-user-remove tests/generate/enchantedlink
        tests/generate/magiclink theme/export theme/import thirdparty/app/create
        thirdparty/app/delete thirdparty/app/load thirdparty/app/patch thirdparty/app/rotate
        thirdparty/app/secret thirdparty/app/update thirdparty/apps/load
        thirdparty/consents/delete thirdparty/consents/search user/customattribute
        user/customattributes user/families/customattribute/create
        user/families/customattribute/delete user/families/customattributes user/history
        user/import user/passkey/delete user/passkeys/delete user/passkeys/list
        user/password/expire user/password/set user/provider/token
        user/recovery-codes/delete user/signin/embeddedlink user/signup/embeddedlink
        user/totp/delete user/trusteddevices/list user/trusteddevices/remove
        user/update/family/add user/update/family/remove user/update/recovery/email
        user/update/recovery/phone
    """,
    "/v2/mgmt/": """
        connector/audit/web/set sso/settings tenant/adminlinks/sso/generate theme
    """,
}
#: Documents of OpenID Connect and OAuth, which their clients look for below an issuer or in front of it.
_METADATA: Final = re.compile(
    r"/\.well-known/(?:openid-configuration|oauth-authorization-server|jwks\.json)(?:/|$)"
)
_PATHS: Final = tuple(prefix + name for prefix, names in _BELOW.items() for name in names.split())


def known_path(path: str) -> str | None:
    """The path of which a request's path is one that clients call, or which it begins with.

    Empty for a document whose place only the client knows.
    """
    if _METADATA.search(path):
        return ""
    return next((each for each in _PATHS if f"{path}/".startswith(f"{each}/")), None)
