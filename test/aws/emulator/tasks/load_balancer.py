"""Application Load Balancers: a proxy for each listener, made from its rules and target groups, with target health and deregistration.

Left out: WebSockets, stickiness, access logs, and WAF.
"""

import http.client
import re
import socket
import threading
import time
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from cryptography import x509
from cryptography.x509.oid import NameOID
from moto.acm.models import acm_backends
from moto.core.responses import ActionResult
from moto.elbv2.responses import ELBV2Response

from . import addresses, load_balancer_metrics, tls
from .clock import shortened
from .forward import forward

# Seconds between two health checks of a target, at least.
MINIMUM_INTERVAL_S = 1.0


@dataclass
class Target:
    """A task in a target group."""

    task: object
    port: int
    state: str = "initial"  # initial, healthy, unhealthy, draining
    passed: int = 0
    failed: int = 0
    checked: float = 0.0
    in_flight: int = 0
    drains_since: float = field(default=0.0)
    delay: float = 300.0  # deregistration delay in seconds
    is_checked: bool = False  # a check is in progress

    @property
    def address(self) -> str:
        return self.task.address


# Targets by the ARN of their target group.
TARGETS: dict[str, list[Target]] = {}
LOCK = threading.RLock()


def register(target_group: str, task, port: int) -> None:
    with LOCK:
        known = TARGETS.setdefault(target_group, [])
        if not any(target.task is task for target in known):
            known.append(Target(task, port))


def target_of(task) -> Target | None:
    return next((target for known in TARGETS.values() for target in known if target.task is task), None)


def is_drained(task) -> bool:
    """Deregisters the target of a task. Whether the task can stop: its requests are answered, or the deregistration delay is over."""
    with LOCK:
        target = target_of(task)
        if not target:
            return True
        if target.state != "draining":
            target.state, target.drains_since = "draining", time.time()
        if target.in_flight and time.time() - target.drains_since < target.delay:
            return False
        for known in TARGETS.values():
            if target in known:
                known.remove(target)
        return True


def forget(task) -> None:
    """Removes the target of a task that has stopped."""
    with LOCK:
        for known in TARGETS.values():
            known[:] = [target for target in known if target.task is not task]


def check_targets(backend) -> None:
    """One round of health checks, called by the loop."""
    for arn, known in list(TARGETS.items()):
        group = backend.target_groups.get(arn)
        for target in list(known):
            if group:
                target.delay = float(group.attributes.get("deregistration_delay.timeout_seconds", target.delay))
            if group and not target.is_checked and target.state != "draining" and time.time() - target.checked >= interval(group):
                target.checked, target.is_checked = time.time(), True
                threading.Thread(target=check, args=(group, target), daemon=True).start()


def host_counts(backend) -> None:
    """Publishes the number of healthy and unhealthy targets of each target group."""
    with LOCK:
        for arn, known in TARGETS.items():
            group, states = backend.target_groups.get(arn), [target.state for target in known]
            for balancer in set(group.load_balancer_arns) if group else ():
                load_balancer_metrics.host_counts(balancer, arn, states.count("healthy"), states.count("unhealthy"))


def interval(group) -> float:
    return max(MINIMUM_INTERVAL_S, shortened(float(group.health_check_interval_seconds)))


