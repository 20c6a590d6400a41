import pc from "picocolors";

const terminal = Boolean(process.stdout.isTTY && process.stderr.isTTY);

/** Colours for a terminal that wants them. (By itself the library also colours wherever CI is set, terminal or not.) */
export const colour = pc.createColors(pc.isColorSupported && terminal);
