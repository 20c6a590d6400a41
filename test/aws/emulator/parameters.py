"""SSM parameters with a JSON value: moto returns those of AMIs as objects, AWS returns text."""

import json

from moto.ssm.models import Parameter

_original = Parameter.__init__


def with_text(self, *args, **kwargs):
    _original(self, *args, **kwargs)
    if not isinstance(self.value, (str, type(None))):
        self.value = json.dumps(self.value)


Parameter.__init__ = with_text
