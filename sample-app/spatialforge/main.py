"""The HTTP API."""

import logging
import uuid
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Any

import redis.asyncio as aioredis
from celery.result import AsyncResult
from fastapi import Depends, FastAPI, File, Form, HTTPException, Request, Response, UploadFile
from fastapi.staticfiles import StaticFiles
from minio.error import S3Error
from prometheus_client import make_asgi_app

from . import __version__
from .auth import Owner, admin, connection, create_key
from .config import get_settings
from .inference import depth, depth_png, read_image
from .storage import ObjectStore
from .workers.celery_app import QUEUES
from .workers.jobs import accept
from .workers.tasks import result_name

logger = logging.getLogger(__name__)


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncGenerator[None, None]:
    # As in SpatialForge: if Redis is unavailable at startup, the service runs, and every route that needs a key returns 503.
    app.state.redis = aioredis.from_url(get_settings().redis_url, decode_responses=True)
    try:
        await app.state.redis.ping()
    except aioredis.RedisError:
        logger.warning("Redis is unavailable: authentication does not work until a restart")
        app.state.redis = None
    app.state.store = ObjectStore()
    yield
    if app.state.redis is not None:
        await app.state.redis.aclose()


app = FastAPI(title="SpatialForge sample", version=__version__, lifespan=lifespan)
app.mount("/metrics", make_asgi_app())
app.mount("/static", StaticFiles(directory=Path(__file__).parent.parent / "static"))
Image = Annotated[UploadFile, File(description="an image file")]


@app.get("/health")
async def health() -> dict[str, Any]:
    return {"status": "ok", "version": __version__, "gpu_available": False, "models_loaded": []}


@app.get("/")
async def index() -> dict[str, str]:
    return {"name": "SpatialForge sample", "docs": "/docs"}


@app.get("/v1/billing/usage")
async def usage(owner: Owner) -> dict[str, str]:
    return {"owner": owner["owner"], "plan": owner["plan"]}


@app.post("/v1/depth")
def estimate_depth(request: Request, image: Image, _: Owner) -> dict[str, Any]:
    try:
        meters = depth(read_image(image.file.read(), get_settings().max_image_size))
    except ValueError as error:
        raise HTTPException(422, str(error)) from error
    name = f"depth/{uuid.uuid4()}.png"
    request.app.state.store.put(name, depth_png(meters), "image/png")
    height, width = meters.shape
    return {
        "depth_map_url": request.app.state.store.url(name),
        "metadata": {"width": width, "height": height, "min_depth_m": float(meters.min()), "max_depth_m": float(meters.max())},
    }


@app.post("/v1/reconstruct", status_code=202)
def reconstruct(request: Request, image: Image, _: Owner, work_seconds: Annotated[float, Form(ge=0, le=600)] = 0) -> dict[str, str]:
    """`work_seconds` extends the duration of the job to that of a real reconstruction."""
    job = str(uuid.uuid4())
    request.app.state.store.put(f"uploads/{job}", image.file.read(), "application/octet-stream")
    accept(job, work_seconds)
    return {"job_id": job, "status": "queued"}


@app.get("/v1/reconstruct/{job}")
def job_status(job: uuid.UUID, _: Owner) -> dict[str, Any]:
    result = AsyncResult(str(job))
    states = {"SUCCESS": "complete", "FAILURE": "failed", "STARTED": "processing"}
    return {"job_id": str(job), "status": states.get(result.state, "queued"), "result": result.result if result.successful() else None}


@app.get("/v1/reconstruct/{job}/result")
def job_result(request: Request, job: uuid.UUID, _: Owner) -> Response:
    """The stored object, for clients that cannot reach the object store through its signed URL."""
    try:
        return Response(request.app.state.store.get(result_name(str(job))), media_type="application/octet-stream")
    except S3Error as error:
        raise HTTPException(404, "the job has no result yet") from error


@app.post("/v1/admin/keys", dependencies=[Depends(admin)])
async def new_key(request: Request, owner: str) -> dict[str, str]:
    return {"api_key": await create_key(connection(request), owner), "owner": owner}


@app.get("/v1/admin/status", dependencies=[Depends(admin)])
async def status(request: Request) -> dict[str, int]:
    return {queue: await connection(request).llen(queue) for queue in QUEUES}
