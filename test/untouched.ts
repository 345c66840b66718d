/** To see that kptool writes nothing where it must not: all of a folder before and after, and somebody who has no right to. */
import { createHash } from 'node:crypto';
import { lstat, readdir, readFile, readlink } from 'node:fs/promises';
import path from 'node:path';
import { execaSync } from 'execa';

const nobody = { uid: 65534, gid: 65534 };

/** Permissions mean nothing to root: for `execa`, somebody else where that one can read `program`, else the user who runs this. */
export function otherUser(program: string): { readonly uid?: number; readonly gid?: number } {
  if (process.getuid?.() !== 0) return {};
  const trial = execaSync('node', [program, '--version'], { ...nobody, cwd: '/', reject: false });
  return trial.failed ? {} : nobody;
}

/**
 * A line for every file and folder below: its content, its mode, and the time at which anything of it was last changed, be it
 * a name in a folder.
 */
export async function stateOf(folder: string): Promise<string[]> {
  const names = ['.', ...(await readdir(folder, { recursive: true }))].sort();
  return Promise.all(
    names.map(async (name) => {
      const file = path.join(folder, name);
      const facts = await lstat(file, { bigint: true });
      const text = facts.isFile() ? await readFile(file) : facts.isSymbolicLink() ? await readlink(file) : '';
      const digest = createHash('sha256').update(text).digest('hex');
      return `${name} ${facts.mode.toString(8)} ${facts.mtimeNs} ${facts.ctimeNs} ${digest}`;
    }),
  );
}
