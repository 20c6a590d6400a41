"""The calls of ECS for service deployments and service revisions, which moto lacks."""

from moto.core.responses import ActionResult
from moto.ecs.exceptions import EcsClientException
from moto.ecs.responses import EC2ContainerServiceResponse as Response


def arn(service, kind: str, deployment) -> str:
    return f"{service.arn.replace(':service/', f':{kind}/')}/{deployment.id.split('/')[-1]}"


def listed(service, deployment) -> dict:
    """A service deployment, as ListServiceDeployments returns it."""
    return {
        "serviceDeploymentArn": arn(service, "service-deployment", deployment),
        "serviceArn": service.arn,
        "clusterArn": service.cluster_arn,
        "targetServiceRevisionArn": arn(service, "service-revision", deployment),
        "createdAt": deployment.created,
        "startedAt": deployment.created,
        "status": deployment.status,
        "statusReason": deployment.reason,
        **({"finishedAt": deployment.finished} if deployment.finished else {}),
    }


def install(deployments_of, stop, lock) -> None:
    """Adds the calls.

    `deployments_of(request)`: all pairs of a service of moto and a deployment, the newest first. A deployment has `id`, `created`,
    `finished`, `status`, `reason`, and `definition`. `stop(service, deployment)`: stops one that is in progress and rolls it back.
    """

    def call(handler):
        def locked(self):
            with lock:
                return handler(self, self._get_params())

        setattr(Response, handler.__name__, locked)

    def by_arn(request, kind: str) -> dict:
        return {arn(service, kind, one): (service, one) for service, one in deployments_of(request)}

    def described(request, kind: str, arns: list, describe) -> tuple[list, list]:
        known = by_arn(request, kind)
        missing = [{"arn": one, "reason": "MISSING"} for one in arns if one not in known]
        return [describe(*known[one]) for one in arns if one in known], missing

    @call
    def list_service_deployments(self, wanted):
        cluster, name = (wanted.get("cluster") or "default").split("/")[-1], wanted["service"].split("/")[-1]
        statuses = wanted.get("status") or []
        found = [listed(service, one) for service, one in deployments_of(self) if (service.cluster_name, service.name) == (cluster, name)]
        return ActionResult({"serviceDeployments": [one for one in found if not statuses or one["status"] in statuses]})

    @call
    def describe_service_deployments(self, wanted):
        def describe(service, one):
            alarms = getattr(one, "alarms", None)
            return {**listed(service, one), **({"alarms": alarms.listed(bool(one.finished))} if alarms else {})}

        found, missing = described(self, "service-deployment", wanted["serviceDeploymentArns"], describe)
        return ActionResult({"serviceDeployments": found, "failures": missing})

    @call
    def describe_service_revisions(self, wanted):
        def describe(service, one):
            revision = arn(service, "service-revision", one)
            return {"serviceRevisionArn": revision, "serviceArn": service.arn, "clusterArn": service.cluster_arn, "taskDefinition": one.definition}

        found, missing = described(self, "service-revision", wanted["serviceRevisionArns"], describe)
        return ActionResult({"serviceRevisions": found, "failures": missing})

    @call
    def stop_service_deployment(self, wanted):
        service, deployment = by_arn(self, "service-deployment").get(wanted["serviceDeploymentArn"]) or (None, None)
        if not deployment:
            raise EcsClientException(f"The service deployment {wanted['serviceDeploymentArn']} does not exist.")
        if deployment.status not in ("PENDING", "IN_PROGRESS"):
            raise EcsClientException("The service deployment has finished.")
        stop(service, deployment)
        return ActionResult({"serviceDeploymentArn": wanted["serviceDeploymentArn"]})
