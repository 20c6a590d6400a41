"""The volume of an EFS access point ends with it."""

from moto.efs.models import EFSBackend

from . import containers

delete_of_moto = EFSBackend.delete_access_point


def delete_access_point(self, access_point_id):
    for volume in containers.client.volumes.list(filters={"name": f"{containers.RUN}-{access_point_id}"}):
        volume.remove(force=True)
    delete_of_moto(self, access_point_id)


EFSBackend.delete_access_point = delete_access_point
