import { readFileSync, writeFileSync } from "node:fs";
import { basename } from "node:path";
import { parseDocument } from "yaml";
import { settingsSchema } from "../../stack/config/schema";
import { LockError } from "../../stack/lock/error";
import { imageDigest } from "./image-digest";
import { parseReference } from "./image-reference";

const KEY = ["config", "spatialforge:bases"];

/** A settings file with its base images. */
interface Bases {
  file: string;
  document: ReturnType<typeof parseDocument>;
  /** References by name: those in the file, and the defaults. */
  references: Record<string, string>;
}

/** The result of `pinBases`. */
export interface PinnedBases {
  /** Each base image with its tag and its digest. */
  pinned: string[];
  /** The files that change. */
  changed: string[];
}

/**
 * Sets the base images in settings files to their tags with the digests that these tags have now, as `repository:tag@sha256:...`. A file
 * without base images gets the defaults. Comments are kept.
 * @param write - false: only find the files that change
 * @throws LockError that lists all base images whose digest cannot be found. No file is changed then.
 */
export async function pinBases(files: readonly string[], write = true): Promise<PinnedBases> {
  const all = files.map(readBases);
  const references = [...new Set(all.flatMap((one) => Object.values(one.references)))];
  const results = await Promise.allSettled(references.map(pin));
  const problems = results.flatMap((result, index) =>
    result.status === "rejected" ? [`${references[index]}: ${reasonOf(result.reason as Error)}`] : [],
  );
  if (problems.length > 0) throw new LockError(`no file was changed\n${problems.join("\n")}`);
  const pinned = Object.fromEntries(
    results.flatMap((result, index) => (result.status === "fulfilled" ? [[references[index], result.value]] : [])),
  );
  const changed = all.filter(({ file, document, references }) => {
    for (const [name, reference] of Object.entries(references)) document.setIn([...KEY, name], pinned[reference]);
    const text = document.toString({ lineWidth: 0, flowCollectionPadding: false });
    if (text === readFileSync(file, "utf8")) return false;
    if (write) writeFileSync(file, text);
    return true;
  });
  return { pinned: [...new Set(Object.values(pinned))], changed: changed.map(({ file }) => file) };
}

function readBases(file: string): Bases {
  const document = parseDocument(readFileSync(file, "utf8"));
  const { config } = document.toJS() as { config?: Record<string, unknown> };
  const parsed = settingsSchema.shape.bases.safeParse(config?.[KEY[1]]);
  if (!parsed.success) throw new LockError(`${basename(file)}: ${KEY[1]}: ${parsed.error.issues[0].message}`);
  return { file, document, references: parsed.data };
}

/** A reference with the digest that its tag has now. A reference with a digest only stays as it is: it names no tag to look up. */
async function pin(reference: string): Promise<string> {
  const parsed = parseReference(reference);
  return parsed.tag === undefined ? reference : `${parsed.tagged}@${await imageDigest(parsed)}`;
}

/** `fetch` fails with the message `fetch failed`, and the reason is its cause. */
const reasonOf = ({ message, cause }: Error): string =>
  cause instanceof Error
    ? `the registry cannot be reached (${cause.message || (cause as NodeJS.ErrnoException).code})`
    : message;
