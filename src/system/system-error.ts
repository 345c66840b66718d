/**
 * What an error of the operating system means for the user. Every place of kptool that touches files asks here, so that
 * a full disk is told as such wherever it strikes and no errno name is the only explanation.
 */
import { diagnose } from '../diagnostics/catalogue.js';
import { KptoolError } from '../diagnostics/diagnostic.js';

/** Words for the error numbers that users meet; others are told by their name. */
const reasons: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  EBUSY: 'it is in use',
  EDQUOT: 'the disk quota is used up',
  EEXIST: 'something of that name exists',
  EFBIG: 'the file would be larger than allowed',
  EIO: 'the device reports an input/output error',
  EISDIR: 'it is a folder',
  ELOOP: 'its symbolic links run in a circle',
  EMFILE: 'too many files are open',
  ENAMETOOLONG: 'the name is too long',
  ENOENT: 'it, or a folder on the way to it, does not exist',
  ENOSPC: 'the disk is full',
  ENOTDIR: 'a part of the path is not a folder',
  ENOTEMPTY: 'the folder is not empty',
  EPERM: 'the operation is not permitted',
  EROFS: 'the file system is read-only',
  ETXTBSY: 'it is a program that runs',
  ERR_FS_FILE_TOO_LARGE: 'it is too large',
};

const isDiskFullCode = (code: string) => code === 'ENOSPC' || code === 'EDQUOT' || code === 'EFBIG';

/** The errno name (`ENOENT`), or `''` for an error that does not come from the operating system. */
export function errorCode(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'string' ? code : '';
}

/** The reason in words, for a message. */
export function errorReason(error: unknown): string {
  const code = errorCode(error);
  return reasons[code] ?? (code || (error instanceof Error ? error.message : String(error)));
}

/**
 * The error to throw after reading `path` failed: `input-missing`, `input-is-directory` or `input-unreadable`. An error
 * that is worded already, or that is no error of the operating system (a bug), is handed back as it is.
 */
export function readingError(error: unknown, path: string): unknown {
  const code = errorCode(error);
  if (error instanceof KptoolError || code === '') return error;
  if (code === 'ENOENT' || code === 'ENOTDIR') return new KptoolError([diagnose('input-missing', { path })]);
  if (code === 'EISDIR') return new KptoolError([diagnose('input-is-directory', { path })]);
  return new KptoolError([diagnose('input-unreadable', { path, reason: errorReason(error) })]);
}

/** The error to throw after writing `path` failed: `disk-full`, else the given code. */
export function writingError(
  error: unknown,
  path: string,
  code: 'output-unwritable' | 'work-folder-unwritable' = 'output-unwritable',
): unknown {
  if (error instanceof KptoolError || errorCode(error) === '') return error;
  const reason = errorReason(error);
  return new KptoolError([diagnose(isDiskFullCode(errorCode(error)) ? 'disk-full' : code, { path, reason })]);
}
