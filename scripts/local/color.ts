import pc from "picocolors";

const isTerminal = Boolean(process.stdout.isTTY && process.stderr.isTTY);

/** Colors, for terminals only. By default, picocolors also adds colors where `CI` is set, even in a pipe. */
export const color = pc.createColors(pc.isColorSupported && isTerminal);
