import { beforeAll, describe, expect, it, vi } from "vitest";
import { parseSettings } from "../../stack/config/parse";
import type { ScaledRoleName, Role } from "../../stack/roles";
import { byName, type Registered } from "../harness/mocks";
import { asList, statementsOf } from "../harness/policy";

const SERVICE = "aws:ecs/service:Service";
const INGRESS = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule";
const EGRESS = "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule";

/** Roles that combine the flags in other ways than the roles of the table. */
const NEW_ROLES: Role[] = [
  {
    name: "new-worker",
    process: "worker",
    gpu: "none",
    queues: ["default"],
    loadBalanced: false,
    scaled: true,
    scaleInProtection: true,
    singleton: false,
    rolloutStep: 2,
    modelVolume: false,
    publishesBacklog: false,
    aws: { cpu: 1024, memory: 4096, minTasks: 1, maxTasks: 3, stopTimeout: 60 },
    docker: { memory: 1024, stopTimeout: 60 },
  },
  {
    name: "new-singleton",
    process: "beat",
    gpu: "none",
    queues: [],
    loadBalanced: false,
    scaled: false,
    scaleInProtection: false,
    singleton: true,
    rolloutStep: 1,
    modelVolume: true,
    publishesBacklog: false,
    aws: { cpu: 256, memory: 1024, minTasks: 1, maxTasks: 1, stopTimeout: 30 },
    docker: { memory: 512, stopTimeout: 10 },
  },
];

/** Replaces the roles table for modules that are imported afterwards. */
function addRoles(roles: readonly Role[]): void {
  vi.resetModules();
  vi.doMock("../../stack/roles", async (importOriginal) => {
    const original = await importOriginal<typeof import("../../stack/roles")>();
    return { ...original, ROLES: [...original.ROLES, ...roles] };
  });
}

