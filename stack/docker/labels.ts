import { ROOT } from "../root";

/** Labels of every container. The folder tells two clones on one engine apart. */
export const LABELS = {
  service: "spatialforge.service",
  stack: "spatialforge.stack",
  folder: "spatialforge.folder",
} as const;

/** Docker's filter for the containers of a stack of this folder, or for one service of it. */
export function containersOf(stack: string, service?: string): { label: string[] } {
  const label = [`${LABELS.stack}=${stack}`, `${LABELS.folder}=${ROOT}`];
  return { label: service ? [...label, `${LABELS.service}=${service}`] : label };
}
