"""Image scans: a repository with `scanOnPush` scans each image that is pushed. moto scans only on request, and its scan has a finding.

The SSM parameter /emulator/image-scans sets the result of all scans, in JSON:
  {"status": "COMPLETE", "description": "", "findings": [{"name": "CVE-2026-1", "severity": "HIGH"}]}
"""

from datetime import datetime

from account_limits import parameter
from moto.ecr.models import ECRBackend

_put_image = ECRBackend.put_image
_describe = ECRBackend.describe_image_scan_findings


def put_image(self, repository_name, *args, **kwargs):
    image = _put_image(self, repository_name, *args, **kwargs)
    if self.repositories[repository_name].image_scanning_configuration.get("scanOnPush"):
        image.last_scan = datetime.today()
    return image


def describe_image_scan_findings(self, registry_id, repository_name, image_id):
    answer = _describe(self, registry_id, repository_name, image_id)
    result = parameter(self.account_id, self.region_name, "image-scans") or {}
    status = {"status": result.get("status", "COMPLETE"), "description": result.get("description", "")}
    findings = {**answer["imageScanFindings"], "findings": result.get("findings", []), "findingSeverityCounts": {}}
    return {**answer, "imageScanStatus": status, "imageScanFindings": findings}


ECRBackend.put_image = put_image
ECRBackend.describe_image_scan_findings = describe_image_scan_findings
