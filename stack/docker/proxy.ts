import type * as docker from "@pulumi/docker";
import type * as pulumi from "@pulumi/pulumi";
import { APPLICATION } from "../app/application";
import { container, exclusive, type StackContext } from "./container";
import { nginxConfig, RUN_NGINX } from "./nginx";

/** Largest request body in MiB. The proxy returns 413 for a larger one. */
export const MAXIMUM_BODY_MIB = 512;

/**
 * Configuration of the proxy. Like the load balancer on AWS, it passes bodies, streams, and WebSockets on as they arrive: it stores nothing,
 * so neither its memory nor its disk limits their size.
 */
export const proxyConfig = (upstream: string): string =>
  nginxConfig(`  client_max_body_size ${MAXIMUM_BODY_MIB}m;
  resolver 127.0.0.11 valid=1s ipv6=off;
  map $http_upgrade $connection_header { default upgrade; "" ""; }
  server {
    listen 8080;
    location = /-/proxy { return 200; }
    location / {
      set $api ${upstream};
      proxy_pass http://$api:${APPLICATION.port};
      proxy_http_version 1.1;
      proxy_request_buffering off;
      proxy_buffering off;
      proxy_set_header Host $http_host;
      proxy_set_header X-Forwarded-For $remote_addr;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection $connection_header;
      proxy_connect_timeout 2s;
      proxy_read_timeout ${APPLICATION.maximumRequestSeconds + 10}s;
      proxy_next_upstream error timeout;
    }
  }
`);

/**
 * Creates the reverse proxy. It publishes the port of the API, so a new API container can start before the old one stops. It asks Docker's
 * DNS server for the addresses of the API again after one second, and tries the next address if one does not answer.
 *
 * @param upstream - name of the container that serves the API
 * @param port - port on the loopback address
 */
export function proxy(
  context: StackContext,
  upstream: string,
  port: number,
  opts: pulumi.CustomResourceOptions,
): docker.Container {
  return container(
    "proxy",
    {
      ...context,
      image: context.serviceImages.proxy,
      entrypoint: ["/bin/sh", "-c"],
      command: [RUN_NGINX],
      env: { NGINX_CONFIG: proxyConfig(upstream) },
      memory: 128,
      ports: { [port]: 8080 },
      healthcheck: ["wget", "-q", "-O", "/dev/null", "http://127.0.0.1:8080/-/proxy"],
    },
    exclusive(opts),
  );
}
