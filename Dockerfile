# The steps are scripts in scripts/container/, so that the tests can run them without a container engine.
FROM python:3.12-slim AS build
WORKDIR /app
COPY requirements.lock requirements-fast.lock ./
COPY scripts/container/build.sh scripts/container/
RUN scripts/container/build.sh /app packages
COPY . .
RUN scripts/container/build.sh /app static

FROM python:3.12-slim
WORKDIR /app
ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
COPY --from=build /app /app
# The code belongs to root. The server may write to var/ only, where the default SQLite database is.
COPY --from=build --chown=10001:10001 /app/var /app/var
USER 10001:10001
VOLUME /app/var
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s --retries=3 \
  CMD ["/app/.venv/bin/python", "/app/scripts/container/healthcheck.py"]
ENTRYPOINT ["/app/scripts/container/entrypoint.sh"]
