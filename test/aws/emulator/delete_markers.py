"""The deletion of the last version of an object: moto fails if the versions include a delete marker, which has no content to dispose of."""

from moto.s3.models import FakeDeleteMarker

FakeDeleteMarker.dispose = lambda self, garbage=False: None
