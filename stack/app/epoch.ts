/** Modification time of all staged files, in seconds since 1970. A constant keeps layers reproducible. 1980-01-01 is the minimum of zip. */
export const EPOCH = 315532800;
