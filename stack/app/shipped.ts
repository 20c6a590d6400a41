/** Files that no image needs: tests, caches, hidden files, and Markdown. */
const EXCLUDED = /(^|\/)(__pycache__|tests?|\.[^/]*)(\/|$)|\.(pyc|md)$/;

/** Whether no image contains a file. @param path - relative to the folder that contains the package or `static`, with slashes */
export const isExcluded = (path: string): boolean => EXCLUDED.test(path);
