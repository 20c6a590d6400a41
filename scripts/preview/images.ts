import type { ContextPart, PartHashes } from "../../stack/app/context-parts";
import { IMAGES } from "../../stack/images/catalog";
import type { BaseRef } from "./base-ref";
import { changedPins } from "./pins";
import type { ResourceChange } from "./resource-change";

/** Why an image is built again. */
export interface RebuildReason {
  part: ContextPart | "first build" | "base" | "settings";
  /** What changed in the part: files, packages, or build arguments. */
  details: string[];
}

export interface RebuiltImage {
  image: string;
  reasons: RebuildReason[];
}

const IMAGE = "docker:index/image:Image";

/** Build arguments that follow from other parts, or that do not change the image. */
const DERIVED_ARGUMENTS = ["PARTS", "REVISION", "VERSION", "SOURCE", "BUILDKIT_INLINE_CACHE", "BUILDER", "BASE"];

/** The groups of the lock. */
const GROUPS = ["cuda", "torch", "heavy", "light", "web"] as const satisfies readonly ContextPart[];
const isGroup = (part: string): part is (typeof GROUPS)[number] => (GROUPS as readonly string[]).includes(part);

interface BuildInputs {
  build?: { args?: Record<string, unknown>; target?: unknown };
}

/** The images that a preview builds, with the parts that changed. @param base - names the files and packages that changed, if it is known */
export async function rebuiltImages(
  changes: readonly ResourceChange[],
  app: { base?: BaseRef; lock?: string; stack: string },
): Promise<RebuiltImage[]> {
  const rebuilt = changes.filter(({ type, op }) => type === IMAGE && op !== "same" && op !== "delete");
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
  return [
    ...reasons,
    ...(before.BASE === after.BASE
      ? []
      : [{ part: "base" as const, details: [`${shortImage(before.BASE)} → ${shortImage(after.BASE)}`] }]),
    ...(settings.length ? [{ part: "settings" as const, details: settings.sort() }] : []),
  ];
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

/** A base image with a short digest. */
const shortImage = (image: unknown): string => String(image).replace(/(@sha256:[0-9a-f]{12})[0-9a-f]+$/, "$1");
