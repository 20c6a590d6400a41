import { ROOT } from "../root";

/** Labels of every container of a stack on this machine. The folder distinguishes two clones on one engine. */
export const LABELS = {
  service: "spatialforge.service",
  stack: "spatialforge.stack",
  folder: "spatialforge.folder",
} as const;

/** Docker filter for the containers of a stack of this folder, or for one of its services. */
export function containerFilter(stack: string, service?: string): { label: string[] } {
  const label = [`${LABELS.stack}=${stack}`, `${LABELS.folder}=${ROOT}`];
  return { label: service ? [...label, `${LABELS.service}=${service}`] : label };
}
