/** An nginx configuration that requires no root user and writes only to `/tmp`. @param http - content of the `http` block */
export const nginxConfig = (http: string): string => `worker_processes 1;
pid /tmp/nginx.pid;
error_log /dev/stderr warn;
events {}
http {
  access_log off;
  client_body_temp_path /tmp/body; proxy_temp_path /tmp/proxy;
  fastcgi_temp_path /tmp/f; uwsgi_temp_path /tmp/u; scgi_temp_path /tmp/s;
${http}}
`;

/** Command for `/bin/sh -c` that runs nginx with the configuration in the variable `NGINX_CONFIG`. */
export const RUN_NGINX = `printf '%s' "$NGINX_CONFIG" >/tmp/nginx.conf && exec nginx -c /tmp/nginx.conf -g 'daemon off;'`;
