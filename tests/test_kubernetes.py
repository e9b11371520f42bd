"""The manifests in deploy/kubernetes fit the published schemas of Kubernetes, and each other, and give no pod a privilege."""

import copy
import re
import subprocess
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "deploy/kubernetes"
VERSION = "1.37"
KUSTOMIZATION = yaml.safe_load((FOLDER / "kustomization.yaml").read_text())
OBJECTS: dict[str, dict[str, Any]] = {
    f"{thing['kind']}/{thing['metadata']['name']}": thing
    for file in KUSTOMIZATION["resources"]
    for thing in yaml.safe_load_all((FOLDER / file).read_text())
}
KINDS = {
    *("Namespace", "ConfigMap", "ServiceAccount", "Job", "Deployment", "Service", "HorizontalPodAutoscaler"),
    *("PodDisruptionBudget", "CronJob", "PersistentVolumeClaim", "Ingress", "NetworkPolicy"),
}


def pod_of(thing: dict[str, Any]) -> dict[str, Any] | None:
    spec = thing.get("spec", {})
    spec = spec.get("jobTemplate", {}).get("spec", spec)
    pod: dict[str, Any] | None = spec.get("template")
    return pod


PODS = {name: pod for name, thing in OBJECTS.items() if (pod := pod_of(thing))}
WEB = OBJECTS["Deployment/portcullis-web"]
DOORBELL = OBJECTS["Deployment/portcullis-doorbell"]


def containers(pod: dict[str, Any]) -> list[dict[str, Any]]:
    return [*pod["spec"].get("initContainers", []), *pod["spec"]["containers"]]


def component(labels: dict[str, str]) -> str:
    return labels["app.kubernetes.io/component"]


@pytest.mark.parametrize("name", OBJECTS)
def test_a_manifest_fits_its_published_schema(name: str) -> None:
    kubernetes_validate.validate(OBJECTS[name], VERSION, strict=True)


def test_every_file_is_listed_and_every_kind_is_there() -> None:
    assert set(KUSTOMIZATION["resources"]) == {file.name for file in FOLDER.glob("*.yaml")} - {"kustomization.yaml"}
    assert {thing["kind"] for thing in OBJECTS.values()} == KINDS


def nonsense(change: Any) -> dict[str, Any]:
    manifest = copy.deepcopy(WEB)
    change(manifest["spec"]["template"]["spec"]["containers"][0], manifest)
    return manifest


@pytest.mark.parametrize(
    "change",
    [
        lambda container, _: container.update(imagePullPolice="Always"),
        lambda container, _: container.update(ports="8000"),
        lambda container, _: container["livenessProbe"].update(periodSeconds="often"),
        lambda _, manifest: manifest["spec"].pop("selector"),
        lambda _, manifest: manifest.update(kind="Deplyoment"),
        lambda _, manifest: manifest.update(apiVersion="apps/v2"),
    ],
    ids=["unknown-field", "wrong-type", "wrong-number", "missing-field", "unknown-kind", "unknown-version"],
)
def test_nonsense_fits_no_schema(change: Any) -> None:
    with pytest.raises((kubernetes_validate.ValidationError, kubernetes_validate.SchemaNotFoundError)):
        kubernetes_validate.validate(nonsense(change), VERSION, strict=True)


@pytest.mark.parametrize("name", PODS)
def test_a_pod_has_no_privilege_and_can_write_only_where_it_must(name: str) -> None:
    pod = PODS[name]["spec"]
    assert pod["securityContext"]["runAsNonRoot"]
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod["automountServiceAccountToken"] is False
    assert not {"hostNetwork", "hostPID", "hostIPC"} & pod.keys()
    writable = {"/app/var", "/tmp", "/backups"}
    for container in containers(PODS[name]):
        security = container["securityContext"]
        assert security["readOnlyRootFilesystem"]
        assert security["allowPrivilegeEscalation"] is False
        assert security["capabilities"] == {"drop": ["ALL"]}
        assert container["resources"]["requests"].keys() == {"cpu", "memory"}
        assert container["resources"]["limits"]["memory"]
        assert {mount["mountPath"] for mount in container["volumeMounts"] if not mount.get("readOnly")} <= writable
        mounted = {mount["name"] for mount in container["volumeMounts"]}
        assert mounted <= {volume["name"] for volume in pod["volumes"]}


