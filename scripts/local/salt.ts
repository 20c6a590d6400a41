import { existsSync, readFileSync, writeFileSync } from "node:fs";

/**
 * Pulumi notes the salt of a stack's passphrase in the stack's file. For `local` the passphrase is made on this machine, so the salt is
 * kept beside it, and stands in `Pulumi.local.yaml` only while a command runs or a secret of that file needs it: a clone stays clean.
 */
export class Salt {
  constructor(
    private readonly stackFile: string,
    private readonly saltFile: string,
  ) {}

  /** Puts the kept salt into the stack's file; a salt that belongs to no state of this machine goes. */
  insert(): void {
    const kept = existsSync(this.saltFile) ? readFileSync(this.saltFile, "utf8") : "";
    const text = readFileSync(this.stackFile, "utf8");
    if (!this.isNeeded()) this.write(text, kept + text.replace(LINE, ""));
  }

  /** Whether the stack's file holds a secret. */
  isNeeded(): boolean {
    return readFileSync(this.stackFile, "utf8").includes("secure:");
  }

  /** Takes it out again. */
  remove(): void {
    const text = readFileSync(this.stackFile, "utf8");
    const line = LINE.exec(text)?.[0];
    if (!line) return;
    writeFileSync(this.saltFile, line, { mode: 0o600 });
    if (!this.isNeeded()) this.write(text, text.replace(LINE, ""));
  }

  private write(before: string, after: string): void {
    if (before !== after) writeFileSync(this.stackFile, after);
  }
}

const LINE = /^encryptionsalt: .*\n/m;
