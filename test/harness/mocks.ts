import * as pulumi from "@pulumi/pulumi";
import { beforeEach, vi } from "vitest";
import { proxyArguments } from "../../stack/app/build-network";
import "../../stack/startup"; // formatting the stacks of Pulumi's promises would take most of the time of a test

/** A resource that the program registered. */
export interface Registered {
  type: string;
  name: string;
  urn: string;
  inputs: Record<string, any>; // eslint-disable-line @typescript-eslint/no-explicit-any
  /** URN of the parent. Empty if the resource has none. */
  parent: string;
  /** URNs of the resources that must exist before it. */
  dependencies: string[];
  /** Names of the same resources. */
  dependsOn: string[];
  /** URNs of the resources that each input depends on. */
  propertyDependencies: Record<string, string[]>;
  /** The resource option `protect`. */
  protect: boolean;
}

export interface MockOptions {
  /** Pulumi configuration, as text. The keys have their namespace. */
  config?: Record<string, string>;
  /** Where the AWS provider works. Default: {@link AWS}. */
  aws?: AwsLocation;
  /** Further responses of provider functions and of the engine, by token. A response can be an error. */
  calls?: Record<string, (inputs: Inputs) => object>;
}

type Inputs = Record<string, unknown>;

export interface AwsLocation {
  partition: string;
  dnsSuffix: string;
  region: string;
}

/** The default location of the mocked AWS provider. */
export const AWS: AwsLocation = { partition: "aws", dnsSuffix: "amazonaws.com", region: "eu-west-1" };

/** A location in another partition. */
export const AWS_CHINA: AwsLocation = { partition: "aws-cn", dnsSuffix: "amazonaws.com.cn", region: "cn-north-1" };

/** Account ID that the mocked AWS provider returns. */
export const ACCOUNT_ID = "123456789012";

interface Request {
  getType(): string;
  getName(): string;
  getParent(): string;
  getDependenciesList(): string[];
  getPropertydependenciesMap(): { entries(): Iterable<[string, { getUrnsList(): string[] }]> };
  getProtect(): boolean;
}

interface Monitor {
  registerResource(request: Request, callback: unknown): void;
  newUrn(parent: string, type: string, name: string): string;
}

/**
 * Replaces the Pulumi engine with mocks. Modules that are imported afterwards do not write build contexts. IDs and ARNs are derived from
 * the names of the resources.
 * @returns the registered resources in their order, which is complete after `pulumi.runtime.disconnect()`
 */
export async function mockEngine(
  stack: string,
  { config = {}, aws = AWS, calls = {} }: MockOptions = {},
): Promise<Registered[]> {
  // All tests share one folder for build contexts, and test files run in parallel.
  vi.doMock("../../stack/app/build-context", () => ({
    stage: (_: unknown, { name }: { name: string }) => ({ path: `.build/${name}`, hash: "0123456789ab", parts: {} }),
    writeNetrc: () => undefined,
  }));
  vi.doMock("../../stack/app/build-network", () => ({ proxyArguments, writeBuildNetwork: () => undefined }));
  const registered: Registered[] = [];
  let request: Omit<Registered, "type" | "name" | "inputs">;
  const responses = { ...providerFunctions(aws), ...calls };
  await pulumi.runtime.setMocks(
    {
      newResource: ({ type, name, inputs }) => {
        registered.push({ type, name, inputs, ...request });
        return { id: `${name}-id`, state: { ...outputsOf(name, inputs), ...inputs } };
      },
      call: ({ token, inputs }) => responses[token]?.(inputs) ?? inputs,
    },
    "spatialforge",
    stack,
    true, // in a preview the program does not wait for deployments
    "organization", // the name that a backend without organizations uses
  );
  pulumi.runtime.setAllConfig({ "aws:region": aws.region, ...config });
  // The mocks do not receive the parent, the dependencies, and the options. The request contains them.
  const monitor = pulumi.runtime.getMonitor() as unknown as Monitor;
  const register = monitor.registerResource.bind(monitor);
  monitor.registerResource = (message, callback) => {
    const parent = message.getParent();
    const dependencies = message.getDependenciesList();
    const urn = monitor.newUrn(parent, message.getType(), message.getName());
    const byProperty = [...message.getPropertydependenciesMap().entries()];
    const propertyDependencies = Object.fromEntries(byProperty.map(([key, one]) => [key, one.getUrnsList()]));
    const protect = message.getProtect();
    request = { urn, parent, dependencies, dependsOn: dependencies.map(nameOf), propertyDependencies, protect };
    register(message, callback);
  };
  return registered;
}

/** The name in a URN. */
export const nameOf = (urn: string): string => urn.split("::").at(-1) ?? "";

/** The type in a URN, without the types of its parents. */
export const typeOf = (urn: string): string => urn.split("::")[2]?.split("$").at(-1) ?? "";

/** Outputs of a resource that are not inputs. */
const outputsOf = (name: string, inputs: Registered["inputs"]) => ({
  repoDigest: `${String(inputs.imageName).split(":cache")[0]}@sha256:${name}`,
  arn: `arn:${name}`,
  registryId: ACCOUNT_ID,
  versionId: `version-of-${name}`,
  repositoryUrl: `ecr.example.org/${name}`,
  name,
  result: `generated-${name}`,
  dnsName: `${name}.example.org`,
  zoneId: "Z0",
  fqdn: `${name}.example.org`,
  domainValidationOptions: [
    { resourceRecordName: "_x.sf.example.org", resourceRecordType: "CNAME", resourceRecordValue: "_y.aws" },
  ],
  arnSuffix: `suffix:${name}`,
  primaryEndpointAddress: `${name}.example.org`,
});

/** The responses of the AWS provider functions, by their token. */
const providerFunctions = ({ partition, dnsSuffix }: AwsLocation): Record<string, (inputs: Inputs) => object> => ({
  "aws:index/getCallerIdentity:getCallerIdentity": () => ({
    accountId: ACCOUNT_ID,
    arn: `arn:aws:iam::${ACCOUNT_ID}:user/test`,
  }),
  "aws:index/getPartition:getPartition": () => ({ id: partition, partition, dnsSuffix }),
  "aws:ssm/getParameter:getParameter": () => ({ insecureValue: '{"image_id":"ami-1","image_name":"newest"}' }),
  "aws:ecr/getAuthorizationToken:getAuthorizationToken": () => ({ userName: "AWS", password: "token" }),
});

/**
 * Mocks the engine again for each test of a file.
 * @returns `created`: waits for all resources, and returns the inputs of all resources of a type, by name; `inputsOf`: the same without
 * the wait; `restart`: mocks the engine again within a test, with a Pulumi configuration
 */
export function mockedEngine(stack: string) {
  let registered: Registered[];
  const restart = async (config?: MockOptions["config"]) => {
    registered = await mockEngine(stack, { config });
  };
  beforeEach(() => restart());
  const inputsOf = (type: string) => byName(registered, type);
  const created = async (type: string) => {
    await pulumi.runtime.disconnect();
    return inputsOf(type);
  };
  return { created, inputsOf, restart };
}

/** Inputs of all resources of a type, by name. */
export const byName = (registered: readonly Registered[], type: string): Record<string, Registered["inputs"]> =>
  Object.fromEntries(registered.filter((one) => one.type === type).map(({ name, inputs }) => [name, inputs]));

/** Options of a component that call a function for each of its resources, with the options that the mocks do not receive. */
export const observe = (
  callback: (resource: pulumi.ResourceTransformationArgs) => unknown,
): pulumi.ComponentResourceOptions => ({
  transformations: [(resource) => void callback(resource)],
});
