import type { COMPILED } from "../../stack/lock/groups";
import type { Pin } from "./pins";
import type { LockedPackage, Resolution } from "./resolve";

/** The file for the pins of a package: undefined for wheels, which are in the main file of their group. */
type CompiledFile = (typeof COMPILED)[number] | undefined;

/** Where a package comes from, if an image build must compile it. */
function compiledFile({ source, wheels, sdist }: LockedPackage): CompiledFile {
  if (source.git !== undefined) return "git.txt";
  return sdist && !wheels?.length ? "source.txt" : undefined;
}

/** The pins of a group by file. The pins of wheels have the key `undefined`. */
export function byFile(pins: readonly Pin[], { packages }: Resolution): Map<CompiledFile, Pin[]> {
  const files = new Map<CompiledFile, Pin[]>();
  for (const pin of pins) {
    const versions = packages.filter(({ name }) => name === pin.name);
    const ofPin = versions.find(({ version }) => pin.text.split(" ")[0] === `${pin.name}==${version}`) ?? versions[0];
    const file = compiledFile(ofPin);
    files.set(file, [...(files.get(file) ?? []), pin]);
  }
  return files;
}

/** Packages that an image build compiles, each with the reason. */
export function compiledPackages({ packages }: Resolution): Record<string, string> {
  const reasons = { "git.txt": "from a git repository", "source.txt": "no wheel for Linux" };
  return Object.fromEntries(
    packages.flatMap((one) => {
      const file = compiledFile(one);
      return file ? [[one.name, reasons[file]]] : [];
    }),
  );
}
