"""SSM parameters with a JSON value: moto returns those of AMIs as objects, AWS returns text. And those of AMIs that are newer than moto."""

import copy
import hashlib
import json
import re

from moto.ssm.models import Parameter, SimpleSystemManagerBackend

_original = Parameter.__init__


def with_text(self, *args, **kwargs):
    _original(self, *args, **kwargs)
    if not isinstance(self.value, (str, type(None))):
        self.value = json.dumps(self.value)


Parameter.__init__ = with_text

AMIS = "/aws/service/ecs/optimized-ami/amazon-linux-2023/gpu"
_get_parameter = SimpleSystemManagerBackend.get_parameter


def get_parameter(self, name: str):
    found = _get_parameter(self, name)
    if found or not re.fullmatch(rf"{AMIS}/al2023-ami-ecs-gpu-hvm-[\w.-]+", name):
        return found
    latest = _get_parameter(self, f"{AMIS}/recommended")
    image = name.split("/")[-1]
    image_id = f"ami-{hashlib.sha256(image.encode()).hexdigest()[:17]}"
    parameter = copy.copy(latest)
    parameter.name = name
    parameter.value = json.dumps({**json.loads(latest.value), "image_name": image, "image_id": image_id})
    return parameter


SimpleSystemManagerBackend.get_parameter = get_parameter
