import { IMAGES } from "../images/catalog";
import { ROLES, type Role, type RoleName } from "../roles";
import type { AwsSettings } from "./aws-schema";
import { serviceSpecs, type ServiceSpec } from "./services";

/** An image that a task must verify, because no service is sure to run it. */
export interface VerificationSpec extends ServiceSpec {
  /** Whether the stack has a service for the role with this image. If false, another stack to which the release is promoted has one. */
  hasService: boolean;
}

/**
 * The images of a release that no deployment verifies: those of services whose minimum number of tasks is 0, because ECS completes a
 * deployment without tasks at once, and the GPU images that no service of the stack runs.
 * https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Deployment.html
 */
export function verificationSpecs(aws: AwsSettings): VerificationSpec[] {
  const services = serviceSpecs(aws);
  const images = IMAGES.filter(({ base, name }) => base === "gpu" && !services.some(({ image }) => image === name));
  return [
    ...services.filter(({ minTasks }) => minTasks === 0).map((spec) => ({ ...spec, hasService: true })),
    ...images
      .flatMap(({ name }) => ROLES.filter((role: Role) => role.gpuImage === name))
      .map(({ name }) => ({
        ...specWithGpu(aws, name),
        hasService: false,
      })),
  ];
}

/** The service of a role, as if the role had a GPU. */
function specWithGpu(aws: AwsSettings, name: RoleName): ServiceSpec {
  const settings = { ...aws, [name]: { ...(aws as Partial<Record<RoleName, object>>)[name], gpu: true } };
  return serviceSpecs(settings).find((spec) => spec.name === name)!;
}