describe.each([
  ["the roles table", []],
  ["the roles table with new roles", NEW_ROLES],
])("%s", (_, newRoles) => {
  let roles: readonly Role[];
  let registered: Registered[];
  let local: Registered[];
  let settingsOfRoles: string[];
  beforeAll(async () => {
    addRoles(newRoles);
    roles = (await import("../../stack/roles.js")).ROLES;
    const { AWS_KEYS } = await import("../../stack/config/aws-schema.js");
    settingsOfRoles = Object.keys(AWS_KEYS).map((path) => path.replace(/^aws\./, ""));
    const { awsPlatform } = await import("../harness/aws-platform.js");
    registered = await awsPlatform("dev");
    const { dockerPlatform } = await import("../harness/docker-platform.js");
    local = await dockerPlatform();
  });

  /** Names of the roles that meet a condition. */
  const rolesWith = (condition: (role: Role) => boolean) =>
    roles
      .filter(condition)
      .map(({ name }) => name)
      .sort();
  const inputsOf = (type: string) => byName(registered, type);
  /** The part of the names of resources of a type that follows a prefix, without other resources. */
  const namesAfter = (prefix: string, type: string) =>
    Object.keys(inputsOf(type))
      .flatMap((name) => (name.startsWith(prefix) ? [name.slice(prefix.length)] : []))
      .sort();
  const containerOf = (role: string) =>
    JSON.parse(inputsOf("aws:ecs/taskDefinition:TaskDefinition")[`${role}-task-definition`].containerDefinitions)[0];
  const environmentOf = (role: string): Record<string, string> =>
    Object.fromEntries(
      containerOf(role).environment.map(({ name, value }: { name: string; value: string }) => [name, value]),
    );
  /** Names of the roles whose containers have an environment variable. */
  const rolesWithVariable = (variable: string) => rolesWith(({ name }) => variable in environmentOf(name));
  /** Names of the roles whose tasks may perform an action. */
  const rolesThatMay = (action: string) =>
    rolesWith(({ name }) => {
      const policy = inputsOf("aws:iam/rolePolicy:RolePolicy")[`${name}-task`]?.policy as string | undefined;
      return !!policy && statementsOf(policy).some(({ Action }) => asList(Action).includes(action));
    });
  const serviceOf = (role: string) => inputsOf(SERVICE)[role];

  it("has an ECS service and a container for each role, which start its process", () => {
    expect(Object.keys(inputsOf(SERVICE)).sort()).toEqual(rolesWith(() => true));
    for (const { name, process, docker } of roles) {
      expect(containerOf(name).command).toEqual([process]);
      const container = byName(local, "docker:index/container:Container")[name];
      expect(container).toMatchObject({ command: [process], memory: docker.memory });
    }
  });

  it("env rejects each variable that a platform sets for a role", () => {
    // Of these, the user's value has precedence.
    const free = ["HEALTH_RESTART_AFTER_S"];
    const names = roles.flatMap(({ name }) => {
      const { envs } = byName(local, "docker:index/container:Container")[name];
      const { environment, secrets } = containerOf(name) as Record<string, { name: string }[]>;
      return [
        ...(envs as string[]).map((variable) => variable.split("=")[0]),
        ...[...environment, ...secrets].map((variable) => variable.name),
      ];
    });
    const set = [...new Set(names)].filter((name) => !free.includes(name)).sort();
    expect(set).toContain("REDIS_URL");
    const env = JSON.stringify(Object.fromEntries(set.map((name) => [name, "x"])));
    // As secrets, so that no problem is about plain text.
    const { problems } = parseSettings({ stack: "dev", values: { env }, secretKeys: new Set(["env"]) });
    expect(problems.map(({ key }) => key)).toEqual(set.map((name) => `env.${name}`));
  });

  it("has settings for each scaled role, which override its defaults", async () => {
    expect(rolesWith(({ name }) => settingsOfRoles.includes(name))).toEqual(rolesWith(({ scaled }) => scaled));
    const { awsSettingsSchema } = await import("../../stack/config/aws-schema.js");
    const { serviceSpecs } = await import("../../stack/config/services.js");
    for (const [index, { name, scaled, aws }] of roles.entries()) {
      const { cpu, memory, minTasks, maxTasks, stopTimeout } = aws;
      expect(serviceSpecs(awsSettingsSchema.parse({}))[index]).toMatchObject({ name, ...aws });
      if (!scaled) continue;
      const settings = { cpu: cpu * 2, memory: memory * 2, minTasks: minTasks + 1, maxTasks: maxTasks + 1 };
      const changed = serviceSpecs(awsSettingsSchema.parse({ [name]: settings }))[index];
      expect(changed).toMatchObject({ name, ...settings, stopTimeout });
    }
  });

  it("scaled: creates a scaling target and policies", () => {
    const scaled = rolesWith((role) => role.scaled);
    expect(namesAfter("scaling-", "aws:appautoscaling/target:Target")).toEqual(scaled);
    expect(namesAfter("scaling-", "aws:appautoscaling/policy:Policy")).toEqual(scaled);
  });

  it("loadBalanced: creates a target group, rules, and a scaling policy by requests", () => {
    const loadBalanced = rolesWith((role) => role.loadBalanced);
    expect(loadBalanced).toHaveLength(1);
    expect(namesAfter("load-balancer-", "aws:lb/targetGroup:TargetGroup")).toEqual(loadBalanced);
    expect(rolesWith(({ name }) => serviceOf(name).loadBalancers?.length > 0)).toEqual(loadBalanced);
    expect(rolesWith(({ name }) => serviceOf(name).alarms?.rollback === true)).toEqual(loadBalanced);
    expect(rolesWith(({ name }) => containerOf(name).portMappings.length > 0)).toEqual(loadBalanced);
    expect(namesAfter("security-groups-load-balancer-", INGRESS)).toEqual(loadBalanced.map((name) => `${name}-8000`));
    expect(namesAfter("security-groups-load-balancer-", EGRESS)).toEqual(loadBalanced.map((name) => `${name}-8000`));
    expect(rolesWithVariable("FORWARDED_ALLOW_IPS")).toEqual(loadBalanced);
    const policies = inputsOf("aws:appautoscaling/policy:Policy");
    const byRequests = rolesWith(({ name }) =>
      JSON.stringify(policies[`scaling-${name}`] ?? {}).includes("ALBRequestCountPerTarget"),
    );
    expect(byRequests).toEqual(rolesWith((role) => role.scaled && role.loadBalanced));
  });

  it("queues: create a backlog metric, alarms, and a scaling policy by jobs", () => {
    const withQueues = rolesWith(({ queues }) => queues.length > 0);
    expect(rolesWithVariable("WORKER_QUEUES")).toEqual(withQueues);
    const alarms = namesAfter("alarms-", "aws:cloudwatch/metricAlarm:MetricAlarm");
    for (const id of ["backlog", "backlog-age", "backlog-missing"]) {
      expect(rolesWith(({ name }) => alarms.includes(`${name}-${id}`))).toEqual(withQueues);
    }
    const policies = inputsOf("aws:appautoscaling/policy:Policy");
    const byJobs = rolesWith(({ name }) => JSON.stringify(policies[`scaling-${name}`] ?? {}).includes("ExactCapacity"));
    expect(byJobs).toEqual(rolesWith((role) => role.scaled && role.queues.length > 0));
    for (const { name, queues } of roles.filter(({ queues }) => queues.length)) {
      expect(environmentOf(name).WORKER_QUEUES).toBe(queues.join(","));
      const { envs } = byName(local, "docker:index/container:Container")[name];
      expect(JSON.stringify(envs)).toContain(`WORKER_QUEUES=${queues.join(",")}`);
    }
  });

  /** A role publishes its metrics with the name of the stack. */
  function expectDestination(role: string): void {
    expect(environmentOf(role)).toMatchObject({ METRICS_NAMESPACE: "SpatialForge", METRICS_STACK: "dev" });
  }

  it("publishesBacklog: adds the variables of the publisher, with the queues and limits of all roles", () => {
    const publishers = rolesWith((role) => role.publishesBacklog);
    expect(publishers.length).toBeGreaterThan(0);
    for (const variable of ["BACKLOG_ROLES", "SCALE_IN_DELAY_S"]) {
      expect(rolesWithVariable(variable)).toEqual(publishers);
    }
    for (const name of publishers) expectDestination(name);
    const withQueues = roles.filter(({ queues }) => queues.length);
    const expected = withQueues.map(({ name, queues, aws: { minTasks, maxTasks } }) => [
      name,
      { queues, minTasks, maxTasks, backlogPerTask: 4 },
    ]);
    for (const name of publishers) {
      const { BACKLOG_ROLES } = environmentOf(name);
      expect(JSON.parse(BACKLOG_ROLES)).toEqual(Object.fromEntries(expected));
    }
  });

  it("gpu: the role publishes the metrics of its GPU, and has an alarm on GPU errors", () => {
    const withGpu = rolesWith(({ gpu }) => gpu === "required");
    expect(withGpu.length).toBeGreaterThan(0);
    const publishers = rolesWith(({ gpu }) => gpu !== "none");
    expect(rolesWithVariable("METRICS_ROLE")).toEqual(publishers);
    for (const name of publishers) {
      expectDestination(name);
      expect(environmentOf(name).METRICS_ROLE).toBe(name);
    }
    const alarms = namesAfter("alarms-", "aws:cloudwatch/metricAlarm:MetricAlarm");
    expect(rolesWith(({ name }) => alarms.includes(`${name}-gpu-errors`))).toEqual(withGpu);
  });

  it("scaleInProtection: adds a permission and a variable", () => {
    const isProtected = rolesWith((role) => role.scaleInProtection);
    expect(rolesThatMay("ecs:UpdateTaskProtection")).toEqual(isProtected);
    expect(rolesThatMay("ecs:GetTaskProtection")).toEqual(isProtected);
    expect(rolesWithVariable("SCALE_IN_PROTECTION")).toEqual(isProtected);
    for (const name of isProtected) expect(environmentOf(name).SCALE_IN_PROTECTION).toBe("1");
  });

  it("modelVolume: mounts the EFS file system, and adds a permission and rules", () => {
    const withModels = rolesWith((role) => role.modelVolume);
    const tasks = inputsOf("aws:ecs/taskDefinition:TaskDefinition");
    const mounts = ({ name }: Role) =>
      (tasks[`${name}-task-definition`].volumes as Registered["inputs"][]).some((one) => one.efsVolumeConfiguration);
    expect(rolesWith(mounts)).toEqual(withModels);
    expect(rolesThatMay("elasticfilesystem:ClientMount")).toEqual(withModels);
    for (const type of [INGRESS, EGRESS]) {
      const rules = namesAfter("security-groups-", type).filter((name) => name.endsWith("-model-volume-2049"));
      expect(rules).toEqual(withModels.map((name) => `${name}-model-volume-2049`));
    }
  });

  it("singleton: stops the old task before the new one starts", () => {
    for (const { name, singleton } of roles) {
      expect(serviceOf(name), name).toMatchObject({
        deploymentMinimumHealthyPercent: singleton ? 0 : 100,
        deploymentMaximumPercent: singleton ? 100 : 200,
        availabilityZoneRebalancing: singleton ? "DISABLED" : "ENABLED",
      });
    }
  });

  it("gpu: runs the GPU image on GPU instances, always, never, or by a setting", async () => {
    const { awsPlatform } = await import("../harness/aws-platform.js");
    const optional = rolesWith(({ gpu }) => gpu === "optional") as ScaledRoleName[];
    const withGpu = await awsPlatform("dev", Object.fromEntries(optional.map((name) => [name, { gpu: true }])));
    for (const { name, gpu, gpuImage } of roles) {
      for (const [resources, usesGpu] of [
        [registered, gpu === "required"],
        [withGpu, gpu !== "none"],
      ] as const) {
        const task = byName(resources, "aws:ecs/taskDefinition:TaskDefinition")[`${name}-task-definition`];
        expect(task.requiresCompatibilities, name).toEqual([usesGpu ? "EC2" : "FARGATE"]);
        const [{ image }] = JSON.parse(task.containerDefinitions);
        expect(image, name).toMatch(new RegExp(`@sha256:${(usesGpu && gpuImage) || "cpu"}$`));
        expect(byName(resources, SERVICE)[name].capacityProviderStrategies).toMatchObject([
          { capacityProvider: usesGpu ? "cluster-gpu" : "FARGATE" },
        ]);
      }
    }
  });

  it("gives each role access to Redis and to the internet", () => {
    for (const connection of ["redis-6379", "internet-443"]) {
      const rules = Object.keys(inputsOf(EGRESS)).filter((name) => name.endsWith(`-${connection}`));
      expect(rules).toEqual(
        expect.arrayContaining(rolesWith(() => true).map((name) => `security-groups-${name}-${connection}`)),
      );
    }
  });
});
