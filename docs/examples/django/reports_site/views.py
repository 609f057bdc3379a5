"""Views for machines, and a page on which people make their keys."""

from __future__ import annotations

import logging

from django.contrib.auth.decorators import login_required, user_passes_test
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.middleware.csrf import get_token
from django.utils.html import format_html
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_protect
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from descope_sync import CreatedAccessKey, DescopeError
from descope_sync.integrations.django import DescopeRequest, access_key_required, client
from descope_sync.integrations.django.drf import HasAccess

log = logging.getLogger(__name__)


@access_key_required(permissions=["reports:read"])
def reports(request: DescopeRequest) -> JsonResponse:
    """Any caller with the permission may read reports."""
    log.info("reports are read")
    return JsonResponse({"for": request.descope.key_id})


@access_key_required(roles=["Biller"], tenant="tenant_id", max_age=60)
async def bills(_: HttpRequest, tenant_id: str) -> JsonResponse:
    """Billers of this tenant alone, whose key was active within the last minute."""
    return JsonResponse({"tenant": tenant_id})


class Uploads(APIView):
    """The same with Django REST framework."""

    permission_classes = (HasAccess.of("reports:write"),)

    def post(self, request: Request) -> Response:
        """Take a report."""
        return Response({"by": str(request.user)}, status=201)


@never_cache
@csrf_protect
@login_required
@user_passes_test(lambda user: isinstance(user, User) and user.is_staff)
def keys(request: HttpRequest) -> HttpResponse:
    """A page on which staff make an access key, or give one a new secret, and are shown it once."""
    shown = ""
    if request.method == "POST":
        access_keys = client().mgmt.access_key
        try:
            if "rotate" in request.POST:
                shown = _shown(access_keys.rotate(request.POST["rotate"]))
            else:
                shown = _shown(access_keys.create(request.POST["name"], role_names=["Reader"]))
        except DescopeError as error:
            shown = format_html("<p>That did not work: {}</p>", error)
    return HttpResponse(
        format_html(
            '{}<form method="post"><input type="hidden" name="csrfmiddlewaretoken" value="{}">'
            '<input name="name"><button>Make an access key</button></form>',
            shown,
            get_token(request),
        )
    )


def _shown(made: CreatedAccessKey) -> str:
    return format_html("<p>{} is <code>{}</code>. Store it now.</p>", made.key.name, made.cleartext)
