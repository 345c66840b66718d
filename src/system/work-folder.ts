/**
 * The private folder that a build works in. Nobody else uses it, kbuild can take its path, and it can be left behind at
 * any moment: the next build makes another one.
 *
 * A cache folder whose path kbuild cannot take ("/home/Zoë Smith/.cache") is passed over, and the work folder is made in
 * /var/tmp, else in the system's temporary folder. /var/tmp comes first since builds are large and /tmp is often memory.
 */
import { chmod, mkdir, mkdtemp, readdir, readFile, realpath, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { fail } from '../diagnostics/catalogue.js';
import { makeFolders } from './make-folders.js';
import { errorCode, writingError } from './system-error.js';

export interface WorkFolder {
  /** Absolute, without symbolic links, and of characters that kbuild can take. */
  readonly path: string;
  /** The folder `NUMBER-NAME` in it (`1-original`), made if it is not there. Throws `work-folder-unwritable`, `disk-full`. */
  step(number: number, name: string): Promise<string>;
  /** Leaves the folder for the user to look at: `remove` does nothing from now on. */
  keep(): Promise<void>;
  /** Deletes the folder. Throws `work-folder-unwritable` where that is not possible. */
  remove(): Promise<void>;
}

/** What the lock file says; a process number alone is given out again after a while, and after a boot at once. */
interface Lock {
  readonly process: number;
  /** Start of the process, in clock ticks since boot (field 22 of /proc/PID/stat). */
  readonly start: string;
  readonly boot: string;
}

const lockFile = '.in-use';
/** A folder without a lock file is taken for one that is just being made when it is younger than this, in milliseconds. */
const makingTime = 60_000;

/**
 * Whether kbuild can take a path. make splits at spaces and colons and reads `#`, `$` and `%`; gcc's `-Wp,` splits at
 * commas; the shells that make starts read quotes and brackets. Only what is known to pass is let through.
 */
export function isPathForKbuild(path: string): boolean {
  return /^[A-Za-z0-9/._+@-]*$/.test(path);
}

/**
 * Makes a new work folder for `name` (the livepatch's name, say) below `root`, with permission for the owner only.
 * Throws `work-folder-unwritable` or `disk-full`.
 */
export async function createWorkFolder(root: string, name: string): Promise<WorkFolder> {
  const parent = await prepareRoot(root);
  try {
    // mkdtemp makes the folder with mode 0700 and a name that nobody has, also where others may write.
    const path = await mkdtemp(join(parent, prefixOf(name)));
    await writeFile(join(path, lockFile), JSON.stringify(await ownLock()), { mode: 0o600 });
    return workFolderAt(path);
  } catch (error) {
    throw writingError(error, parent, 'work-folder-unwritable');
  }
}

/** The path that such a folder will have, with `XXXXXX` for the letters that are chosen when it is made. Throws nothing. */
export async function plannedWorkFolder(root: string, name: string): Promise<string> {
  return join((await usableRoot(await realPathSoFar(root))).folder, `${prefixOf(name)}XXXXXX`);
}

/** What the names of the work folders for `name` begin with. */
function prefixOf(name: string): string {
  const plainName = name.replaceAll(/[^A-Za-z0-9._+-]/g, '-').replace(/^[.-]+/, '');
  return `${plainName.slice(0, 100) || 'build'}-`;
}

/** Without the symbolic links in that part of the path which is there. */
async function realPathSoFar(path: string): Promise<string> {
  const known = await realpath(path).catch(() => undefined);
  if (known !== undefined || dirname(path) === path) return known ?? path;
  return join(await realPathSoFar(dirname(path)), basename(path));
}

/** A work folder that an earlier run has left, or that another one works in. */
export interface FoundWorkFolder {
  /** Absolute. */
  readonly path: string;
  readonly isInUse: boolean;
  /** Milliseconds since 1970: when something was last made or removed in it. */
  readonly changed: number;
}

/**
 * The work folders of this user below `root`, the one that changed last first; of `name` alone, or of all names. Where
 * kbuild cannot take the path of `root`, those in the folder that takes its place. Throws nothing.
 */
export async function findWorkFolders(root: string, name?: string): Promise<FoundWorkFolder[]> {
  const place = await realpath(root).then(usableRoot, () => undefined);
  if (place === undefined) return [];
  const { folder, isShared } = place;
  const prefix = name === undefined ? '' : prefixOf(name);
  const found: FoundWorkFolder[] = [];
  for (const entry of await readdir(folder, { withFileTypes: true }).catch(() => [])) {
    const path = join(folder, entry.name);
    const rest = entry.name.startsWith(prefix) ? entry.name.slice(prefix.length) : '';
    // mkdtemp puts six characters behind the prefix.
    if (!entry.isDirectory() || !(name === undefined ? /-[A-Za-z0-9]{6}$/ : /^[A-Za-z0-9]{6}$/).test(rest)) continue;
    const facts = await stat(path).catch(() => undefined);
    // In a folder for everybody, another user may lay down what looks like ours.
    if (facts === undefined || facts.uid !== process.getuid?.() || (facts.mode & 0o077) !== 0) continue;
    if (isShared && !(await hasSteps(path))) continue;
    found.push({ path, isInUse: await isWorkFolderInUse(path), changed: facts.mtimeMs });
  }
  return found.sort((a, b) => b.changed - a.changed);
}

/**
 * Takes over the work folder at `path`, which an earlier run has left. Throws `work-folder-in-use` where another run was
 * faster, `work-folder-unwritable`, `disk-full`.
 */
export async function openWorkFolder(path: string): Promise<WorkFolder> {
  const lock = join(path, lockFile);
  const text = JSON.stringify(await ownLock());
  try {
    if (await isWorkFolderInUse(path)) fail('work-folder-in-use', { path });
    await rm(lock, { force: true });
    await writeFile(lock, text, { mode: 0o600, flag: 'wx' });
  } catch (error) {
    if (errorCode(error) === 'EEXIST') fail('work-folder-in-use', { path });
    throw writingError(error, path, 'work-folder-unwritable');
  }
  return workFolderAt(path);
}

/**
 * Whether a running kptool works in the folder at `path`. Folders of killed runs say no; a kept folder too. A folder
 * that is just being made says yes. Throws nothing: what cannot be read is not in use.
 */
export async function isWorkFolderInUse(path: string): Promise<boolean> {
  const text = await readFile(join(path, lockFile), 'utf8').catch(() => undefined);
  if (text === undefined) {
    const facts = await stat(path).catch(() => undefined);
    return facts !== undefined && Date.now() - facts.ctimeMs < makingTime && (await readdir(path)).length === 0;
  }
  try {
    const lock = JSON.parse(text) as Lock;
    return lock.boot === (await bootIdentity()) && lock.start === (await processStart(lock.process));
  } catch {
    // The run was killed while it wrote the file.
    return false;
  }
}

/** Name of a step's folder within the work folder. */
export function stepFolder(number: number, name: string): string {
  return `${number}-${name}`;
}

function workFolderAt(path: string): WorkFolder {
  let isKept = false;
  return {
    path,
    async step(number, name) {
      const folder = join(path, stepFolder(number, name));
      try {
        await mkdir(folder, { recursive: true, mode: 0o700 });
      } catch (error) {
        throw writingError(error, folder, 'work-folder-unwritable');
      }
      return folder;
    },
    async keep() {
      isKept = true;
      await rm(join(path, lockFile), { force: true }).catch(() => undefined);
    },
    async remove() {
      if (!isKept) await removeTree(path);
    },
  };
}

/** Of other programs' folders in /var/tmp only some have a name like a work folder, and none has its steps in it. */
async function hasSteps(path: string): Promise<boolean> {
  const names: string[] = await readdir(path).catch(() => []);
  return names.includes(lockFile) || names.includes('1-original');
}

/** The folder to make work folders in, free of symbolic links: `root` where kbuild can take it, else a temporary one. */
async function prepareRoot(root: string): Promise<string> {
  try {
    await makeFolders(root);
    return (await usableRoot(await realpath(root))).folder;
  } catch (error) {
    throw writingError(error, root, 'work-folder-unwritable');
  }
}

/** Where work folders lie instead, and whether others may write there too. */
async function usableRoot(path: string): Promise<{ readonly folder: string; readonly isShared: boolean }> {
  if (isPathForKbuild(path)) return { folder: path, isShared: false };
  for (const candidate of ['/var/tmp', tmpdir()]) {
    const folder = await realpath(candidate).catch(() => undefined);
    if (folder !== undefined && isPathForKbuild(folder)) return { folder, isShared: true };
  }
  return { folder: '/tmp', isShared: true };
}

/** Deletes a tree, also where a build took the write permission from folders. Throws `work-folder-unwritable`. */
async function removeTree(path: string): Promise<void> {
  try {
    await rm(path, { recursive: true, force: true }).catch(async (error: unknown) => {
      if (errorCode(error) !== 'EACCES' && errorCode(error) !== 'EPERM') throw error;
      await makeFoldersWritable(path);
      await rm(path, { recursive: true, force: true });
    });
  } catch (error) {
    throw writingError(error, path, 'work-folder-unwritable');
  }
}

async function makeFoldersWritable(path: string): Promise<void> {
  await chmod(path, 0o700);
  for (const entry of await readdir(path, { withFileTypes: true })) {
    if (entry.isDirectory()) await makeFoldersWritable(join(path, entry.name));
  }
}

async function ownLock(): Promise<Lock> {
  return { process: process.pid, start: await processStart(process.pid), boot: await bootIdentity() };
}

/** Throws when there is no such process. */
async function processStart(number: number): Promise<string> {
  const text = await readFile(`/proc/${number}/stat`, 'utf8');
  // The second field is the program's name in parentheses and may hold spaces and parentheses; the third follows the last one.
  const start = text.slice(text.lastIndexOf(')') + 2).split(' ')[19];
  if (start === undefined) throw new Error(`/proc/${number}/stat has too few fields`);
  return start;
}

/** One value per boot; containers see that of their host. */
async function bootIdentity(): Promise<string> {
  const text = await readFile('/proc/sys/kernel/random/boot_id', 'utf8');
  return text.trim();
}
