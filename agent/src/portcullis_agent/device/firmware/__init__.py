"""Firmware: the signed manifest, the download, the installation."""
