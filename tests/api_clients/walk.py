"""What a user of the generated client writes: a site from its registration to its deregistration.

tests/test_generated_client.py generates the client, checks the types of this program and runs it:

    python walk.py http://127.0.0.1:8000 anna PASSWORD
"""

import sys
import uuid
from io import BytesIO

from portcullis_client import AuthenticatedClient, Client
from portcullis_client.api.auth import login, me
from portcullis_client.api.firmware import download_firmware, upload_firmware
from portcullis_client.api.heartbeat import send_heartbeat
from portcullis_client.api.sites import (
    deregister_site,
    extend_license,
    get_site,
    list_sites,
    lock_site,
    register_site,
    unlock_site,
    update_site,
)
from portcullis_client.models import (
    CredentialsRequest,
    ExtendRequest,
    Firmware,
    HeartbeatAnswer,
    HeartbeatReportRequest,
    LockRequest,
    Me,
    PaginatedSiteList,
    PatchedSiteEditRequest,
    Problem,
    RegisteredSite,
    Site,
    SiteDetail,
    SiteRegistrationRequest,
    SiteStatus,
    TokenPair,
    UploadFirmwareRequest,
)
from portcullis_client.types import File

URL, USER, PASSWORD = sys.argv[1:]


def sign_in() -> AuthenticatedClient:
    anonymous = Client(base_url=URL)
    wrong = login.sync(client=anonymous, body=CredentialsRequest(username=USER, password="wrong"))
    assert isinstance(wrong, Problem)
    assert (wrong.status, wrong.code) == (401, "invalid_credentials")
    tokens = login.sync(client=anonymous, body=CredentialsRequest(username=USER, password=PASSWORD))
    assert isinstance(tokens, TokenPair)
    return AuthenticatedClient(base_url=URL, token=tokens.access)


def a_site(name: str) -> SiteRegistrationRequest:
    return SiteRegistrationRequest(name=name, owner_name="Giulia", contact_email="giulia@roma.example")


def register_once(api: AuthenticatedClient) -> RegisteredSite:
    """The same key twice is one site; with another body it is a conflict."""
    name, key = f"Trattoria {uuid.uuid4()}", str(uuid.uuid4())
    site = register_site.sync(client=api, body=a_site(name), idempotency_key=key)
    assert isinstance(site, RegisteredSite)
    assert (site.status, site.is_locked) == (SiteStatus.NEVER_SEEN, False)
    again = register_site.sync_detailed(client=api, body=a_site(name), idempotency_key=key)
    assert again.headers["Idempotency-Replayed"] == "true"
    assert isinstance(again.parsed, RegisteredSite)
    assert (again.parsed.site_id, again.parsed.secret_key) == (site.site_id, None)  # the key is shown once
    other = register_site.sync(client=api, body=a_site("Another"), idempotency_key=key)
    assert isinstance(other, Problem)
    assert (other.status, other.code) == (409, "idempotency_key_reused")
    return site


def call_home(site: RegisteredSite) -> HeartbeatAnswer:
    assert site.secret_key is not None
    backend = AuthenticatedClient(
        base_url=URL,
        headers={"X-Site-ID": str(site.site_id)},
        auth_header_name="X-Site-Key",
        token=site.secret_key,
        prefix="",
    )
    answer = send_heartbeat.sync(client=backend, body=HeartbeatReportRequest(version="1.0.0", uptime_seconds=60))
    assert isinstance(answer, HeartbeatAnswer)
    return answer


def lock_and_unlock(api: AuthenticatedClient, site: RegisteredSite) -> None:
    assert not call_home(site).locked
    locked = lock_site.sync(site.site_id, client=api, body=LockRequest(reason="unpaid invoice 118"))
    assert isinstance(locked, Site)
    assert locked.locked_at is not None
    told = call_home(site)
    assert (told.locked, told.lock_reason) == (True, "unpaid invoice 118")
    unlocked = unlock_site.sync(site.site_id, client=api)
    assert isinstance(unlocked, Site)
    assert not call_home(site).locked


def change(api: AuthenticatedClient, site: RegisteredSite) -> None:
    """With the ETag of what was read: the second of two changes is refused."""
    read = get_site.sync_detailed(site.site_id, client=api)
    assert isinstance(read.parsed, SiteDetail)
    assert read.parsed.last_heartbeat is not None
    tag, edit = read.headers["ETag"], PatchedSiteEditRequest(timezone="Europe/Vienna")
    changed = update_site.sync(site.site_id, client=api, body=edit, if_match=tag)
    assert isinstance(changed, Site)
    assert changed.timezone == "Europe/Vienna"
    late = update_site.sync(site.site_id, client=api, body=edit, if_match=tag)
    assert isinstance(late, Problem)
    assert (late.status, late.code) == (412, "site_changed_meanwhile")
    extended = extend_license.sync(site.site_id, client=api, body=ExtendRequest(days=30))
    assert isinstance(extended, Site)
    assert extended.license_expires_at > site.license_expires_at


def list_all(api: AuthenticatedClient, site: RegisteredSite) -> None:
    """Page by page, and filtered."""
    register_site.sync(client=api, body=a_site(site.name))
    found, number = [], 1
    while True:
        page = list_sites.sync(client=api, search=site.name, is_locked=False, page=number, page_size=1)
        assert isinstance(page, PaginatedSiteList)
        found += [entry.site_id for entry in page.results]
        if page.next_ is None:
            break
        number += 1
    assert (number, len(set(found))) == (2, 2)
    assert site.site_id in found
    past = list_sites.sync(client=api, search=site.name, page=9)
    assert isinstance(past, Problem)
    assert (past.status, past.code) == (404, "not_found")


def invalid_input(api: AuthenticatedClient) -> None:
    refused = register_site.sync(client=api, body=SiteRegistrationRequest("Roma", "Giulia", "no address"))
    assert isinstance(refused, Problem)
    assert isinstance(refused.errors, list)
    assert [(error.pointer, error.code) for error in refused.errors] == [("/contact_email", "invalid")]


def upload_and_load(api: AuthenticatedClient) -> None:
    content = uuid.uuid4().bytes
    body = UploadFirmwareRequest(
        file=File(payload=BytesIO(content), file_name="till.bin"),
        product=f"till-{uuid.uuid4()}",
        version="1.2.0",
        channel="stable",
    )
    firmware = upload_firmware.sync(client=api, body=body)
    assert isinstance(firmware, Firmware)
    loaded = download_firmware.sync(firmware.id, client=api)
    assert isinstance(loaded, File)
    assert loaded.payload.read() == content


def main() -> None:
    api = sign_in()
    admin = me.sync(client=api)
    assert isinstance(admin, Me)
    assert (admin.username, admin.role) == (USER, "sysadmin")
    site = register_once(api)
    lock_and_unlock(api, site)
    change(api, site)
    list_all(api, site)
    invalid_input(api)
    upload_and_load(api)
    assert deregister_site.sync_detailed(site.site_id, client=api).status_code == 204
    gone = get_site.sync(site.site_id, client=api)
    assert isinstance(gone, Problem)
    assert (gone.status, gone.code) == (404, "site_not_found")
    print("walked")


main()
