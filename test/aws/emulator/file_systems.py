"""DeleteFileSystemPolicy of EFS, which moto does not support."""

from moto.efs.responses import EFSResponse


def delete_file_system_policy(self):
    self.efs_backend.file_systems_by_id[self._get_param("FileSystemId")].file_system_policy = None
    return "{}", {"Content-Type": "application/json"}


EFSResponse.delete_file_system_policy = delete_file_system_policy
