# The steps are scripts in scripts/container/, so that the tests can run them without a container engine.
FROM python:3.12-slim-trixie AS build
WORKDIR /app
COPY requirements.lock requirements-fast.lock ./
COPY scripts/container/build.sh scripts/container/
RUN scripts/container/build.sh /app packages
COPY . .
RUN scripts/container/build.sh /app static

FROM python:3.12-slim-trixie
WORKDIR /app
ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
COPY scripts/container/tools.sh scripts/container/
RUN scripts/container/tools.sh
COPY --from=build /app /app
# The code belongs to root, and the root file system may be read-only. What is written is in var/, where the default SQLite
# database and the backups are, in /tmp and in /dev/shm.
COPY --from=build --chown=10001:10001 /app/var /app/var
USER 10001:10001
VOLUME /app/var
EXPOSE 8000 8001
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s --retries=3 \
  CMD ["/app/.venv/bin/python", "/app/scripts/container/healthcheck.py"]
ENTRYPOINT ["/app/scripts/container/entrypoint.sh"]
CMD ["serve"]
