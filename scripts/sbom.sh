#!/bin/sh
# Write the software bill of materials of a release, var/sbom.cdx.json (CycloneDX 1.6): Portcullis, the packages that run in
# production, their licences and what needs what. They are installed from requirements.lock into an environment of their own.
set -eu
cd "$(dirname "$0")/.."
: "${BIN:=.venv/bin}"
mkdir -p var
"$BIN/python" -m venv --clear --without-pip var/sbom-environment
"$BIN/python" -m pip --python var/sbom-environment/bin/python install -q --disable-pip-version-check --require-hashes \
  --only-binary :all: -r requirements.lock
"$BIN/cyclonedx-py" environment --spec-version 1.6 --output-format JSON --output-reproducible --validate \
  --pyproject pyproject.toml --mc-type application --output-file var/sbom.cdx.json var/sbom-environment/bin/python
rm -r var/sbom-environment
echo "Wrote var/sbom.cdx.json."
