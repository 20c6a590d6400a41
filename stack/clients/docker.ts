import Docker from "dockerode";
import { ROOT } from "../root";

/** Labels of every container, volume, and network of a stack on this machine. */
export const LABELS = {
  service: "spatialforge.service",
  stack: "spatialforge.stack",
  folder: "spatialforge.folder",
} as const;

/**
 * The folder that distinguishes two clones on one engine: that of the project, or the one in which the service was created, if the project
 * was moved since (`scripts/local/folder.ts`).
 */
const folder = (): string => process.env.SPATIALFORGE_FOLDER ?? ROOT;

/** Values of the labels of a container, a volume, or a network. */
export const labelsOf = (stack: string, service: string): Record<string, string> => ({
  [LABELS.service]: service,
  [LABELS.stack]: stack,
  [LABELS.folder]: folder(),
});

/** Docker filter for the containers of a stack of this folder, or for one of its services. */
export function containerFilter(stack: string, service?: string): { label: string[] } {
  const label = [`${LABELS.stack}=${stack}`, `${LABELS.folder}=${folder()}`];
  return { label: service ? [...label, `${LABELS.service}=${service}`] : label };
}

export const dockerClient = (): Docker => new Docker();
