"""The AMI of the hosts of a capacity provider, and the container instances that report it."""

from moto.autoscaling.models import autoscaling_backends
from moto.ec2.models import ec2_backends


def group_of(backend, provider: str | None) -> str | None:
    """Name of the Auto Scaling group of a capacity provider. None for Fargate."""
    if not provider or provider.startswith("FARGATE"):
        return None
    return backend._get_provider(provider).auto_scaling_group_provider["autoScalingGroupArn"].split("autoScalingGroupName/")[-1]


def image_of(account: str, region: str, group: str) -> str:
    """ID of the AMI that new hosts of an Auto Scaling group have."""
    return autoscaling_backends[account][region].autoscaling_groups[group].image_id


def image_of_template(account: str, region: str, template: str, version: str) -> str:
    """ID of the AMI in a version of a launch template."""
    return ec2_backends[account][region].launch_templates[template].get_version(version).image_id


def container_instance(arn: str, image: str, **more) -> dict:
    """A container instance, which moto formats, with one of the attributes that the ECS agent registers. `more`: other properties, and
    attributes.
    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-placement-constraints.html
    """
    attributes = {"ecs.ami-id": image, **more.pop("attributes", {})}
    return {"containerInstanceArn": arn, "status": "ACTIVE", "agentConnected": True, **more, "attributes": attributes}


def container_instance_arn(cluster_arn: str, host: str) -> str:
    return f"{cluster_arn.replace(':cluster/', ':container-instance/')}/{host}"
