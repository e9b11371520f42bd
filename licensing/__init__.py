"""Signed leases: what a site may do, in a form that it can check without us, and the keys that sign it.

The rule itself, "active and before the end of its licence", is `sites.querysets.licensed_at`.
"""
