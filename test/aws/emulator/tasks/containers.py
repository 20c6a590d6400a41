"""Containers on the Docker engine, made from a task definition as the ECS agent makes them."""

import os
import uuid

import docker
from docker.errors import APIError, DockerException, ImageNotFound, NotFound
from docker.types import Healthcheck, Mount, Ulimit

NANOSECONDS = 1_000_000_000
MIB = 1024 * 1024

# The engine of the test, and a name for everything that this emulator creates on it.
client = docker.from_env()
RUN = os.environ.get("EMULATOR_RUN") or f"spatialforge-cloud-{uuid.uuid4().hex[:8]}"
LABELS = {"spatialforge.emulator": RUN}


class CannotStart(Exception):
    """A task that ECS would stop before its container runs. The message is the reason that ECS gives."""


def network():
    """The VPC: one network for all tasks."""
    try:
        return client.networks.get(RUN)
    except NotFound:
        return client.networks.create(RUN, driver="bridge", labels=LABELS)


def gateway() -> str:
    """Address at which containers reach this process."""
    return network().attrs["IPAM"]["Config"][0]["Gateway"]


def create(task, secrets: dict[str, str], agent: str):
    """Creates the container of a task and does not start it. `agent`: address of the endpoint of the ECS agent."""
    definition, container = task.definition, task.container
    linux = container.get("linuxParameters") or {}
    environment = {one["name"]: one["value"] for one in container.get("environment") or []}
    environment |= {one["name"]: one["value"] for one in task.overrides.get("environment") or []}
    environment |= secrets | {"ECS_AGENT_URI": f"{agent}/api/{task.id}", "ECS_CONTAINER_METADATA_URI_V4": f"{agent}/v4/{task.id}"}
    try:
        return client.containers.create(
            pulled(container["image"]),
            command=task.overrides.get("command") or container.get("command"),
            entrypoint=container.get("entryPoint"),
            environment=environment,
            user=container.get("user"),
            read_only=container.get("readonlyRootFilesystem", False),
            cap_drop=(linux.get("capabilities") or {}).get("drop"),
            security_opt=container.get("dockerSecurityOptions"),
            init=linux.get("initProcessEnabled", False),
            shm_size=(linux.get("sharedMemorySize") or 64) * MIB,
            ulimits=[Ulimit(name=one["name"], soft=one["softLimit"], hard=one["hardLimit"]) for one in container.get("ulimits") or []],
            mounts=mounts(task),
            healthcheck=healthcheck(container),
            network=network().name,
            labels=LABELS | {"spatialforge.emulator.task": task.id, "spatialforge.emulator.container": container["name"]},
            **limits(definition, container),
        )
    except APIError as error:
        raise CannotStart(f"CannotCreateContainerError: {error.explanation}") from None


def pulled(image: str) -> str:
    """Name of an image that the engine has."""
    try:
        client.images.get(image)
    except ImageNotFound:
        try:
            client.images.pull(image)
        except DockerException as error:
            raise CannotStart(f"CannotPullContainerError: failed to pull {image}: {getattr(error, 'explanation', error)}") from None
    return image


def limits(definition, container: dict) -> dict:
    """The limits of the task, which are those of its only container. The engine refuses more CPUs than it has."""
    memory, cpu = container.get("memory") or definition.memory, container.get("cpu") or definition.cpu
    found = {}
    if memory:
        found |= {"mem_limit": int(memory) * MIB, "memswap_limit": int(memory) * MIB}
    if cpu:
        found["nano_cpus"] = min(int(int(cpu) / 1024 * NANOSECONDS), (os.cpu_count() or 1) * NANOSECONDS)
    return found


def healthcheck(container: dict) -> Healthcheck | None:
    """The check of the task definition. ECS ignores the HEALTHCHECK of the image."""
    check = container.get("healthCheck")
    if not check:
        return Healthcheck(test=["NONE"])
    return Healthcheck(
        test=check["command"],
        interval=check.get("interval", 30) * NANOSECONDS,
        timeout=check.get("timeout", 5) * NANOSECONDS,
        retries=check.get("retries", 3),
        start_period=check.get("startPeriod", 0) * NANOSECONDS,
    )


def mounts(task) -> list[Mount]:
    """EFS volumes are shared by all tasks. The other volumes belong to one task."""
    volumes = {one["name"]: one for one in task.definition.volumes}
    return [
        Mount(
            point["containerPath"],
            volume_name(task, volumes[point["sourceVolume"]]),
            type="volume",
            read_only=point.get("readOnly", False),
        )
        for point in task.container.get("mountPoints") or []
    ]


def volume_name(task, volume: dict) -> str:
    shared = volume.get("efsVolumeConfiguration")
    owner = (shared.get("authorizationConfig") or {}).get("accessPointId") or shared["fileSystemId"] if shared else task.id
    name = f"{RUN}-{owner}" if shared else f"{RUN}-{owner}-{volume['name']}"
    client.volumes.create(name, labels=LABELS)
    return name


def remove(task, container) -> None:
    """Removes the container of a task and the volumes that belong to it."""
    try:
        container.remove(force=True, v=True)
    except NotFound:
        pass
    for volume in client.volumes.list(filters={"name": f"{RUN}-{task.id}-"}):
        volume.remove(force=True)


def remove_all() -> None:
    """Removes everything that this emulator created."""
    only = {"label": f"spatialforge.emulator={RUN}"}
    for container in client.containers.list(all=True, filters=only, ignore_removed=True):
        container.remove(force=True, v=True)
    for kind in (client.volumes, client.networks):
        for one in kind.list(filters=only):
            one.remove()
