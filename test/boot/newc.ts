/**
 * Writes the archive from which a kernel makes its first file system: cpio, "new ASCII" format without checksums, as
 * Documentation/driver-api/early-userspace/buffer-format.rst of the kernel describes it.
 */

/** One file, folder or symbolic link of the archive. */
export type ArchiveEntry =
  | { readonly kind: 'file'; readonly path: string; readonly content: Uint8Array; readonly isExecutable?: boolean }
  | { readonly kind: 'folder'; readonly path: string }
  | { readonly kind: 'link'; readonly path: string; readonly target: string }
  | { readonly kind: 'console'; readonly path: string };

const fileTypeBits = { file: 0o100000, folder: 0o040000, link: 0o120000, console: 0o020000 } as const;

/** Entries of the archive start at multiples of this many bytes, and so does a file's content. */
const alignment = 4;

/**
 * The bytes of an archive that holds `entries` in this order, owned by root and with time 0, so that the same entries
 * give the same bytes. Paths are relative to the root, without a slash in front; folders must come before what is in
 * them. `console` is the character device 5:1, which the first process needs for its output.
 */
export function newcArchive(entries: readonly ArchiveEntry[]): Buffer {
  const parts = entries.flatMap((entry, index) => entryBytes(entry, index + 1));
  return Buffer.concat([...parts, ...recordBytes('TRAILER!!!', 0, 0, 1, Buffer.alloc(0))]);
}

function entryBytes(entry: ArchiveEntry, inode: number): Buffer[] {
  return recordBytes(
    entry.path,
    inode,
    fileTypeBits[entry.kind] | permissions(entry),
    1,
    content(entry),
    device(entry),
  );
}

function permissions(entry: ArchiveEntry): number {
  if (entry.kind === 'console') return 0o600;
  return entry.kind === 'file' && !entry.isExecutable ? 0o644 : 0o755;
}

function content(entry: ArchiveEntry): Uint8Array {
  if (entry.kind === 'file') return entry.content;
  return entry.kind === 'link' ? Buffer.from(entry.target) : Buffer.alloc(0);
}

function device(entry: ArchiveEntry): readonly [number, number] {
  return entry.kind === 'console' ? [5, 1] : [0, 0];
}

function recordBytes(
  path: string,
  inode: number,
  mode: number,
  links: number,
  data: Uint8Array,
  [major, minor]: readonly [number, number] = [0, 0],
): Buffer[] {
  const name = Buffer.from(`${path}\0`);
  const fields = [inode, mode, 0, 0, links, 0, data.length, 0, 0, major, minor, name.length, 0];
  const header = Buffer.from(`070701${fields.map(hexadecimal).join('')}`);
  return [padded(Buffer.concat([header, name])), padded(data)];
}

function hexadecimal(value: number): string {
  return value.toString(16).toUpperCase().padStart(8, '0');
}

function padded(bytes: Uint8Array): Buffer {
  return Buffer.concat([bytes, Buffer.alloc((alignment - (bytes.length % alignment)) % alignment)]);
}
