"""For gunicorn: ``gunicorn --workers 2 reports_site.wsgi``."""

from __future__ import annotations

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "reports_site.settings")
application = get_wsgi_application()
