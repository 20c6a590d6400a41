/** Stacks on which violations are warnings, and which need no protection of data. All other stacks must comply with every rule. */
export const DEVELOPMENT_STACKS: readonly string[] = ["local", "dev"];

export const isProduction = (stack: string): boolean => !DEVELOPMENT_STACKS.includes(stack);
