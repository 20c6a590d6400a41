"""A real Redis for each replication group: TLS and AUTH, under the host name of its primary endpoint."""

import io
import os
import tarfile

from moto.elasticache.models import ElastiCacheBackend

from . import containers, tls

IMAGE = os.environ.get("EMULATOR_REDIS", "redis:8.2-alpine")

create_of_moto, delete_of_moto = ElastiCacheBackend.create_replication_group, ElastiCacheBackend.delete_replication_group


def start(group_id: str, host: str, port: int, password: str | None) -> None:
    tls_files = ["--tls-cert-file", "/data/cert.pem", "--tls-key-file", "/data/key.pem", "--tls-ca-cert-file", "/data/cert.pem"]
    command = ["redis-server", "--port", "0", "--tls-port", str(port), *tls_files, "--tls-auth-clients", "no"]
    command += ["--maxmemory-policy", "noeviction", "--save", "", *(["--requirepass", password] if password else [])]
    container = containers.client.containers.create(IMAGE, command, name=name_of(group_id), user="redis", labels=containers.LABELS)
    certificate, key = tls.certificate([host])
    container.put_archive("/data", archive({"cert.pem": certificate, "key.pem": key}))
    containers.network().connect(container, aliases=[host])
    container.start()


def name_of(group_id: str) -> str:
    return f"{containers.RUN}-redis-{group_id}"


def archive(files: dict[str, bytes]) -> bytes:
    """A tar archive with files that every user can read."""
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w") as tar:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size, info.mode = len(content), 0o644
            tar.addfile(info, io.BytesIO(content))
    return target.getvalue()


def create_replication_group(self, *arguments, **named):
    group = create_of_moto(self, *arguments, **named)
    if "EMULATOR_CA" not in os.environ:
        return group
    host = group.node_groups[0]["primary_endpoint"]["address"]
    start(group.replication_group_id, host, int(named.get("port") or 6379), named.get("auth_token"))
    return group


def delete_replication_group(self, replication_group_id, *arguments, **named):
    for container in containers.client.containers.list(all=True, filters={"name": name_of(replication_group_id)}):
        container.remove(force=True, v=True)
    return delete_of_moto(self, replication_group_id, *arguments, **named)


ElastiCacheBackend.create_replication_group = create_replication_group
ElastiCacheBackend.delete_replication_group = delete_replication_group
