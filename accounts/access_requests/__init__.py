"""Requests for access: people who want to become admins ask, a sysadmin approves or rejects."""
