"""Every pod meets the pod security standard "restricted"; network policies allow only the necessary connections."""

from __future__ import annotations

from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING, Any

import pytest

from tests.contract.deploy.rendered_chart import EXAMPLES, Pod, of_kind, pods
from workers.outbound.addresses import Address, denial_reason

if TYPE_CHECKING:
    from collections.abc import Iterator

ALLOWED_VOLUMES = {
    "configMap",
    "csi",
    "downwardAPI",
    "emptyDir",
    "ephemeral",
    "persistentVolumeClaim",
    "projected",
    "secret",
}
HOSTILE = (
    "10.1.2.3", "100.64.0.1", "127.0.0.1", "168.63.129.16", "169.254.169.254", "172.31.0.1", "192.168.1.1",
    "198.18.0.1", "224.0.0.1", "255.255.255.255", "::1", "64:ff9b::a00:1", "2001::1", "2001:db8::1", "2002:a00:1::",
    "3fff::1", "fd00:ec2::254", "fe80::1", "ff02::1",
)  # fmt: skip
EACH = pytest.mark.parametrize(("example", "pod"), [(name, pod) for name in EXAMPLES for pod in pods(name)], ids=str)


@EACH
def test_a_pod_meets_the_restricted_security_standard(example: str, pod: Pod) -> None:
    del example
    assert not {"hostNetwork", "hostPID", "hostIPC"} & set(pod.spec)
    assert pod.spec["securityContext"]["runAsNonRoot"] is True
    assert pod.spec["securityContext"].get("runAsUser", 1) != 0
    assert pod.spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    for volume in pod.spec["volumes"]:
        assert set(volume) - {"name"} <= ALLOWED_VOLUMES
    for container in pod.containers:
        context = container["securityContext"]
        assert context == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,  # more than the profile asks for
            "capabilities": {"drop": ["ALL"]},
        }
        assert not [port for port in container.get("ports", []) if "hostPort" in port]


@EACH
def test_a_pod_has_no_token_and_no_service_links(example: str, pod: Pod) -> None:
    del example
    assert pod.spec["automountServiceAccountToken"] is False
    assert pod.spec["enableServiceLinks"] is False  # else every Service would become variables


@EACH
def test_a_container_has_resource_limits_and_probes(example: str, pod: Pod) -> None:
    del example
    for container in pod.containers:
        assert {"cpu", "memory"} <= set(container["resources"]["requests"])
        assert "memory" in container["resources"]["limits"]
        image = container["image"]
        assert "@sha256:" in image or image.rpartition(":")[2][0].isdigit()
        if not pod.owner.endswith("-topics"):
            port = container["ports"][0]["name"]
            probes = [container[f"{kind}Probe"]["httpGet"] for kind in ("startup", "liveness", "readiness")]
            assert [probe["path"] for probe in probes] == ["/healthz", "/healthz", "/readyz"]
            assert {probe["port"] for probe in probes} == {port}


def test_the_service_account_has_no_token() -> None:
    for example in EXAMPLES:
        (account,) = of_kind(example, "ServiceAccount")
        assert account["automountServiceAccountToken"] is False


def outbound(policy: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for rule in policy["spec"].get("egress", []):
        for peer in rule.get("to", []):
            if "ipBlock" in peer:
                yield peer["ipBlock"]


def test_only_deliver_may_connect_to_the_internet_and_not_to_forbidden_networks() -> None:
    for example in ("all-values.yaml", "least-values.yaml"):
        for policy in of_kind(example, "NetworkPolicy"):
            blocks = list(outbound(policy))
            if not policy["metadata"]["name"].endswith("-deliver"):
                assert not blocks
                continue
            assert [block["cidr"] for block in blocks[:2]] == ["0.0.0.0/0", "2000::/3"]
            for block in blocks[:2]:
                for network in map(ip_network, block["except"]):
                    # the same networks as the first line of defence has
                    assert denial_reason(network[0]), network
                    assert denial_reason(network[-1]), network


@pytest.mark.parametrize("text", HOSTILE)
def test_the_network_policy_excludes_every_network_that_outbound_refuses(text: str) -> None:
    (policy,) = [one for one in of_kind("least-values.yaml", "NetworkPolicy") if "-deliver" in one["metadata"]["name"]]
    address = ip_address(text)
    assert denial_reason(address)
    assert not [block for block in outbound(policy) if lets_through(block, address)]


def lets_through(block: dict[str, Any], address: Address) -> bool:
    """As a NetworkPolicy means it; an address of the other family is in no network."""
    return address in ip_network(block["cidr"]) and not any(address in ip_network(one) for one in block["except"])


def test_egress_rules_without_a_destination_do_not_open_ports_80_and_443() -> None:
    for example in EXAMPLES:
        for policy in of_kind(example, "NetworkPolicy"):
            assert policy["spec"]["policyTypes"] == ["Ingress", "Egress"]
            for rule in policy["spec"].get("egress", []):
                ports = {port["port"] for port in rule["ports"]}
                assert rule.get("to") or not ports & {80, 443}, policy["metadata"]["name"]
