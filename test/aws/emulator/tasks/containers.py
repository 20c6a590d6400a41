"""Containers on the Docker engine, made from a task definition as the ECS agent makes them."""

import os
import resource
import uuid
from contextlib import suppress

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


# The fake driver of a GPU host, in the place and with the variables that the NVIDIA toolkit gives a container.
DRIVER_LIBRARY = "/usr/lib/x86_64-linux-gnu/libnvidia-ml.so.1"
DRIVER = {"FAKE_DRIVER": "580.95.05", "FAKE_GPUS": "1"}


def has_gpu(container: dict) -> bool:
    """Whether a container gets a GPU. Without EMULATOR_NVML, the file of the fake driver, it gets none."""
    requirements = container.get("resourceRequirements") or []
    return "EMULATOR_NVML" in os.environ and any(one["type"] == "GPU" for one in requirements)


def network():
    """The VPC: one network for all tasks."""
    try:
        return client.networks.get(RUN)
    except NotFound:
        return client.networks.create(RUN, driver="bridge", labels=LABELS)


def gateway() -> str:
    """Address at which containers reach this process."""
    return network().attrs["IPAM"]["Config"][0]["Gateway"]


def create(task, secrets: dict[str, str], agent: str, hosts: dict[str, str]):
    """Creates the container of a task and does not start it.

    `agent`: address of the endpoint of the ECS agent. `hosts`: addresses of the emulated endpoints by their host name.
    """
    definition, container = task.definition, task.container
    linux = container.get("linuxParameters") or {}
    environment = {one["name"]: one["value"] for one in container.get("environment") or []}
    environment |= DRIVER if has_gpu(container) else {}
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
            ulimits=ulimits(container),
            mounts=mounts(task),
            healthcheck=healthcheck(container),
            network=network().name,
            extra_hosts=hosts,
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


def ulimits(container: dict) -> list[Ulimit]:
    """The limits of the container, as far as this machine allows them."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    found = container.get("ulimits") or []
    return [Ulimit(name=one["name"], soft=min(one["softLimit"], most), hard=min(one["hardLimit"], most)) for one in found]


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
    driver = [Mount(DRIVER_LIBRARY, os.environ["EMULATOR_NVML"], type="bind", read_only=True)] if has_gpu(task.container) else []
    return driver + [
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


OWN = {"label": f"spatialforge.emulator={RUN}"}


def remove_containers() -> None:
    """Ends and removes all containers of this emulator."""
    for container in client.containers.list(all=True, filters=OWN, ignore_removed=True):
        with suppress(APIError):  # a task has removed it
            container.remove(force=True, v=True)


def remove_all() -> None:
    """Removes everything that this emulator created."""
    remove_containers()
    for kind in (client.volumes, client.networks):
        for one in kind.list(filters=OWN):
            with suppress(APIError):
                one.remove()
