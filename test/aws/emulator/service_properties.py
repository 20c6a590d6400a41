"""Properties of a service that moto ignores."""

from moto.core.utils import camelcase_to_underscores

# Properties that moto stores.
KNOWN = {"cluster", "service", "serviceName", "taskDefinition", "desiredCount", "forceNewDeployment", "tags"}
KNOWN |= {"loadBalancers", "deploymentController", "schedulingStrategy", "networkConfiguration", "role", "clientToken"}


def store(service, wanted: dict) -> None:
    """Stores the properties of a call that moto ignores, so that DescribeServices returns them."""
    for key, value in wanted.items():
        if key not in KNOWN and value is not None:
            setattr(service, camelcase_to_underscores(key), value)
