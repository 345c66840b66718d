/**
 * Packs files into a .tar.gz and takes one apart again. What is packed depends on names and contents only; what comes in may
 * have been made by anybody, so that nothing is believed: neither paths, nor kinds, nor sizes, nor counts.
 */
import { stat } from 'node:fs/promises';
import { promisify } from 'node:util';
import { gunzip, gzip } from 'node:zlib';
import { Header, Parser, Pax, type ReadEntry } from 'tar';
import { fail } from '../diagnostics/catalogue.js';
import { readInput } from './files.js';

/** Contents by path in the archive, `patched/core/agent.o`. */
export type ArchiveFiles = ReadonlyMap<string, Uint8Array>;

/** Far beyond what a bundle holds, and little enough to be kept in memory. */
const limits = { packedBytes: 128 * 1024 * 1024, bytes: 256 * 1024 * 1024, files: 20_000, pathLength: 1000 };

const block = 512;
const epoch = new Date(0);

/** The archive as bytes: entries sorted by path, all with one time, mode and owner. */
export async function packArchive(files: ArchiveFiles): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for (const [path, bytes] of [...files].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const facts = { path, size: bytes.length, mode: 0o644, uid: 0, gid: 0, mtime: epoch, type: 'File' as const };
    const header = new Header(facts);
    // A path that does not fit into the header stands in an entry of its own in front of it.
    if (header.encode()) pieces.push(new Pax({ path, size: bytes.length, mtime: epoch }).encode());
    pieces.push(header.block ?? new Uint8Array(block), bytes, new Uint8Array(-bytes.length & (block - 1)));
  }
  return promisify(gzip)(Buffer.concat([...pieces, new Uint8Array(2 * block)]), { level: 9 });
}

/**
 * The files of the archive at `path`. Throws `archive-unsafe` for an entry that is no ordinary file in a folder of the
 * archive and for more than can be kept, `archive-damaged` for what is no whole .tar.gz, and what `readInput` throws.
 */
export async function readArchive(path: string): Promise<Map<string, Buffer>> {
  const facts = await stat(path).catch(() => undefined);
  if (facts !== undefined && facts.size > limits.packedBytes) {
    fail('archive-unsafe', { file: path, reason: `it is larger than ${inMebibytes(limits.packedBytes)}` });
  }
  return unpackArchive(await readInput(path), path);
}

/** As `readArchive`, for bytes; `file` is for messages. */
export async function unpackArchive(packed: Uint8Array, file: string): Promise<Map<string, Buffer>> {
  const refuse = (reason: string): never => fail('archive-unsafe', { file, reason });
  const plain = await promisify(gunzip)(packed, { maxOutputLength: limits.bytes }).catch((error: Error) => {
    if ('code' in error && error.code === 'ERR_BUFFER_TOO_LARGE') {
      return refuse(`it unpacks to more than ${inMebibytes(limits.bytes)}`);
    }
    return fail('archive-damaged', { file, reason: 'it is not packed by gzip, or is cut off' });
  });
  // The parser unpacks once more what looks packed, and knows only one kind of tar by this name.
  if (plain.subarray(257, 262).toString('latin1') !== 'ustar' || plain[0] === 0x1f || plain[0] === 0x28) {
    fail('archive-damaged', { file, reason: 'there is no tar archive in it' });
  }
  const files = new Map<string, Buffer>();
  const folders = new Set<string>();
  let count = 0;
  const take = (entry: ReadEntry) => {
    count += 1;
    if (count > limits.files) refuse(`it has more than ${limits.files} entries`);
    const { path, type, size } = entry;
    if (type !== 'File' && type !== 'OldFile') refuse(`${shown(path)} is no ordinary file (${type})`);
    const reason = reasonAgainst(path, files, folders);
    if (reason !== undefined) refuse(`the path ${shown(path)} ${reason}`);
    if (size > plain.length) refuse(`${shown(path)} claims to have ${size} bytes`);
    const pieces: Buffer[] = [];
    entry.on('data', (piece) => pieces.push(piece));
    entry.on('end', () => files.set(path, Buffer.concat(pieces)));
    files.set(path, Buffer.alloc(0));
  };
  parse(plain, take, (reason) => fail('archive-damaged', { file, reason }));
  return files;
}

/** The parser works at once, so that what `take` throws comes out of here. */
function parse(plain: Buffer, take: (entry: ReadEntry) => void, onDamage: (reason: string) => never): void {
  let problem: { readonly error: unknown } | undefined;
  const note = (error: unknown) => {
    problem ??= { error };
  };
  const parser = new Parser({
    strict: true,
    onReadEntry: (entry) => {
      try {
        if (problem === undefined) take(entry);
      } catch (error) {
        note(error);
      }
      entry.resume();
    },
  });
  parser.on('ignoredEntry', (entry: ReadEntry) => {
    // Kinds that tar knows and leaves alone, sparse files for one.
    try {
      if (problem === undefined) take(entry);
    } catch (error) {
      note(error);
    }
  });
  let damage: string | undefined;
  parser.on('error', (error: Error) => {
    damage ??= error.message;
  });
  parser.end(plain);
  if (problem !== undefined) throw problem.error;
  if (damage !== undefined) onDamage(damage.replaceAll(/\s+/g, ' '));
}

/** Why no file may be written to this path of an archive, in words; `undefined` where it may. */
function reasonAgainst(path: string, files: ArchiveFiles, folders: Set<string>): string | undefined {
  if (path === '' || path.length > limits.pathLength) return 'is empty or too long';
  // Of control characters, terminals and shells make what they want.
  if (/[\p{Cc}\\]/u.test(path)) return 'has control characters or a backslash in it';
  if (path.startsWith('/')) return 'begins at the root';
  const parts = path.split('/');
  if (parts.some((part) => part === '' || part === '.' || part === '..')) return 'leaves its folder';
  if (parts.some((part) => part.length > 250)) return 'is too long';
  if (files.has(path)) return 'is there twice';
  if (folders.has(path)) return 'is a folder of other files';
  const above = parts.slice(1).map((_, place) => parts.slice(0, place + 1).join('/'));
  if (above.some((folder) => files.has(folder))) return 'lies in a file';
  for (const folder of above) folders.add(folder);
  return undefined;
}

const shown = (path: string) => JSON.stringify(path.length > 80 ? `${path.slice(0, 80)}…` : path);
const inMebibytes = (bytes: number) => `${bytes / 1024 / 1024} MiB`;
