"""`/moto-api/data.json` with how many things there are of each kind, without their properties: some of those cannot be read."""

import json

from moto.core.model_instances import model_data
from moto.moto_api._internal.responses import MotoAPIResponse


def counts(self, request, full_url, headers):
    found = {
        service: {kind: [{}] * len(model.instances_tracked) for kind, model in models.items()}
        for service, models in model_data.items()
    }
    return 200, {"Content-Type": "application/json"}, json.dumps(found)


MotoAPIResponse.model_data = counts
