/** The file system that a guest starts with: busybox, our first process, and what the caller gives it. */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { gzipSync } from 'node:zlib';
import { commandFile, commandPath, type GuestCommand, guestFunctions, initScript } from './guest.js';
import { type ArchiveEntry, newcArchive } from './newc.js';

/** Path in the guest, without leading slash, to path here or content. */
export type GuestFiles = Readonly<Record<string, string | Uint8Array>>;

const busyboxPlaces = ['/bin/busybox', '/usr/bin/busybox'] as const;

export function hasStaticBusybox(): boolean {
  return busyboxPlaces.some((place) => existsSync(place));
}

/** The archive, packed, as the kernel takes it. */
export async function guestArchive(files: GuestFiles, commands: readonly GuestCommand[]): Promise<Uint8Array> {
  return gzipSync(newcArchive(await archiveEntries(files, commands)), { level: 1 });
}

async function archiveEntries(files: GuestFiles, commands: readonly GuestCommand[]): Promise<ArchiveEntry[]> {
  const busybox = busyboxPlaces.find((place) => existsSync(place));
  if (busybox === undefined) throw new Error('busybox-static is not installed');
  const entries: ArchiveEntry[] = [
    { kind: 'folder', path: 'dev' },
    { kind: 'console', path: 'dev/console' },
    { kind: 'folder', path: 'bin' },
    { kind: 'file', path: 'bin/busybox', content: await readFile(busybox), isExecutable: true },
    { kind: 'file', path: 'init', content: Buffer.from(initScript), isExecutable: true },
  ];
  const content = new Map<string, Uint8Array>([['lib/livepatch.sh', Buffer.from(guestFunctions)]]);
  for (const [name, source] of Object.entries(files)) {
    content.set(name, typeof source === 'string' ? await readFile(source) : source);
  }
  for (const [index, command] of commands.entries()) content.set(commandPath(index), Buffer.from(commandFile(command)));

  const folders = new Set(entries.filter((entry) => entry.kind === 'folder').map((entry) => entry.path));
  for (const [name, bytes] of content) {
    for (const folder of foldersOf(name)) {
      if (!folders.has(folder)) entries.push({ kind: 'folder', path: folder });
      folders.add(folder);
    }
    entries.push({ kind: 'file', path: name, content: bytes });
  }
  return entries;
}

/** a/b/c -> a, a/b */
function foldersOf(name: string): string[] {
  const parts = name.split('/').slice(0, -1);
  return parts.map((_, index) => parts.slice(0, index + 1).join('/'));
}
