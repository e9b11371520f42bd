"""What a site may do. The app of the signed leases.

Today's rule, "active and before the end of its licence", is `sites.querysets.licensed_at`; a heartbeat's reply follows it.
"""
