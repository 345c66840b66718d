/** Which kptool this is. */
import { readFileSync } from 'node:fs';

interface PackageFile {
  readonly version: string;
  readonly bugs?: { readonly url?: string };
}

/** The package's own description, two folders above both `src/cli` and `dist/cli`. */
export function readPackage(): PackageFile {
  return JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as PackageFile;
}
