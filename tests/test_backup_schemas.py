"""On PostgreSQL a backup has the schema in which our tables are, whatever its name, and nothing of another one."""

import secrets
from pathlib import Path

import psycopg
import pytest

from tests.databases import empty_postgresql, prepared_postgresql
from tests.running_server import RunningServer

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

SECRETS = {"SECRET_KEY": secrets.token_urlsafe(50), "SITE_KEY_PEPPER": secrets.token_urlsafe(50)}
OURS = "?options=-c%20search_path%3Dours"
EXTENSIONS = "SELECT extname, extnamespace::regnamespace::text FROM pg_extension ORDER BY 1"


def manage(url: str, folder: Path, *arguments: str, fails: bool = False) -> str:
    done = RunningServer(url, folder, settings=SECRETS).manage(*arguments)
    assert (done.returncode != 0) is fails, done.stderr
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def backed_up(postgres_url: str, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """A database that another program uses as well, in a schema of its own, and the file of its backup."""
    folder = tmp_path_factory.mktemp("schemas")
    url = prepared_postgresql(postgres_url, folder)
    with psycopg.connect(url) as connection:
        connection.execute("ALTER SCHEMA public RENAME TO ours")
        connection.execute("CREATE SCHEMA public")
        connection.execute("CREATE TABLE public.theirs AS SELECT 1 AS row")
    manage(url + OURS, folder, "backup", "--folder", str(folder / "backups"))
    [file] = (folder / "backups").iterdir()
    return url, str(file)


def test_it_is_restored_in_its_place_and_the_other_schema_stays(backed_up: tuple[str, str], tmp_path: Path) -> None:
    url, file = backed_up
    with psycopg.connect(url) as connection:
        connection.execute("INSERT INTO public.theirs VALUES (2)")
        connection.execute("DELETE FROM ours.jobs_job")
    manage(url + OURS, tmp_path, "restore", file, "--overwrite", url.rpartition("/")[2])
    with psycopg.connect(url) as connection:
        assert connection.execute("SELECT row FROM public.theirs ORDER BY 1").fetchall() == [(1,), (2,)]
        assert connection.execute("SELECT username FROM ours.accounts_admin").fetchall() == [("anna",)]


def test_an_empty_database_gets_its_schema_and_extensions_but_only_with_the_same_search_path(
    backed_up: tuple[str, str], postgres_url: str, tmp_path: Path
) -> None:
    (url, file), empty_url = backed_up, empty_postgresql(postgres_url)
    said = manage(empty_url, tmp_path, "restore", file, fails=True)
    assert (
        "the tables in the backup are in the schema ours, and the options of DATABASE_URL set another search_path"
        in said
    )
    with psycopg.connect(empty_url) as connection:
        assert connection.execute("SELECT to_regnamespace('ours')").fetchone() == (None,)
    manage(empty_url + OURS, tmp_path, "restore", file)
    with psycopg.connect(url) as source, psycopg.connect(empty_url) as target:
        assert target.execute(EXTENSIONS).fetchall() == source.execute(EXTENSIONS).fetchall()
        assert target.execute("SELECT to_regclass('public.theirs')").fetchone() == (None,)
        assert target.execute("SELECT username FROM ours.accounts_admin").fetchall() == [("anna",)]
