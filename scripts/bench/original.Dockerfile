# The layout of the application's first Dockerfile, for comparison: one virtual environment, installed by pip, and an editable install of the
# application in it. Two things differ from that file, so that only the layout is compared: the base, and the versions of the lock.

ARG BASE=nvidia/cuda:13.0.2-base-ubuntu24.04

FROM ${BASE} AS builder
ENV DEBIAN_FRONTEND=noninteractive
RUN apt-get update && apt-get install -y --no-install-recommends curl gcc g++ make git python3 python3-venv python3-dev \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /build
RUN python3 -m venv /opt/venv
ENV PATH=/opt/venv/bin:$PATH
RUN pip install --no-cache-dir --upgrade pip setuptools wheel
COPY requirements.txt ./
RUN pip install --no-cache-dir --no-deps -r requirements.txt
COPY app ./
RUN pip install --no-cache-dir --no-deps -e .

FROM ${BASE} AS api
ENV DEBIAN_FRONTEND=noninteractive PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 PATH=/opt/venv/bin:$PATH
RUN apt-get update && apt-get install -y --no-install-recommends curl python3 libgl1 libglib2.0-0 libsm6 libxext6 libxrender1 libgomp1 ffmpeg \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /app
COPY --from=builder /opt/venv /opt/venv
COPY --from=builder /build ./
RUN groupadd -r spatialforge && useradd -r -g spatialforge spatialforge \
    && mkdir -p models uploads results && chown -R spatialforge:spatialforge /app
EXPOSE 8000
USER spatialforge
HEALTHCHECK --interval=30s --timeout=10s --retries=3 CMD curl -f http://localhost:8000/health || exit 1
CMD ["uvicorn", "spatialforge.main:app", "--host", "0.0.0.0", "--port", "8000"]
