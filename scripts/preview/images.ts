import type { ContextPart, PartHashes } from "../../stack/app/context-parts";
import { IMAGES } from "../../stack/images/catalog";
import { GROUPS, type Group } from "../../stack/lock/groups";
import type { BaseRef } from "./base-ref";
import { changedPins } from "./pins";
import type { ResourceChange } from "./resource-change";
import { shortDigests } from "./short-digests";

/** Why an image is built again. */
export interface RebuildReason {
  part: ContextPart | "first build" | "base" | "settings" | "other inputs";
  /** What changed in the part: files, packages, or build arguments. */
  details: string[];
}

export interface RebuiltImage {
  image: string;
  reasons: RebuildReason[];
}

export const IMAGE_TYPE = "docker:index/image:Image";

/** Build arguments that follow from other parts, or that do not change the image. */
const DERIVED_ARGUMENTS = [
  "PARTS",
  "INPUTS",
  "REVISION",
  "VERSION",
  "SOURCE",
  "BUILDKIT_INLINE_CACHE",
  "BUILDER",
  "BASE",
];

const isGroup = (part: string): part is Group => (GROUPS as readonly string[]).includes(part);

interface BuildInputs {
  build?: { args?: Record<string, unknown>; target?: unknown };
}

/** The images that a preview builds, with the parts that changed. @param base - names the files and packages that changed, if it is known */
export async function rebuiltImages(
  changes: readonly ResourceChange[],
  app: { base?: BaseRef; lock?: string; stack: string },
): Promise<RebuiltImage[]> {
  const rebuilt = changes.filter(({ type, op }) => type === IMAGE_TYPE && op !== "same" && op !== "delete");
  if (rebuilt.length === 0) return []; // the files need a checkout of the application
  const files = await app.base?.changedAppFiles(app.stack);
  const order = (name: string) => IMAGES.findIndex((image) => image.name === name);
  rebuilt.sort((a, b) => order(a.name) - order(b.name));
  return rebuilt.map((change) => ({ image: change.name, reasons: reasonsOf(change, { ...app, files: files ?? [] }) }));
}

type Details = { base?: BaseRef; lock?: string; files: readonly string[] };

function reasonsOf(change: ResourceChange, details: Details): RebuildReason[] {
  if (!change.old) return [{ part: "first build", details: [] }];
  const [before, after] = [change.old, change.new ?? {}].map((inputs) => (inputs as BuildInputs).build?.args ?? {});
  const reasons = changedParts(before.PARTS, after.PARTS).map((part) => ({ part, details: detailsOf(part, details) }));
  const settings = Object.keys({ ...before, ...after }).filter(
    (name) => !DERIVED_ARGUMENTS.includes(name) && before[name] !== after[name],
  );
  const all: RebuildReason[] = [
    ...reasons,
    ...(before.BASE === after.BASE
      ? []
      : [{ part: "base" as const, details: [shortDigests(`${String(before.BASE)} → ${String(after.BASE)}`)] }]),
    ...(settings.length ? [{ part: "settings" as const, details: settings.sort() }] : []),
  ];
  // The network settings and the platform, for example, are neither a part nor an argument.
  return all.length > 0 ? all : [{ part: "other inputs", details: change.properties }];
}

/** The parts whose hashes differ. All parts, if the earlier image does not have the hashes. */
function changedParts(before: unknown, after: unknown): ContextPart[] {
  const [old, current] = [before, after].map(
    (text) => JSON.parse(typeof text === "string" ? text : "{}") as Partial<PartHashes>,
  );
  return (Object.keys(current) as ContextPart[]).filter((part) => old[part] !== current[part]);
}

function detailsOf(part: ContextPart, { base, lock, files }: Details): string[] {
  const isStatic = (file: string) => file.startsWith("static/") || file.startsWith("src/static/");
  if (part === "code") return files.filter((file) => !isStatic(file));
  if (part === "static files") return files.filter(isStatic);
  return base && lock && isGroup(part) ? changedPins(base, lock, part) : [];
}
