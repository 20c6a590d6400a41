"""ECS that runs its tasks, as containers on the Docker engine of the test.

- `api` changes the calls of moto: services, tasks, task protection, service deployments.
- `loop` holds the state and the lock, and reconciles it with the containers.
- `service` decides which tasks of a service start and stop. `task` is the life of one task.
- `containers` makes a container from a task definition, as the ECS agent does. `agent` is the endpoint of the ECS agent in a container.
- `metrics` are CloudWatch metrics from the log of the tasks. `alarms` evaluates alarms on them, with `metric_math`. `scaling` changes the
  desired count of a service when an alarm says so.
- `clock` makes the times of AWS shorter. `refusals` is also for services without tasks.

Left out: placement strategies, task sets, daemon services, sidecars (a task has one container), the throttling of tasks that fail repeatedly, and IAM.
"""
