"""A real nginx with the configuration of deploy/nginx, on a free port, in front of what a test has started."""

import os
import re
import signal
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from scripts.with_services import free_port, wait_for_port
from tests.running_server import ADMIN, PASSWORD, ROOT, Client

SHIPPED = ROOT / "deploy/nginx"
HOST = "localhost"
# For a RunningServer behind it.
SETTINGS_BEHIND_NGINX = {
    "ALLOWED_HOSTS": f"{HOST},127.0.0.1",
    "TRUSTED_PROXIES": "127.0.0.1",
    "HTTPS_ONLY": "true",
}
MAIN = """
pid {folder}/nginx.pid;
error_log {folder}/error.log;
{user}
worker_processes 2;
events {{ worker_connections 4096; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/portcullis/{site};
}}
"""


@dataclass
class NginxInFront:
    """nginx with TLS at `url`, in front of the servers on `upstream_ports` and the doorbells on `doorbell_ports` of 127.0.0.1.

    All requests of a test come from one address, so the limits for an address are off unless `limits` is given.
    """

    upstream_ports: Iterable[int]
    folder: Path
    limits: bool = False
    doorbell_ports: Iterable[int] = field(default_factory=lambda: [free_port()])  # by default nothing listens there
    site: str = "portcullis.conf"  # the file that `http` includes
    replaced: dict[str, str] = field(
        default_factory=dict
    )  # further texts of the files, such as `server 127.0.0.1:8100;`
    port: int = field(default_factory=free_port)
    plain_port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"https://{HOST}:{self.port}"

    @property
    def plain_url(self) -> str:
        return f"http://{HOST}:{self.plain_port}"

    @property
    def log(self) -> Path:
        return self.folder / "error.log"

    @property
    def access_log(self) -> Path:
        return self.folder / "log/portcullis.access.log"

    @property
    def certificate(self) -> Path:
        return self.folder / "live/fullchain.pem"

    @property
    def arguments(self) -> list[str]:
        return ["nginx", "-p", str(self.folder), "-e", str(self.log), "-c", str(self.folder / "nginx.conf")]

    def write_configuration(self) -> None:
        """The shipped files with this test's paths, ports and servers. May be called again before `reload`."""
        for name in ("live", "log", "www", "portcullis"):
            (self.folder / name).mkdir(exist_ok=True)
        for shipped in SHIPPED.glob("*.conf"):
            (self.folder / "portcullis" / shipped.name).write_text(self.rendered(shipped.read_text()))
        user = "user root;" if os.geteuid() == 0 else ""  # pytest's folders are its own user's alone
        (self.folder / "nginx.conf").write_text(MAIN.format(folder=self.folder, user=user, site=self.site))

    def rendered(self, text: str) -> str:
        text = re.sub(r"^ *listen \[::\]:.*\n", "", text, flags=re.MULTILINE)
        servers, doorbells = (
            "\n    ".join(f"server 127.0.0.1:{port} fail_timeout=5s;" for port in ports)
            for ports in (self.upstream_ports, self.doorbell_ports)
        )
        for shipped, own in {
            "listen 443 ": f"listen 127.0.0.1:{self.port} ",
            "listen 80": f"listen 127.0.0.1:{self.plain_port}",
            "    server 127.0.0.1:8000 fail_timeout=5s;": f"    {servers}",
            "    server 127.0.0.1:8001 fail_timeout=5s;": f"    {doorbells}",
            "/etc/nginx/portcullis": f"{self.folder}/portcullis",
            "/etc/letsencrypt/live/licenses.example.com": f"{self.folder}/live",
            "/var/log/nginx": f"{self.folder}/log",
            "/var/www/portcullis": f"{self.folder}/www",
            "/var/lib/portcullis/firmware": f"{self.folder}/firmware",
            "https://licenses.example.com": self.url,
            "licenses.example.com": HOST,
            **self.replaced,
        }.items():
            text = text.replace(shipped, own)
        if not self.limits:
            text = re.sub(r"rate=\d+r/s", "rate=100000r/s", text)
            text = re.sub(r"burst=\d+", "burst=10000", text)
            text = re.sub(r"limit_conn (\w+) \d+", r"limit_conn \1 10000", text)
        return text

    def make_certificate(self) -> None:
        subject = ["-subj", f"/CN={HOST}", "-addext", f"subjectAltName=DNS:{HOST}"]
        files = ["-keyout", str(self.folder / "live/privkey.pem"), "-out", str(self.certificate)]
        command = [
            "openssl",
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
            "-nodes",
            "-days",
            "2",
        ]
        subprocess.run([*command, *subject, *files], check=True, capture_output=True)

    def start(self) -> "NginxInFront":
        self.write_configuration()
        if not self.certificate.exists():
            self.make_certificate()
        output = self.folder / "nginx.out"
        with output.open("ab") as file:
            self.process = subprocess.Popen([*self.arguments, "-g", "daemon off;"], stdout=file, stderr=file)
        wait_for_port(self.port, self.process, output)
        return self

    def reload(self) -> None:
        """Read the configuration again; the old processes finish the requests that they have."""
        subprocess.run([*self.arguments, "-t"], check=True, capture_output=True)
        assert self.process is not None
        self.process.send_signal(signal.SIGHUP)

    def stop(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def __enter__(self) -> "NginxInFront":
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def client(self, **headers: str) -> Client:
        """A client that trusts the certificate and sends its requests through nginx."""
        client = Client(self, **headers)
        client.session.verify = str(self.certificate)
        client.session.trust_env = False  # an environment's own bundle of certificates would win
        return client

    def sign_in(self) -> Client:
        client = self.client()
        answer = client.post("/api/auth/login", {"username": ADMIN, "password": PASSWORD})
        assert answer.status_code == 200, answer.text
        client.headers["Authorization"] = f"Bearer {answer.json()['access']}"
        return client

    def as_site(self, site_id: str, key: str) -> Client:
        """A client with the headers of a site, for POST /api/heartbeat."""
        return self.client(**{"X-Site-ID": site_id, "X-Site-Key": key})
