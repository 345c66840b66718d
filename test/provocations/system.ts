/** Bad input and bad machines for every code of `system`. None depends on who runs the tests: root may do more than users. */
import { mkdir, mkdtemp, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { systemMessages } from '../../src/diagnostics/system-messages.js';
import { writeBundleInto } from '../../src/pipeline/bundle/read-bundle.js';
import { copyTree } from '../../src/system/copy-tree.js';
import { readInput, writeOutputAtomically } from '../../src/system/files.js';
import { runProgram } from '../../src/system/run.js';
import { unpackArchive } from '../../src/system/tar-archive.js';
import { createWorkFolder, openWorkFolder } from '../../src/system/work-folder.js';
import { hostileArchives } from '../builders/hostile-archives.js';
import type { Provocations } from './provocation.js';

async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'kptool-provocation-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}
const node = (script: string) => ({ program: process.execPath, arguments: ['-e', script], directory: '/' });
const waitForEver = node('setInterval(() => {}, 1000)');

export const systemProvocations = {
  'program-missing': () => runProgram({ program: 'kptool-no-such-program', arguments: [], directory: '/' }),
  'program-cannot-run': async () => {
    const program = join(await temporaryFolder(), 'notes.txt');
    await writeFile(program, 'no program', { mode: 0o644 });
    return runProgram({ program, arguments: [], directory: '/' });
  },
  'program-killed': () => runProgram(node('process.kill(process.pid, "SIGKILL")')),
  'program-timeout': () => runProgram({ ...waitForEver, timeout: 200 }),
  interrupted: () => runProgram({ ...waitForEver, signal: AbortSignal.timeout(200) }),
  'input-missing': () => readInput('/kptool-no-such-folder/fix.patch'),
  'input-is-directory': () => readInput('/'),
  'input-unreadable': async () => {
    const path = join(await temporaryFolder(), 'circle');
    await symlink('circle', path);
    return readInput(path);
  },
  'input-tree-overlaps': async () => {
    const folder = await temporaryFolder();
    await mkdir(join(folder, 'tree'));
    return copyTree(join(folder, 'tree'), folder);
  },
  'input-link-too-large': async () => {
    const folder = await temporaryFolder();
    await mkdir(join(folder, 'tree'));
    // A hole, which takes no space on the disk.
    await writeFile(join(folder, 'huge'), '');
    await truncate(join(folder, 'huge'), 2 ** 40);
    await symlink('../huge', join(folder, 'tree', 'huge'));
    return copyTree(join(folder, 'tree'), join(folder, 'copy'));
  },
  'output-unwritable': () => writeOutputAtomically('/kptool-no-such-folder/livepatch.ko', 'bytes'),
  'disk-full': () => runProgram({ ...node('console.log("out")'), logFile: '/dev/full' }),
  'work-folder-unwritable': () => createWorkFolder('/dev/null/work', 'livepatch-fix'),
  'archive-unsafe': () => unpackArchive(hostileArchives['a symbolic link']?.() ?? Buffer.alloc(0), 'evil.tar.gz'),
  'archive-damaged': () => unpackArchive(Buffer.from('no archive'), 'notes.txt'),
  'output-not-empty': () => writeBundleInto('/', new Map()),
  'work-folder-in-use': async () => openWorkFolder((await createWorkFolder(await temporaryFolder(), 'fix')).path),
} satisfies Provocations<typeof systemMessages>;