def check(group, target: Target) -> None:
    connection = http.client.HTTPConnection(target.address, target.port, timeout=int(group.health_check_timeout_seconds))
    try:
        connection.request("GET", group.health_check_path or "/", headers={"User-Agent": "ELB-HealthChecker/2.0"})
        passed = str(connection.getresponse().status) == str((group.matcher or {}).get("HttpCode", "200"))
    except (OSError, http.client.HTTPException):
        passed = False
    finally:
        connection.close()
    with LOCK:
        target.is_checked = False
        if target.state == "draining":
            return
        target.passed, target.failed = (target.passed + 1, 0) if passed else (0, target.failed + 1)
        # The first check of a target that passes makes it healthy.
        if passed and (target.state == "initial" or target.passed >= int(group.healthy_threshold_count)):
            target.state = "healthy"
        elif target.failed >= int(group.unhealthy_threshold_count):
            target.state = "unhealthy"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    listener = None
    timeout = 150  # of a read or a write, also of the handshake of TLS
    has_answered = False

    def do(self) -> None:
        self.has_answered = False
        for action in self.actions():
            kind = action.data["Type"]
            if kind == "fixed-response":
                config = action.data["FixedResponseConfig"]
                return self.reply(int(config["StatusCode"]), config.get("MessageBody") or "", {"content-type": config.get("ContentType") or "text/plain"})
            if kind == "redirect":
                config = action.data["RedirectConfig"]
                host = self.headers.get("host", "").split(":")[0]
                location = f"{config['Protocol'].lower()}://{host}:{config['Port']}{self.path}"
                return self.reply(int(config["StatusCode"].removeprefix("HTTP_")), "", {"location": location})
            if kind == "forward":
                return self.forward(action)

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = do_PATCH = do_OPTIONS = do

    def actions(self) -> list:
        """The actions of the first rule whose conditions match."""
        rules = [rule for rule in self.listener.rules.values() if not rule.is_default]
        for rule in sorted(rules, key=lambda rule: int(rule.priority)):
            if all(matches(condition, self) for condition in rule.conditions):
                return rule.actions
        return self.listener.default_actions

    def forward(self, action) -> None:
        arn = action.data.get("TargetGroupArn") or action.data["ForwardConfig"]["TargetGroups"][0]["TargetGroupArn"]
        with LOCK:
            known = [target for target in TARGETS.get(arn, []) if target.state != "draining"]
            # If no target is healthy, requests go to all targets.
            candidates = [target for target in known if target.state == "healthy"] or known
            if not candidates:
                return self.fail(arn, 503, "503 Service Temporarily Unavailable")
            target = min(candidates, key=lambda one: one.in_flight)
            target.in_flight += 1
        started = time.monotonic()

        def answered(status: int) -> None:
            load_balancer_metrics.answered(self.listener.load_balancer_arn, arn, status, time.monotonic() - started)

        try:
            scheme = "https" if self.listener.protocol == "HTTPS" else "http"
            client = ", ".join(filter(None, [self.headers.get("x-forwarded-for"), self.client_address[0]]))
            more = {"X-Forwarded-For": client, "X-Forwarded-Proto": scheme, "X-Forwarded-Port": str(self.listener.port)}
            forward(self, target.address, target.port, more, timeout=140, answered=answered)
        except (OSError, http.client.HTTPException):
            self.close_connection = True
            if self.has_answered:  # the client must see that the response is cut off
                self.connection.shutdown(socket.SHUT_RDWR)
            else:
                self.fail(arn, 502, "502 Bad Gateway")
        finally:
            with LOCK:
                target.in_flight -= 1

    def fail(self, target_group: str, status: int, body: str) -> None:
        """Answers a request that no target has answered."""
        load_balancer_metrics.not_answered(self.listener.load_balancer_arn, target_group)
        self.reply(status, body)

    def reply(self, status: int, body: str, headers: dict[str, str] | None = None) -> None:
        content = body.encode()
        self.send_response(status)
        for name, value in {**(headers or {}), "content-length": str(len(content))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_) -> None:
        pass


def matches(condition: dict, handler: Handler) -> bool:
    if condition["Field"] == "path-pattern":
        values = condition.get("Values") or (condition.get("PathPatternConfig") or {}).get("Values") or []
        return any(pattern(value).fullmatch(handler.path.split("?")[0]) for value in values)
    if condition["Field"] == "host-header":
        values = condition.get("Values") or (condition.get("HostHeaderConfig") or {}).get("Values") or []
        return any(pattern(value.lower()).fullmatch(handler.headers.get("host", "").split(":")[0].lower()) for value in values)
    raise NotImplementedError(condition["Field"])


def pattern(value: str) -> re.Pattern:
    """`*` stands for any text, `?` for one character. Case counts."""
    return re.compile("".join({"*": ".*", "?": "."}.get(character, re.escape(character)) for character in value))


SERVERS: dict[tuple, ThreadingHTTPServer] = {}  # by the backend and the ARN of the listener
PUBLISHED: set[tuple] = set()  # the host names of each server, by the same key


def serve_listeners(backend) -> None:
    """Starts a server for each new listener, publishes its names, and stops those of deleted listeners."""
    listeners = {arn: (one, listener) for one in backend.load_balancers.values() for arn, listener in one.listeners.items()}
    for arn, (one, listener) in listeners.items():
        key = (backend.region_name, arn)
        names = [one.dns_name, *(name for other in one.listeners.values() for name in domain_names(other.certificate))]
        if key not in SERVERS:
            handler = type("ListenerHandler", (Handler,), {"listener": listener})
            server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
            if listener.protocol == "HTTPS":
                server.socket = tls.wrap(server.socket, names)
            SERVERS[key] = server
            threading.Thread(target=server.serve_forever, daemon=True, name="listener").start()
        # A listener with a certificate, which has the domain name, can be created after the others.
        for host in {name for name in names if (*key, name) not in PUBLISHED}:
            addresses.publish(host, int(listener.port), SERVERS[key].server_address)
            PUBLISHED.add((*key, host))
    for key in [key for key in SERVERS if key[0] == backend.region_name and key[1] not in listeners]:
        threading.Thread(target=end, args=(SERVERS.pop(key),), daemon=True).start()


def end(server: ThreadingHTTPServer) -> None:
    server.shutdown()
    server.server_close()


@cache
def domain_names(certificate: str | None) -> list[str]:
    """The names in an ACM certificate."""
    if not certificate:
        return []
    _, _, _, region, account, *_ = certificate.split(":")
    pem = acm_backends[account][region].describe_certificate(certificate).cert
    subject = x509.load_pem_x509_certificate(pem).subject
    return [str(one.value) for one in subject.get_attributes_for_oid(NameOID.COMMON_NAME)]


def describe_target_health(self):
    """The health of the targets, as DescribeTargetHealth returns it."""
    with LOCK:
        known = TARGETS.get(self._get_param("TargetGroupArn"), [])
        found = [
            {"Target": {"Id": target.address, "Port": target.port}, "HealthCheckPort": str(target.port), "TargetHealth": {"State": target.state}}
            for target in known
        ]
        return ActionResult({"TargetHealthDescriptions": found})


ELBV2Response.describe_target_health = describe_target_health

