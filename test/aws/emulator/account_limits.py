"""Quotas of the account, and the zones of the region that are available.

An SSM parameter sets each, in JSON:
  /emulator/quotas  {"L-DB2E81BA": 0, "L-3819A6DF": "denied"}   values by code; `denied`: the caller may not read it. Others are 10,000.
  /emulator/zones   ["us-east-1b", "us-east-1c"]                the other zones are impaired: their state is not `available`
"""

import json

from moto.core.exceptions import JsonRESTError
from moto.ec2.models.availability_zones_and_regions import RegionsAndZonesBackend
from moto.servicequotas.models import ServiceQuotasBackend
from moto.ssm.models import ssm_backends


def parameter(account: str, region: str, name: str):
    found = ssm_backends[account][region]._parameters.get(f"/emulator/{name}")
    return json.loads(found[-1].value) if found else None


def get_service_quota(self, service_code: str, quota_code: str) -> dict:
    value = (parameter(self.account_id, self.region_name, "quotas") or {}).get(quota_code, 10_000)
    if value == "denied":
        raise JsonRESTError("AccessDeniedException", f"User is not authorized to perform: servicequotas:GetServiceQuota on {quota_code}")
    return {"ServiceCode": service_code, "QuotaCode": quota_code, "Value": float(value), "Adjustable": True}


describe_all_zones = RegionsAndZonesBackend.describe_availability_zones


def describe_availability_zones(self, *args, **kwargs):
    available = parameter(self.account_id, self.region_name, "zones")
    zones = describe_all_zones(self, *args, **kwargs)
    return zones if available is None else [zone for zone in zones if zone.name in available]


ServiceQuotasBackend.get_service_quota = get_service_quota
RegionsAndZonesBackend.describe_availability_zones = describe_availability_zones