@pytest.mark.parametrize("name", PODS)
def test_a_pod_runs_the_image_with_secrets_by_reference(name: str) -> None:
    """The manifests hold no secret: neither as a Secret nor in a variable."""
    secrets = {volume["secret"]["secretName"] for volume in PODS[name]["spec"]["volumes"] if "secret" in volume}
    assert secrets <= {"portcullis", "portcullis-owner"}
    assert ("portcullis-owner" in secrets) == (name in {"Job/portcullis-migrate", "CronJob/portcullis-backup"})
    for container in containers(PODS[name]):
        assert container["image"] == KUSTOMIZATION["images"][0]["name"]
        for variable in container["env"]:
            if "valueFrom" in variable:
                assert variable["valueFrom"]["secretKeyRef"]["name"] == "portcullis"
                continue
            assert variable["name"].endswith("_FILE")
            assert any(variable["value"].startswith(f"{mount['mountPath']}/") for mount in container["volumeMounts"])


def test_the_token_of_the_metrics_is_optional() -> None:
    (container,) = WEB["spec"]["template"]["spec"]["containers"]
    (token,) = [variable for variable in container["env"] if variable["name"] == "METRICS_TOKEN"]
    assert token["valueFrom"]["secretKeyRef"] == {"name": "portcullis", "key": "metrics_token", "optional": True}


