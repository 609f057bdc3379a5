"""The site's settings. DESCOPE_PROJECT_ID and DESCOPE_MANAGEMENT_KEY come from the environment."""

from __future__ import annotations

import os
from pathlib import Path

DATA = Path(os.environ.get("SITE_DATA", Path(__file__).parents[1]))
SECRET_KEY = os.environ.get("SITE_SECRET_KEY", "change me")
ALLOWED_HOSTS = ["localhost", "127.0.0.1"]
ROOT_URLCONF = "reports_site.urls"
LOGIN_URL = "/login"
USE_TZ = True
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": DATA / "site.sqlite3"}}
TEMPLATES = [{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}]

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "rest_framework",
    "descope_sync.integrations.django",
    "reports_site",
]
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "descope_sync.integrations.django.DescopeMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
]
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "descope_sync.integrations.django.drf.DescopeAuthentication",
    ],
    "DEFAULT_THROTTLE_CLASSES": ["descope_sync.integrations.django.drf.AccessKeyThrottle"],
    "DEFAULT_THROTTLE_RATES": {"access_key": "600/min"},
}

# Every line of the log says which access key was calling.
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"caller": {"()": "descope_sync.integrations.django.CallerFilter"}},
    "formatters": {
        "caller": {"format": "{descope_key_id} {descope_tenant} {message}", "style": "{"}
    },
    "handlers": {
        "stderr": {
            "class": "logging.StreamHandler",
            "filters": ["caller"],
            "formatter": "caller",
        }
    },
    "root": {"handlers": ["stderr"], "level": "INFO"},
}
