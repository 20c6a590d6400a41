"""S3 with TLS under its own names, in front of the S3 of moto. It does not verify signatures."""

import json
import os
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from moto.iam.access_control import IAMPolicy, PermissionResult
from moto.s3.models import FakeBucket, s3_backends

from . import addresses, containers, tls
from .forward import forward

TIMEOUT_S = 60


def hosts(region: str) -> list[str]:
    return [f"s3.{region}.amazonaws.com", f"s3.dualstack.{region}.amazonaws.com"]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    moto_port = 0
    timeout = TIMEOUT_S  # of a read or a write, also of the handshake of TLS

    def do(self) -> None:
        forward(self, "127.0.0.1", self.moto_port, {}, TIMEOUT_S)

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = do

    def log_message(self, *_) -> None:
        pass


def get_permission(self, action: str, resource: str):
    """moto ignores conditions, so it would apply a denial of requests without TLS to all requests. Clients of this endpoint use TLS."""
    if self.policy is None:
        return PermissionResult.NEUTRAL
    policy = json.loads(self.policy)
    policy["Statement"] = [
        one for one in policy["Statement"] if one.get("Condition", {}).get("Bool", {}).get("aws:SecureTransport") not in ("false", False)
    ]
    return IAMPolicy(json.dumps(policy)).is_action_permitted(action, resource)


FakeBucket.get_permission = get_permission

started = False


def names(account: str, region: str) -> dict[str, str]:
    """Entries for /etc/hosts of a container: the host names of S3 and of each bucket. The first call starts the server."""
    global started
    if "EMULATOR_CA" not in os.environ:
        return {}
    address = containers.gateway()
    if not started:
        served = [name for host in hosts(region) for name in (host, f"*.{host}")]
        server = ThreadingHTTPServer((address, 443), Handler)
        server.socket = tls.wrap(server.socket, served)
        threading.Thread(target=server.serve_forever, daemon=True, name="s3").start()
        started = True
    buckets = list(s3_backends[account]["aws"].buckets)
    found = [name for host in hosts(region) for name in (host, *(f"{bucket}.{host}" for bucket in buckets))]
    for name in found:
        addresses.publish(name, 443, (address, 443))
    return dict.fromkeys(found, address)
