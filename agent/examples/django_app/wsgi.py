"""A small local backend with Django. Run it: gunicorn --bind 127.0.0.1:8080 django_app.wsgi"""

import atexit
import os

from django.core.wsgi import get_wsgi_application

from django_app.licence import agent
from portcullis_agent.wsgi import LeaseMiddleware

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "django_app.settings")

agent.start()  # gunicorn imports this in each worker, after the fork; with --preload, call it in post_fork instead
atexit.register(agent.stop)

application = LeaseMiddleware(
    get_wsgi_application(),
    agent=agent,
    # What guests and the owner need also while the site may not operate: finish what is open, and take their data.
    always_open=[
        "/health",
        "GET /orders/**",
        "/orders/*/pay",
        "/orders/*/print",
        "/export/**",
        "/static/**",
        "/licence/check",
    ],
)
