"""The site's URLs."""

from __future__ import annotations

from django.contrib.auth.views import LoginView
from django.urls import path

from . import views

urlpatterns = [
    path("reports", views.reports),
    path("t/<tenant_id>/bills", views.bills),
    path("uploads", views.Uploads.as_view()),
    path("keys", views.keys),
    path("login", LoginView.as_view(template_name="login.html", next_page="/keys")),
]
