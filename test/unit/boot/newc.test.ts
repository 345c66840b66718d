import { mkdtempSync, readFileSync, readlinkSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { execaSync } from 'execa';
import { describe, expect, test } from 'vitest';
import { type ArchiveEntry, newcArchive } from '../../boot/newc.js';

const entries: readonly ArchiveEntry[] = [
  { kind: 'folder', path: 'bin' },
  { kind: 'file', path: 'bin/run', content: Buffer.from('#!\n'), isExecutable: true },
  { kind: 'link', path: 'sh', target: 'bin/run' },
  { kind: 'file', path: 'five', content: Buffer.from('12345') },
];

/** Header fields of the record at `offset`, by the places that the format gives them. */
function record(archive: Buffer, offset: number): { path: string; mode: number; size: number; next: number } {
  const field = (index: number) =>
    Number.parseInt(archive.toString('latin1', offset + 6 + 8 * index, offset + 14 + 8 * index), 16);
  const nameEnd = offset + 110 + field(11);
  const start = Math.ceil(nameEnd / 4) * 4;
  return {
    path: archive.toString('latin1', offset + 110, nameEnd - 1),
    mode: field(1),
    size: field(6),
    next: Math.ceil((start + field(6)) / 4) * 4,
  };
}

describe('newcArchive', () => {
  test('writes every entry and the trailer, aligned to four bytes', () => {
    const archive = newcArchive(entries);
    const seen: string[] = [];
    for (let offset = 0; offset < archive.length; ) {
      expect(archive.toString('latin1', offset, offset + 6)).toBe('070701');
      const { path: name, mode, size, next } = record(archive, offset);
      seen.push(`${name} ${mode.toString(8)} ${size}`);
      offset = next;
    }
    expect(seen).toEqual(['bin 40755 0', 'bin/run 100755 3', 'sh 120755 7', 'five 100644 5', 'TRAILER!!! 0 0']);
  });

  test('numbers the files, or the kernel would take them for hard links', () => {
    const archive = newcArchive(entries);
    const inodes: string[] = [];
    for (let offset = 0; offset < archive.length; offset = record(archive, offset).next) {
      inodes.push(archive.toString('latin1', offset + 6, offset + 14));
    }
    expect(new Set(inodes).size).toBe(entries.length + 1);
  });

  test('gives the console its device number', () => {
    const archive = newcArchive([{ kind: 'console', path: 'dev/console' }]).toString('latin1');
    expect(archive.slice(14, 22)).toBe('00002180');
    expect(archive.slice(78, 94)).toBe('0000000500000001');
  });

  test('gives the same bytes for the same entries', () => {
    expect(newcArchive(entries).equals(newcArchive(entries))).toBe(true);
  });

  const hasCpio = execaSync('cpio', ['--version'], { reject: false }).exitCode === 0;
  test.skipIf(!hasCpio)('is unpacked by cpio (skipped without cpio)', () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'kptool-newc-'));
    try {
      writeFileSync(path.join(folder, 'archive'), newcArchive(entries));
      execaSync('cpio', ['--extract', '--quiet', '--file', 'archive'], { cwd: folder });
      expect(readFileSync(path.join(folder, 'five'), 'utf8')).toBe('12345');
      expect(statSync(path.join(folder, 'bin/run')).mode & 0o777).toBe(0o755);
      expect(readlinkSync(path.join(folder, 'sh'))).toBe('bin/run');
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
