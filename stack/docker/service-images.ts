/** Default images of the services that the application depends on. The tags are the tested ones. */
export const SERVICE_IMAGES = {
  redis: "redis:8.2-alpine",
  objectStore: "versity/versitygw:v1.8.0",
  registry: "registry:3",
  proxy: "nginxinc/nginx-unprivileged:1.29-alpine",
} as const;
