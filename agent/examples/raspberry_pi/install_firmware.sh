#!/bin/sh
# install_firmware.sh FILE: unpack a verified firmware beside the others, and let `current` lead to it. Exit code 0: installed.
set -eu
: "${PORTCULLIS_NEW_VERSION:?}" "${PRINTER_BRIDGE:=/opt/printer-bridge}"
release=$PRINTER_BRIDGE/releases/$PORTCULLIS_NEW_VERSION
rm -rf "$release.new"
mkdir -p "$release.new"
tar -xzf "$1" -C "$release.new" --no-same-owner
[ -f "$release.new/printer_bridge.py" ]
sync
rm -rf "$release"
mv "$release.new" "$release"
ln -sfn "releases/$PORTCULLIS_NEW_VERSION" "$PRINTER_BRIDGE/current.new"
mv -T "$PRINTER_BRIDGE/current.new" "$PRINTER_BRIDGE/current"
sync
