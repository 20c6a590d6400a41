"""Settings, which are environment variables with the names that SpatialForge uses."""

from functools import lru_cache

from pydantic import Field
from pydantic_settings import BaseSettings


class Settings(BaseSettings):
    # Secrets have no defaults. The service does not start without them.
    api_key_secret: str = Field(min_length=32)
    admin_api_key: str = Field(min_length=16)
    redis_url: str = "redis://localhost:6379/0"
    minio_endpoint: str = "localhost:9000"
    minio_access_key: str
    minio_secret_key: str
    minio_bucket: str = "spatialforge"
    minio_secure: bool = False
    device: str = "cuda"
    max_image_size: int = 4096
    # Seconds after which the job of a lost worker is given to another worker. Must exceed the duration of the longest job.
    visibility_timeout_s: int = 3600
    # Hours before a result is deleted
    result_ttl_hours: int = 24


@lru_cache
def get_settings() -> Settings:
    return Settings()
