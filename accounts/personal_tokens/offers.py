"""Which permissions are of use to a script."""

# No operation of the API that takes a token asks for them: they are for the panel, or a person must be present. The API gives
# them to a token all the same, because a later release may have such an operation.
OF_NO_USE = frozenset(
    {
        "accounts.add_admin",
        "accounts.decide_accessrequest",
        "accounts.view_admin",
        "accounts.view_signinattempt",
        "alerts.manage_customer_notices",
        "device_heartbeats.send_command",
        "devices.add_device",
        "devices.dismiss_clone",
        "erasure.erase_site",
        "jobs.apply_migrations",
        "jobs.view_job",
        "licensing.view_signingkey",
        "sites.add_sitenote",
        "sites.deactivate_site",
        "sites.export_site",
        "sites.import_site",
        "sites.restore_site",
        "sites.set_license_expiry",
        "sites.share_savedview",
        "sites.tag_site",
        "sites.view_sitekey",
    }
)
