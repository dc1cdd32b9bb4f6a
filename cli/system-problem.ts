/** Errors of the operating system that a user can mend, in one line. */
const REMEDIES: Readonly<Record<string, string>> = {
  ENOSPC: 'the disk is full',
  EDQUOT: 'the disk quota is used up',
  EROFS: 'the file system is read-only',
  EACCES: 'this needs further rights',
  EPERM: 'this needs further rights',
  EMFILE: 'this process may not open more files (ulimit -n)',
  ENFILE: 'this machine may not open more files',
  ENAMETOOLONG: 'the path is too long',
  EADDRINUSE: 'the address is in use',
};

/** Undefined for an error that is not of the system, or that nobody but us can mend. */
export function systemProblem(error: Error): string | undefined {
  const { code = '', path, syscall = '' } = error as NodeJS.ErrnoException;
  const remedy = REMEDIES[code];
  if (remedy !== undefined)
    return `${remedy} (${[syscall, path, code].filter((part) => part !== undefined && part !== '').join(' ')})`;
  // Storage tells by its text only, also through the API.
  return /no space left on device|MDB_MAP_FULL|the disk is full/i.test(error.message)
    ? `${REMEDIES['ENOSPC']!} (${error.message})`
    : undefined;
}
