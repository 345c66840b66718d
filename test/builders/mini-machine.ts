/**
 * A machine in miniature to run kptool on: headers, symbols and a source of a kernel of a few files, for builds that end
 * before anything is linked. What is compiled is compiled by the real compiler.
 */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { execa } from 'execa';
import { entrySizesFile } from '../../src/kernel/entry-sizes.js';
import { neededFiles } from '../../src/kernel/headers.js';
import { miniKernel, writeTree } from './mini-kernel.js';

export const release = '6.1.0-13-amd64';

const options = ['X86_64', 'LIVEPATCH', 'MODULES', 'SYSFS', 'KALLSYMS_ALL', 'DYNAMIC_FTRACE_WITH_REGS', 'STACKTRACE'];

export interface MiniMachine {
  readonly folder: string;
  /** The kernel's source, in a folder of an odd name. */
  readonly source: string;
  readonly cache: string;
  /** A patch to the first two lines of fs/stat.c, of which `from` is the first one. */
  patch(name: string, change: { readonly from: string; readonly to: string; readonly after?: string }): Promise<string>;
  /** For `kptool build` and `check`, but for where the source is. */
  words(...more: string[]): string[];
  remove(): Promise<void>;
}

/** The second line of fs/stat.c. */
const second = 'int stat_show(void) { return stat_value + 3; }';

/** The source is in a folder called `name`. */
export async function setUpMiniMachine(name = 'linux-6.1'): Promise<MiniMachine> {
  const folder = await mkdtemp(path.join(tmpdir(), 'kptool-mini-machine-'));
  const [source, headers, cache] = [name, 'headers', 'cache'].map((part) => path.join(folder, part)) as [
    string,
    string,
    string,
  ];
  await writeTree(source, { ...miniKernel, 'fs/stat.c': `int stat_value = 7;\n${second}\n` });
  const version = (await execa('gcc', ['--version'])).stdout.split('\n')[0] ?? '';
  const config = options.map((option) => `CONFIG_${option}=y\n`).join('');
  await writeTree(headers, {
    ...Object.fromEntries(neededFiles.map((file) => [file, ''])),
    '.config': `${config}CONFIG_HAVE_RELIABLE_STACKTRACE=y\nCONFIG_CC_VERSION_TEXT="${version}"\n`,
    'include/generated/utsrelease.h': `#define UTS_RELEASE "${release}"\n`,
  });
  const others = Array.from(
    { length: 200 },
    (_, index) => `ffffffff82${index.toString(16).padStart(6, '0')} t other_${index}\n`,
  );
  const symbols = ['ffffffff81000000 T stat_show\n', 'ffffffff83000000 D stat_value\n'];
  await writeFile(path.join(folder, 'System.map'), [symbols[0], ...others, symbols[1]].join(''));
  // Asked of the compiler with the real headers of a kernel otherwise.
  await mkdir(cache);
  const compiler = { command: ['gcc'], versionText: version };
  const sizes = {
    ALT_STRUCT_SIZE: 12,
    BUG_STRUCT_SIZE: 12,
    EX_STRUCT_SIZE: 12,
    JUMP_STRUCT_SIZE: 16,
    ORC_STRUCT_SIZE: 6,
  };
  const question = { kernel: { release, buildDirectory: headers }, compiler, cache };
  await writeFile(await entrySizesFile(question), JSON.stringify(sizes));
  return {
    folder,
    source,
    cache,
    async patch(called, { from, to, after = second }) {
      const file = path.join(folder, `${called}.patch`);
      const head = '--- a/fs/stat.c\n+++ b/fs/stat.c\n@@ -1,2 +1,2 @@\n';
      await writeFile(file, `${head}-${from}\n+${to}\n ${after}\n`);
      return file;
    },
    words: (...more) => [
      ...[
        '--kernel',
        release,
        '--build-directory',
        headers,
        '--vmlinux',
        path.join(folder, 'System.map'),
        '--cache',
        cache,
      ],
      ...['--make-arg', 'CC=gcc', ...more],
    ],
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}
