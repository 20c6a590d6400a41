"""The object store, which contains uploads and results."""

import io
from datetime import UTC, datetime, timedelta

from minio import Minio

from .config import get_settings


class ObjectStore:
    def __init__(self) -> None:
        settings = get_settings()
        self.bucket = settings.minio_bucket
        self.client = Minio(
            settings.minio_endpoint,
            access_key=settings.minio_access_key,
            secret_key=settings.minio_secret_key,
            secure=settings.minio_secure,
            region="us-east-1",
        )

    def check(self) -> None:
        if not self.client.bucket_exists(self.bucket):
            raise RuntimeError(f"the bucket {self.bucket} does not exist")

    def put(self, name: str, data: bytes, content_type: str) -> None:
        self.client.put_object(self.bucket, name, io.BytesIO(data), len(data), content_type)

    def get(self, name: str) -> bytes:
        response = self.client.get_object(self.bucket, name)
        try:
            return response.read()
        finally:
            response.close()
            response.release_conn()

    def url(self, name: str) -> str:
        return self.client.presigned_get_object(self.bucket, name, expires=timedelta(hours=1))

    def remove_older_than(self, age: timedelta) -> int:
        limit, removed = datetime.now(UTC) - age, 0
        for item in self.client.list_objects(self.bucket, recursive=True):
            if item.last_modified and item.last_modified < limit:
                self.client.remove_object(self.bucket, item.object_name)
                removed += 1
        return removed
