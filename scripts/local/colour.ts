import pc from "picocolors";

/** Colours for a terminal that wants them. (By itself the library also colours wherever CI is set, terminal or not.) */
export const colour = pc.createColors(pc.isColorSupported && process.stdout.isTTY && process.stderr.isTTY);
