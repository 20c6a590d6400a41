"""API keys. Redis stores only their hashes, as `apikey:*`."""

import hashlib
import hmac
import secrets
from typing import Annotated

import redis.asyncio as aioredis
from fastapi import Depends, Header, HTTPException, Request

from .config import get_settings

# Maximum requests per minute from one address without a key
ANONYMOUS_LIMIT = 60


def hash_key(key: str) -> str:
    return hmac.new(get_settings().api_key_secret.encode(), key.encode(), hashlib.sha256).hexdigest()


def connection(request: Request) -> aioredis.Redis:
    if request.app.state.redis is None:
        raise HTTPException(503, "authentication is unavailable")
    return request.app.state.redis


async def limit_anonymous(request: Request) -> None:
    address = request.client.host if request.client else "unknown"
    pipeline = connection(request).pipeline()
    pipeline.incr(f"anonymous:{address}")
    pipeline.expire(f"anonymous:{address}", 60, nx=True)
    if (await pipeline.execute())[0] > ANONYMOUS_LIMIT:
        raise HTTPException(429, "too many requests without an API key")


async def owner(request: Request, x_api_key: Annotated[str | None, Header()] = None) -> dict[str, str]:
    """The record of the key in X-API-Key. 401 if the key is missing or unknown, 503 while Redis is unavailable."""
    if x_api_key is None:
        if request.app.state.redis is not None:
            await limit_anonymous(request)
        raise HTTPException(401, "X-API-Key is missing")
    try:
        record = await connection(request).hgetall(f"apikey:{hash_key(x_api_key)}")
    except aioredis.RedisError as error:
        raise HTTPException(503, "authentication is unavailable") from error
    if not record:
        raise HTTPException(401, "X-API-Key is unknown")
    return record


Owner = Annotated[dict[str, str], Depends(owner)]


async def admin(x_api_key: Annotated[str | None, Header()] = None) -> None:
    if not hmac.compare_digest(x_api_key or "", get_settings().admin_api_key):
        raise HTTPException(403, "the admin key is required")


async def create_key(connection: aioredis.Redis, name: str) -> str:
    key = f"sf_{secrets.token_hex(24)}"
    await connection.hset(f"apikey:{hash_key(key)}", mapping={"owner": name, "plan": "free"})
    return key
