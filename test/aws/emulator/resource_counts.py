"""`/moto-api/data.json` with the number of resources of each kind. The response of moto includes deleted resources."""

import json

from moto.backends import get_backend
from moto.moto_api._internal.responses import MotoAPIResponse

ACCOUNT, REGION = "123456789012", "us-east-1"
GLOBAL = {"iam", "s3", "route53"}

KINDS = {
    "acm": ["_certificates"],
    "applicationautoscaling": ["targets", "policies"],
    "autoscaling": ["autoscaling_groups", "policies"],
    "cloudwatch": ["alarms"],
    "ec2": [
        *("vpcs", "subnets", "groups", "vpc_end_points", "nat_gateways", "internet_gateways", "route_tables"),
        *("addresses", "launch_templates", "flow_logs"),
    ],
    "ecr": ["repositories"],
    "ecs": ["clusters", "services", "capacity_providers"],
    "efs": ["file_systems_by_id", "access_points", "mount_targets_by_id"],
    "elasticache": ["replication_groups", "cache_clusters", "cache_subnet_groups"],
    "elbv2": ["load_balancers", "target_groups"],
    "iam": ["roles", "users", "instance_profiles", "access_keys"],
    "logs": ["groups"],
    "s3": ["buckets"],
    "secretsmanager": ["secrets"],
    "sns": ["topics", "subscriptions"],
    "wafv2": ["wacls", "logging_configurations"],
}


def exists(resource) -> bool:
    status = getattr(resource, "status", None) or getattr(resource, "state", None)
    return str(status).lower() not in ("inactive", "deleted")


def count(resources) -> int:
    if not isinstance(resources, dict):
        return len(resources)
    # moto groups some resources by zone or by VPC
    return sum(len(one) if isinstance(one, dict) else exists(one) for one in resources.values())


def data(self, request, full_url, headers):
    counts = {}
    for service, names in KINDS.items():
        backend = get_backend(service)[ACCOUNT]["aws" if service in GLOBAL else REGION]
        counts[service] = {name: count(getattr(backend, name)) for name in names}
    return 200, {"Content-Type": "application/json"}, json.dumps(counts)


MotoAPIResponse.model_data = data
