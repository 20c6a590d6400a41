"""ECS that runs its tasks, as containers on the Docker engine of the test.

- `api` changes the calls of moto: services, tasks, task protection, service deployments.
- `loop` holds the state and the lock, and reconciles it with the containers.
- `service` decides which tasks of a service start and stop. `task` is the life of one task.
- `containers` makes a container from a task definition, as the ECS agent does. `agent` is the endpoint of the ECS agent in a container.
- `hosts` are the GPU instances of an Auto Scaling group. `host_refreshes` replaces them.
- `load_balancer` is a proxy for each listener. `redis_server` and `object_store` are Redis and S3 with TLS, with certificates of `tls`.
  `addresses` says where the endpoints are on this machine. `efs_volumes` ends the volume of an access point.
- `metrics` are CloudWatch metrics from the log of the tasks, `load_balancer_metrics` those of the load balancers. `alarms` evaluates
  alarms on them, with `metric_math`. `scaling` changes the desired count of a service when an alarm says so. `deployment_alarms` ends a
  deployment when an alarm says so.
- `clock` makes the times of AWS shorter. `refusals` is also for services without tasks.

Left out: placement strategies, task sets, daemon services, sidecars (a task has one container), the throttling of tasks that fail repeatedly, IAM,
the start of a replacement before an unhealthy task stops,
signatures of S3 requests, WAF, KMS, target tracking, the semantics of EFS, ECS Exec, Availability Zones, and new passwords of Redis.
"""
