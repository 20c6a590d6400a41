import * as pulumi from "@pulumi/pulumi";
import { beforeEach, vi } from "vitest";

export interface Registered {
  type: string;
  name: string;
  inputs: Record<string, any>; // eslint-disable-line @typescript-eslint/no-explicit-any
  /** Names of the resources that are made before it. */
  dependsOn: string[];
}

interface Monitor {
  registerResource(request: { getDependenciesList(): string[] }, answer: unknown): void;
}

/**
 * Puts mocks in the place of the engine, and of what stages contexts for modules that are imported afterwards. ARNs and ids are made
 * from the names.
 * @returns what is registered, in its order
 */
export async function mockEngine(stack: string): Promise<Registered[]> {
  // Contexts are staged in one place, and other tests, which run beside these, stage there.
  vi.doMock("../../stack/source/stage", () => ({
    stage: (_: unknown, { name }: { name: string }) => ({ path: `.build/${name}`, hash: "0123456789ab" }),
  }));
  const registered: Registered[] = [];
  let dependsOn: string[];
  await pulumi.runtime.setMocks(
    {
      newResource: ({ type, name, inputs }) => {
        registered.push({ type, name, inputs, dependsOn });
        const repoDigest = `${String(inputs.imageName).split(":cache")[0]}@sha256:${name}`;
        const made = {
          repoDigest,
          arn: `arn:${name}`,
          registryId: "123456789012",
          versionId: `version-of-${name}`,
          repositoryUrl: `ecr.example.org/${name}`,
          name,
          result: `generated-${name}`,
          dnsName: `${name}.example.org`,
          zoneId: "Z0",
          fqdn: `${name}.example.org`,
          domainValidationOptions: [VALIDATION],
          arnSuffix: `suffix:${name}`,
          primaryEndpointAddress: `${name}.example.org`,
        };
        return { id: `${name}-id`, state: { ...made, ...inputs } };
      },
      call: ({ token, inputs }) => CALLS[token]?.(inputs) ?? inputs,
    },
    "spatialforge",
    stack,
    true, // a preview: nothing waits for what was made
  );
  // Mocks are not told of the dependencies; the request that they answer has them.
  const monitor = pulumi.runtime.getMonitor() as unknown as Monitor;
  const register = monitor.registerResource.bind(monitor);
  monitor.registerResource = (request, answer) => {
    dependsOn = request.getDependenciesList().map((urn) => urn.split("::").pop()!);
    register(request, answer);
  };
  return registered;
}

const VALIDATION = {
  resourceRecordName: "_x.sf.example.org",
  resourceRecordType: "CNAME",
  resourceRecordValue: "_y.aws",
};

/** What AWS is asked, and its answers. */
const CALLS: Record<string, (inputs: { filters?: unknown[] }) => object> = {
  // Names come sorted, and a Local Zone's may be the first.
  "aws:index/getAvailabilityZones:getAvailabilityZones": ({ filters }) => ({
    names: [...(filters?.length ? [] : ["local-zone"]), "zone-a", "zone-b", "zone-c"],
  }),
  "aws:index/getCallerIdentity:getCallerIdentity": () => ({ accountId: "123456789012" }),
  "aws:index/getRegion:getRegion": () => ({ name: "eu-west-1", region: "eu-west-1" }),
  "aws:ssm/getParameter:getParameter": () => ({ insecureValue: '{"image_id":"ami-1","image_name":"newest"}' }),
  "aws:ecr/getAuthorizationToken:getAuthorizationToken": () => ({ userName: "AWS", password: "token" }),
};

/**
 * A mocked engine anew for each test of a file.
 * @returns `made`: the inputs of all resources of a type, by name, once all are registered; `of`: the same when `made` has waited;
 * `start`: the engine once more, for a second turn within a test
 */
export function mockedEngine(stack: string) {
  let registered: Registered[];
  const start = async () => {
    registered = await mockEngine(stack);
  };
  beforeEach(start);
  const of = (type: string) => byName(registered, type);
  const made = async (type: string) => {
    await pulumi.runtime.disconnect();
    return of(type);
  };
  return { made, of, start };
}

/** Inputs of all resources of a type, by name. */
export const byName = (registered: readonly Registered[], type: string): Record<string, Registered["inputs"]> =>
  Object.fromEntries(registered.filter((one) => one.type === type).map(({ name, inputs }) => [name, inputs]));

/** Options of a component that show what is made in it, with the options that the mocks are not told of. */
export const watching = (
  see: (made: pulumi.ResourceTransformationArgs) => unknown,
): pulumi.ComponentResourceOptions => ({
  transformations: [(made) => void see(made)],
});
