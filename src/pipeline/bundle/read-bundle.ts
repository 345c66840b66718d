/** A bundle read and checked: its manifest, and the files that it speaks of. Nothing in it is believed before. */
import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fail } from '../../diagnostics/catalogue.js';
import { writingError } from '../../system/system-error.js';
import { readArchive } from '../../system/tar-archive.js';
import { type Manifest, manifestSchema } from './manifest.js';
import type { ReadFile } from './step-inputs.js';

export interface Bundle {
  readonly manifest: Manifest;
  readonly files: ReadonlyMap<string, Buffer>;
  /** The file at a path of the bundle. Throws `bundle-malformed`. */
  readonly read: ReadFile;
}

/**
 * Reads the .tar.gz at `file`, or the folder that one was unpacked into, whose files may have been changed since.
 * Throws `archive-unsafe`, `archive-damaged`, `bundle-malformed`, `bundle-too-new`, and what `readInput` throws.
 */
export async function readBundle(file: string): Promise<Bundle> {
  const isFolder = (await stat(file).catch(() => undefined))?.isDirectory() ?? false;
  const files = isFolder ? await readFolder(file) : await readArchive(file);
  const malformed = (reason: string) => fail('bundle-malformed', { file, reason });
  const text = files.get('manifest.json')?.toString('utf8') ?? malformed('it has no manifest.json');
  const manifest = manifestOf(text, file, malformed);
  const read: ReadFile = (name) => files.get(name) ?? malformed(`${JSON.stringify(name)} is not in it`);
  for (const [name, hash] of isFolder ? [] : Object.entries(manifest.hashes)) {
    const found = createHash('sha256').update(read(name)).digest('hex');
    if (found !== hash) malformed(`${JSON.stringify(name)} is not what its hash says`);
  }
  return { manifest, files, read };
}

function manifestOf(text: string, file: string, malformed: (reason: string) => never): Manifest {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return malformed('its manifest.json is not JSON');
  }
  const schema = typeof value === 'object' && value !== null && 'schema' in value ? value.schema : undefined;
  if (typeof schema === 'string' && /^kptool-bundle\/\d+$/.test(schema) && schema !== 'kptool-bundle/1') {
    fail('bundle-too-new', { file, schema });
  }
  const parsed = manifestSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  return malformed(`its manifest.json is not as it should be at ${issue?.path.join('.') || 'its top'}`);
}

async function readFolder(folder: string): Promise<Map<string, Buffer>> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const names = entries.filter((entry) => entry.isFile()).map((entry) => path.join(entry.parentPath, entry.name));
  const files = names
    .sort()
    .map(async (name): Promise<[string, Buffer]> => [path.relative(folder, name), await readFile(name)]);
  return new Map(await Promise.all(files));
}

/**
 * Writes the files of a bundle into `folder`, which is made, or is empty. Throws `output-not-empty`, `output-unwritable`,
 * `disk-full`.
 */
export async function writeBundleInto(folder: string, files: ReadonlyMap<string, Buffer>): Promise<void> {
  try {
    await mkdir(folder, { recursive: true });
    if ((await readdir(folder)).length > 0) fail('output-not-empty', { path: folder });
    for (const [name, bytes] of files) {
      const file = path.join(folder, name);
      await mkdir(path.dirname(file), { recursive: true });
      // The paths have been checked; nothing that is there is written through or over all the same.
      await writeFile(file, bytes, { flag: 'wx' });
    }
  } catch (error) {
    throw writingError(error, folder);
  }
}
