import { deployedResources, type DeployedResource } from "../pulumi/internals";
import type { DeployedZones } from "../config/zones";
import type { Promotion } from "../images/promotion";

/** What the state of the stack says about its capacity. */
export interface DeployedCapacity {
  zones: DeployedZones;
  /** Instance types of the Auto Scaling group. Undefined if there is none. */
  instanceTypes?: string[];
  /** The values that the last update compared with the quotas. Undefined before the first update. */
  quotaValues?: unknown;
  /** What the last update promoted. Undefined if it promoted nothing. */
  promotion?: Promotion;
  /** Number of Elastic IP addresses. */
  elasticIps: number;
  /** Whether the tasks of a service run on GPU instances, by the name of the service. */
  onGpu: ReadonlyMap<string, boolean>;
}

/** Type of the component whose outputs have the values. */
export const PLATFORM_TYPE = "spatialforge:aws:Platform";

interface GroupOutputs {
  mixedInstancesPolicy?: { launchTemplate?: { overrides?: { instanceType: string }[] } };
}

/** Reads the capacity of the stack from its state, without a call to AWS. @throws Error if the state cannot be read */
export async function deployedCapacity(): Promise<DeployedCapacity> {
  const resources = await deployedResources();
  const ofType = (type: string) => resources.filter((resource) => resource.type === type);
  const zones: Record<number, string> = {};
  for (const { urn, outputs } of ofType("aws:ec2/subnet:Subnet")) {
    // The index is at the end of the name. The public and the private subnet with an index are in the same zone.
    const index = /-(\d+)$/.exec(urn)?.[1];
    if (index && typeof outputs.availabilityZone === "string") zones[Number(index)] = outputs.availabilityZone;
  }
  const [group] = ofType("aws:autoscaling/group:Group");
  const overrides = (group?.outputs as GroupOutputs | undefined)?.mixedInstancesPolicy?.launchTemplate?.overrides;
  return {
    zones,
    instanceTypes: overrides?.map(({ instanceType }) => instanceType),
    quotaValues: ofType(PLATFORM_TYPE)[0]?.outputs.quotaValues,
    promotion: ofType(PLATFORM_TYPE)[0]?.outputs.promotion as Promotion | undefined,
    elasticIps: ofType("aws:ec2/eip:Eip").length,
    onGpu: new Map(ofType("aws:ecs/service:Service").map(usesGpu)),
  };
}

/** The name of a service, and whether its tasks run on GPU instances. */
function usesGpu({ outputs }: DeployedResource): [string, boolean] {
  const { name, capacityProviderStrategies = [] } = outputs as {
    name: string;
    capacityProviderStrategies?: { capacityProvider: string }[];
  };
  return [name, capacityProviderStrategies.some(({ capacityProvider }) => !capacityProvider.startsWith("FARGATE"))];
}
