"""Where the bare address leads."""

from django.test import Client


def test_the_root_leads_to_the_panel(client: Client) -> None:
    answer = client.get("/")
    assert (answer.status_code, answer["Location"]) == (302, "/admin/")


def test_the_panel_asks_who_is_there(db: None, client: Client) -> None:
    answer = client.get("/", follow=True)
    assert answer.redirect_chain[-1] == ("/admin/login/?next=/admin/", 302)
    assert answer.status_code == 200
