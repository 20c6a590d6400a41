"""Calls that AWS refuses and moto accepts. They need no tasks: the emulator has them with and without EMULATOR_TASKS."""

import re

from moto.ecs.exceptions import InvalidParameterException
from moto.ecs.responses import EC2ContainerServiceResponse
from moto.elasticache.exceptions import InvalidParameterValueException
from moto.elasticache.models import ElastiCacheBackend
from moto.elbv2.exceptions import ELBClientError
from moto.elbv2.models import ELBv2Backend
from moto.logs.exceptions import InvalidParameterException as InvalidLogsParameter
from moto.logs.models import LogsBackend

# https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html
RETENTION_DAYS = [1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653]

# https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateLoadBalancer.html
LOAD_BALANCER_NAME_LENGTH = 32

# https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_CreateReplicationGroup.html
REPLICATION_GROUP_ID_LENGTH = 40

# The sentences of ECS. The first one is quoted in https://github.com/pipe-cd/pipecd/pull/6385 (December 2025).
FORCE = (
    "When switching from launch type to capacity provider strategy on an existing service, or making a change to a capacity provider "
    "strategy on a service that is already using one, you must force a new deployment."
)
MIXED = (
    "A capacity provider strategy cannot contain a mix of capacity providers using Auto Scaling groups and Fargate providers. "
    "Specify one or the other and try again."
)


def refuses(owner, name: str):
    """Runs a check, which raises an error, before a function of moto."""

    def decorate(check):
        original = getattr(owner, name)

        def checked(self, *args, **kwargs):
            check(self, *args, **kwargs)
            return original(self, *args, **kwargs)

        setattr(owner, name, checked)
        return check

    return decorate


def comparable(strategy: list[dict] | None) -> set[tuple]:
    return {(one["capacityProvider"], int(one.get("weight") or 0), int(one.get("base") or 0)) for one in strategy or []}


def check_mix(strategy: list[dict] | None) -> None:
    """https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_CreateService.html (capacityProviderStrategy)"""
    if len({one["capacityProvider"].startswith("FARGATE") for one in strategy or []}) > 1:
        raise InvalidParameterException(MIXED)


@refuses(EC2ContainerServiceResponse, "create_service")
def create_service(self) -> None:
    check_mix(self._get_params().get("capacityProviderStrategy"))


@refuses(EC2ContainerServiceResponse, "update_service")
def update_service(self) -> None:
    """A move between Auto Scaling and Fargate capacity providers is accepted, if a deployment is forced. ECS refused it until June 2025.
    https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_UpdateService.html (capacityProviderStrategy)
    """
    wanted = self._get_params()
    strategy = wanted.get("capacityProviderStrategy")
    check_mix(strategy)
    cluster, name = (str(wanted.get(key) or "default").split("/")[-1] for key in ("cluster", "service"))
    service = self.ecs_backend.services.get(f"{cluster}:{name}")
    if strategy is None or wanted.get("forceNewDeployment") or not service:
        return
    if comparable(strategy) != comparable(getattr(service, "capacity_provider_strategy", None)):
        raise InvalidParameterException(FORCE)


@refuses(EC2ContainerServiceResponse, "run_task")
def run_task(self) -> None:
    """https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_RunTask.html"""
    wanted = self._get_params()
    strategy = wanted.get("capacityProviderStrategy")
    check_mix(strategy)
    if strategy and wanted.get("launchType"):
        raise InvalidParameterException("Specifying both a launch type and capacity provider strategy is not supported. Remove one and try again.")
    cluster = self.ecs_backend._get_cluster((wanted.get("cluster") or "default").split("/")[-1])
    if {one["capacityProvider"] for one in strategy or []} - set(cluster.capacity_providers or []):
        raise InvalidParameterException(
            "The specified capacity provider strategy cannot contain a capacity provider that is not associated with the cluster. "
            "Associate the capacity provider with the cluster and try again."
        )
    definition = self.ecs_backend.describe_task_definition(wanted["taskDefinition"])
    if definition.network_mode == "awsvpc" and not (wanted.get("networkConfiguration") or {}).get("awsvpcConfiguration", {}).get("subnets"):
        raise InvalidParameterException("Network Configuration must be provided when networkMode 'awsvpc' is specified.")
    names = {one["name"] for one in definition.container_definitions}
    for override in (wanted.get("overrides") or {}).get("containerOverrides") or []:
        if override.get("name") not in names:
            raise InvalidParameterException(f"Override for container named {override.get('name')} is not a container in the TaskDefinition.")


@refuses(LogsBackend, "put_retention_policy")
def put_retention_policy(self, log_group_name: str, retention_in_days) -> None:
    if int(retention_in_days) not in RETENTION_DAYS:
        constraint = f"Member must satisfy enum value set: {RETENTION_DAYS}"
        raise InvalidLogsParameter(constraint=constraint, parameter="retentionInDays", value=retention_in_days)


@refuses(ELBv2Backend, "create_load_balancer")
def create_load_balancer(self, name: str, *_, **__) -> None:
    if len(name) > LOAD_BALANCER_NAME_LENGTH:
        raise ELBClientError("ValidationError", f"Load balancer name '{name}' cannot be longer than '{LOAD_BALANCER_NAME_LENGTH}' characters")
    if not re.fullmatch(r"[A-Za-z0-9-]+", name):
        text = f"Load balancer name '{name}' can only contain characters that are alphanumeric characters and hyphens(-)"
        raise ELBClientError("ValidationError", text)
    if name.startswith(("-", "internal-")) or name.endswith("-"):
        raise ELBClientError("ValidationError", f"Load balancer name '{name}' cannot begin or end with '-', or begin with 'internal-'")


@refuses(ElastiCacheBackend, "create_replication_group")
def create_replication_group(self, replication_group_id: str, *_, **__) -> None:
    if len(replication_group_id) > REPLICATION_GROUP_ID_LENGTH:
        raise InvalidParameterValueException(f"The parameter ReplicationGroupId must have at most {REPLICATION_GROUP_ID_LENGTH} characters.")
