/** A failure that whoever runs this can mend; its message is all there is to show. */
export class LockError extends Error {}
