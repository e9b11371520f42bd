#!/bin/sh
# Make a project folder ready to serve: its virtual environment and its static files. What the image's build runs, and the tests.
#
#   build.sh FOLDER             both steps
#   build.sh FOLDER packages    from the lock files alone, so that the image's layer outlives a change of the code
#   build.sh FOLDER static      needs the packages and the code
#
# FOLDER must be where it will run: a virtual environment cannot be moved. PYTHON chooses the interpreter.
set -eu
: "${PYTHON:=python3}"
[ $# -ge 1 ] && [ -f "$1/requirements.lock" ] || { echo "usage: build.sh FOLDER [packages|static]" >&2; exit 2; }
cd "$1"
step=${2:-all}

# Only files whose hashes are in the lock file, and wheels only: neither the build nor the image needs a compiler.
install() {
  "$PYTHON" -m pip --python .venv/bin/python install -q --disable-pip-version-check --require-hashes --only-binary :all: "$@"
}

install_packages() {
  "$PYTHON" -m venv --clear --without-pip .venv
  install -r requirements.lock
  install -r requirements-fast.lock ||
    echo "No wheel of gunicorn's parser in C for this Python: gunicorn will read HTTP in Python." >&2
}

random() { "$PYTHON" -c 'import secrets; print(secrets.token_urlsafe(50))'; }

collect_static_files() {
  mkdir -p var
  # Static files are those of production, which refuses to start without secrets; these last for this one command.
  ENV_FILE=/dev/null DEBUG=false ALLOWED_HOSTS=localhost SECRET_KEY="$(random)" SITE_KEY_PEPPER="$(random)" \
    .venv/bin/python manage.py collectstatic --noinput --clear --verbosity 0
  # The image's files are read-only for the server, so it could never cache this by itself.
  .venv/bin/python -m compileall -q -x '/(\.venv|var|staticfiles)/' .
}

case $step in
  all) install_packages; collect_static_files ;;
  packages) install_packages ;;
  static) collect_static_files ;;
  *) echo "build.sh knows the steps packages and static, not '$step'." >&2; exit 2 ;;
esac