def test_the_example_for_prometheus_finds_the_web_pods(tmp_path: Path) -> None:
    (example,) = re.findall(r"```yaml\n(scrape_configs:.*?)```", (ROOT / "docs/deploy-kubernetes.md").read_text(), re.S)
    config = yaml.safe_load(example)
    (job,) = config["scrape_configs"]
    # Debian's Prometheus is built without Kubernetes: it checks the rest.
    discovery = job.pop("kubernetes_sd_configs")
    assert discovery == [{"role": "pod", "namespaces": {"names": ["portcullis"]}}]
    (tmp_path / "prometheus.yml").write_text(yaml.safe_dump(config))
    (tmp_path / "metrics_token").write_text("0" * 64)
    checked = subprocess.run(
        ["promtool", "check", "config", tmp_path / "prometheus.yml"], capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stderr
    kept = {tuple(rule["source_labels"]): rule["regex"] for rule in job["relabel_configs"]}
    assert kept[("__meta_kubernetes_pod_label_app_kubernetes_io_component",)] == component(
        WEB["spec"]["template"]["metadata"]["labels"]
    )
    (port,) = WEB["spec"]["template"]["spec"]["containers"][0]["ports"]
    assert kept[("__meta_kubernetes_pod_container_port_name",)] == port["name"]


def test_the_files_of_the_secrets_lie_outside_the_repository() -> None:
    page = (ROOT / "docs/deploy-kubernetes.md").read_text()
    written = re.findall(r" >+ *(\S+)$", page.split("## Install")[0].replace("; done", ""), re.MULTILINE)
    assert len(written) == 4
    assert all(target.startswith('"$folder/') for target in written), written


def test_no_manifest_is_a_secret_and_no_setting_holds_one() -> None:
    assert "Secret" not in KINDS
    assert OBJECTS["ConfigMap/portcullis-settings"]["data"].keys() == {
        *("ALLOWED_HOSTS", "DOORBELL_URL", "HTTPS_ONLY", "PUBLIC_URL", "TRUSTED_PROXIES", "WEB_CONCURRENCY"),
    }


@pytest.mark.parametrize(
    ("deployment", "file"),
    [(WEB, "gunicorn.conf.py"), (DOORBELL, "config/doorbell/gunicorn_settings.py")],
    ids=["web", "doorbell"],
)
def test_an_update_never_has_fewer_pods_and_lets_requests_end(deployment: dict[str, Any], file: str) -> None:
    assert deployment["spec"]["strategy"]["rollingUpdate"]["maxUnavailable"] == 0
    pod = deployment["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    pause = int(container["lifecycle"]["preStop"]["exec"]["command"][1])
    graceful = re.search(r"^graceful_timeout = (\d+)$", (ROOT / file).read_text(), re.MULTILINE)
    assert graceful
    assert pod["terminationGracePeriodSeconds"] > pause + int(graceful[1])
    assert [init["args"] for init in pod["initContainers"]] == [["wait-for-migrations"]]


def test_the_job_that_migrates_gives_the_role_of_the_pods_its_rights() -> None:
    (container,) = PODS["Job/portcullis-migrate"]["spec"]["containers"]
    assert container["args"] == ["migrate-and-grant", "portcullis_app"]
    page = (ROOT / "docs/deploy-kubernetes.md").read_text()
    assert "postgres://portcullis_app:" in page
    assert "psql " not in page, "the owner's URL stays in the cluster"


@pytest.mark.parametrize("name", ["Ingress/portcullis", "Ingress/portcullis-doorbell"])
def test_the_ingress_sends_no_request_twice(name: str) -> None:
    annotations = OBJECTS[name]["metadata"]["annotations"]
    retries = {name: value for name, value in annotations.items() if "next-upstream" in name}
    assert retries == {"nginx.ingress.kubernetes.io/proxy-next-upstream": "off"}


def test_the_ingress_leads_waits_of_55_seconds_to_the_doorbell() -> None:
    ingress = OBJECTS["Ingress/portcullis-doorbell"]
    assert int(ingress["metadata"]["annotations"]["nginx.ingress.kubernetes.io/proxy-read-timeout"]) > 55
    (rule,) = ingress["spec"]["rules"]
    (path,) = rule["http"]["paths"]
    url = OBJECTS["ConfigMap/portcullis-settings"]["data"]["DOORBELL_URL"]
    assert f"https://{rule['host']}{path['path']}" == url
    assert rule["host"] == OBJECTS["Ingress/portcullis"]["spec"]["rules"][0]["host"]


def test_a_pod_that_learns_of_no_changes_gets_no_sites_and_is_not_restarted() -> None:
    (container,) = DOORBELL["spec"]["template"]["spec"]["containers"]
    assert container["readinessProbe"]["httpGet"] == {"path": "/doorbell/health", "port": "http"}
    assert not {"livenessProbe", "startupProbe"} & container.keys()
    assert DOORBELL["spec"]["replicas"] > OBJECTS["PodDisruptionBudget/portcullis-doorbell"]["spec"]["minAvailable"]


def test_a_database_that_fails_restarts_no_pod() -> None:
    (container,) = WEB["spec"]["template"]["spec"]["containers"]
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        assert container[probe]["httpGet"] == {"path": "/health/live", "port": "http"}


def test_services_budgets_policies_and_the_autoscaler_select_pods_that_exist() -> None:
    existing = {component(pod["metadata"]["labels"]) for pod in PODS.values()}
    assert existing == {"web", "doorbell", "worker", "migrate", "backup"}
    for name, thing in OBJECTS.items():
        spec = thing.get("spec", {})
        selector = spec.get("selector") or spec.get("podSelector")
        labels = selector.get("matchLabels", selector) if selector else None
        if labels and name != "Service/portcullis-nothing":
            assert component(labels) in existing, name
    target = OBJECTS["HorizontalPodAutoscaler/portcullis-web"]["spec"]["scaleTargetRef"]
    assert f"{target['kind']}/{target['name']}" in OBJECTS
    for ingress in (thing for thing in OBJECTS.values() if thing["kind"] == "Ingress"):
        for rule in ingress["spec"]["rules"]:
            for path in rule["http"]["paths"]:
                assert f"Service/{path['backend']['service']['name']}" in OBJECTS


def test_the_policy_fits_with_its_optional_rules_as_well() -> None:
    text = (FOLDER / "network.yaml").read_text()
    uncommented = re.sub(r"^( +)# (- |  )", r"\1\2", text, flags=re.MULTILINE)
    for policy in yaml.safe_load_all(uncommented):
        kubernetes_validate.validate(policy, VERSION, strict=True)
    egress = next(yaml.safe_load_all(uncommented))["spec"]["egress"]
    assert len(egress) == 3
    assert [port["port"] for port in egress[-1]["ports"]] == [5432, 6379, 25, 587, 443, 465, 6432]


def test_nothing_reaches_a_pod_but_the_port_of_the_web_pods_and_of_the_doorbells() -> None:
    everything = OBJECTS["NetworkPolicy/portcullis"]["spec"]
    assert everything["podSelector"] == {}
    assert "Ingress" in everything["policyTypes"]
    assert "ingress" not in everything
    opened = {
        component(thing["spec"]["podSelector"]["matchLabels"]): [
            port for rule in thing["spec"]["ingress"] for port in rule["ports"]
        ]
        for thing in OBJECTS.values()
        if thing["kind"] == "NetworkPolicy" and "ingress" in thing["spec"]
    }
    assert opened == {name: [{"protocol": "TCP", "port": "http"}] for name in ("web", "doorbell")}
