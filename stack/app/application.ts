/**
 * Facts about the application that this stack builds and runs. No other file repeats them: the Python scripts in the images read
 * {@link RUNTIME_FACTS} from `application.json`, which staging writes into each build context.
 */
export const APPLICATION = {
  /** Python package. Its folder is next to `pyproject.toml`. */
  package: "spatialforge",
  /** Lowest Python that the application supports (`requires-python`). */
  minimumPython: "3.11",
  /** ASGI application that uvicorn serves. */
  apiApp: "spatialforge.main:app",
  /** Module of the Celery application. */
  celeryApp: "spatialforge.workers.celery_app",
  /** Packages that the processes and health checks in the images import. */
  requiredPackages: ["uvicorn", "celery", "redis", "minio"],
  /** Celery queues by the kind of job. A worker role consumes one or more kinds. */
  queues: { jobs: ["default", "gpu_heavy"] },
  /** Port that the API listens on. */
  port: 8000,
  /** Route that returns 200 while the API runs. It does not depend on Redis. */
  healthPath: "/health",
  /** Authenticated route without a rate limit. It looks up the API key in Redis, and returns 401 if the key is unknown. */
  authenticatedPath: "/v1/billing/usage",
  /** Longest inference request, in seconds. */
  maximumRequestSeconds: 120,
  /** Paths that the load balancer forwards, in its pattern syntax (`*` is any text). It returns 404 for all other paths. */
  publicPaths: [
    "/",
    "/health",
    "/docs",
    "/redoc",
    "/openapi.json",
    "/static/*",
    "/.well-known/security.txt",
    "/v1/depth",
    "/v1/depth/visualize",
    "/v1/pose",
    "/v1/reconstruct",
    "/v1/reconstruct/*",
    "/v1/measure",
    "/v1/floorplan",
    "/v1/floorplan/*",
    "/v1/segment-3d",
    "/v1/segment-3d/*",
    "/v1/inspect",
    "/v1/inspect/*",
    "/v1/billing/plans",
    "/v1/billing/usage",
    "/v1/billing/checkout",
    "/v1/billing/portal",
    "/v1/billing/webhooks",
  ],
  /** Paths that must never be public. */
  internalPaths: ["/metrics", "/metrics/", "/v1/admin/keys", "/v1/admin/status", "/v1/admin/"],
  /** Regular expression for the routes whose request bodies AWS WAF must not block: uploaded files, and webhooks that Stripe signs. */
  unblockedBodies: "^/v1/((depth|pose|reconstruct|measure|floorplan|segment-3d|inspect)(/[a-z]+)?|billing/webhooks)$",
  /** Environment variables that contain a secret. */
  secretVariables: ["STRIPE_SECRET_KEY", "STRIPE_WEBHOOK_SECRET", "SENTRY_DSN"],
  /** Environment variables that must not be true in production. */
  developmentVariables: ["DEMO_MODE", "RESEARCH_MODE"],
  /** Environment variable that lists the origins of web pages that may call the API. */
  originsVariable: "ALLOWED_ORIGINS",
} as const;

/** Facts that the scripts in `images/runtime/` need. */
export const RUNTIME_FACTS = {
  package: APPLICATION.package,
  apiApp: APPLICATION.apiApp,
  celeryApp: APPLICATION.celeryApp,
  queues: Object.values(APPLICATION.queues).flat(),
  port: APPLICATION.port,
  healthPath: APPLICATION.healthPath,
  authenticatedPath: APPLICATION.authenticatedPath,
};
