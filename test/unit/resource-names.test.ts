import { expect, it } from "vitest";
import { IMAGES } from "../../stack/images/catalog";
import { ROLES } from "../../stack/roles";
import { awsPlatform } from "../harness/aws-platform";
import { dockerPlatform } from "../harness/docker-platform";
import { nameOf, typeOf, type Registered } from "../harness/mocks";

const PLATFORM = /^spatialforge:(aws|docker):Platform$/;
const COMPONENT = /^spatialforge:/;

const hasPrefix = (name: string, prefix: string) => name === prefix || name.startsWith(`${prefix}-`);

/** Resources in a component other than the platform. */
const inComponents = (registered: Registered[]) =>
  registered.filter(({ parent }) => COMPONENT.test(typeOf(parent)) && !PLATFORM.test(typeOf(parent)));

/** The component of an ECS service has the name of its role. */
const isService = ({ type, name }: Registered) =>
  type === "spatialforge:aws:Service" && ROLES.some((role) => role.name === name);

const ALL_OPTIONS = {
  ecsExec: true,
  customerManagedKey: true,
  alarmEmail: "ops@example.org",
  network: { vpcEndpoints: true, flowLogRetentionDays: 1 },
  bucket: { accessKeyVersion: 2, corsOrigins: ["https://app.example.org"] },
  loadBalancer: { waf: true, domainName: "sf.example.org", hostedZoneId: "Z1" },
};
const SECRETS = { secrets: { SENTRY_DSN: "https://sentry" } };

it.each([
  ["dev", "its own settings", {}],
  ["prod", "its own settings", {}],
  ["dev", "all options", ALL_OPTIONS],
  ["prod", "all options", ALL_OPTIONS],
] as const)("in %s with %s each resource in a component has its name as prefix, once", async (stack, _, aws) => {
  const registered = await awsPlatform(stack, aws, SECRETS);
  const children = inComponents(registered);
  expect(children.length).toBeGreaterThan(100);
  const others = children.filter((child) => !hasPrefix(child.name, nameOf(child.parent)) && !isService(child));
  expect(others.map(({ urn }) => urn)).toEqual([]);
  const urns = registered.map(({ urn }) => urn);
  expect(urns.filter((urn, index) => urns.indexOf(urn) !== index)).toEqual([]);
});

it.each(["dev", "prod"] as const)("the platform of %s contains only components and images", async (stack) => {
  const registered = await awsPlatform(stack, {}, SECRETS);
  const [platform, ...others] = registered.filter(({ type }) => type !== "pulumi:pulumi:Stack");
  expect(typeOf(platform.urn)).toMatch(PLATFORM);
  for (const { urn, parent } of others) expect(typeOf(parent), urn).toMatch(COMPONENT);
  const direct = others.filter(({ type, parent }) => PLATFORM.test(typeOf(parent)) && !COMPONENT.test(type));
  expect(direct.map(({ name }) => name).sort()).toEqual(IMAGES.map(({ name }) => name).sort());
});

it("each volume and password of the local stack has the name of its container as prefix", async () => {
  const registered = await dockerPlatform();
  expect(inComponents(registered)).toEqual([]); // functions create the containers directly in the platform
  const namesOf = (type: string) => registered.filter((one) => one.type === type).map(({ name }) => name);
  const containers = namesOf("docker:index/container:Container");
  /** Resources that several containers share. */
  const shared = ["spatialforge", "models", "api-key-secret", "admin-api-key"];
  const others = registered.filter(({ type }) => !/^(pulumi:|spatialforge:|docker:index\/image:)/.test(type));
  expect(others.length).toBeGreaterThan(containers.length + shared.length);
  const unnamed = others.filter(
    ({ name }) => !shared.includes(name) && !containers.some((container) => hasPrefix(name, container)),
  );
  expect(unnamed.map(({ urn }) => urn)).toEqual([]);
});
