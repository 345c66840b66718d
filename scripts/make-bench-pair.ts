/**
 * The compiling part of `scripts/make-bench-pair`: SOURCE_ARCHIVE [FOLDER]. Writes the files of a corpus pair, `orig.o`,
 * `patched.o`, `parent.symtab`, `Module.symvers` and `case.json`. Runs in the project's folder.
 */
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { execa } from 'execa';
import { compilerOfConfig } from '../src/kernel/compiler.js';
import { parseKernelConfig } from '../src/kernel/config.js';
import { readEntrySizes } from '../src/kernel/entry-sizes.js';
import { newestKernel } from '../test/boot/kernels.js';

const object = 'net/core/dev.o';
const source = 'net/core/dev.c';
const sectionFlags = 'KCFLAGS=-ffunction-sections -fdata-sections';

/** Two lines more in an early function: it changes, and every `__LINE__` below it moves. */
const change = {
  before: '\tif (len >= IFALIASZ)\n\t\treturn -EINVAL;\n',
  after: '\tif (len == IFALIASZ - 1)\n\t\treturn -E2BIG;\n\tif (len >= IFALIASZ)\n\t\treturn -EINVAL;\n',
};

const say = (text: string) => process.stdout.write(`${text}\n`);

const [archive, folder = '.build/bench-pair'] = process.argv.slice(2);
const kernel = newestKernel('6.1');
if (archive === undefined || kernel?.buildDirectory === undefined) {
  say(
    'This needs the archive of the source, and a 6.1 kernel with its headers (linux-image-amd64, linux-headers-amd64).',
  );
  process.exitCode = 2;
} else {
  const work = mkdtempSync(join(tmpdir(), 'kptool-bench-pair-'));
  try {
    await makePair({ archive, pair: resolve(folder), work, release: kernel.release, headers: kernel.buildDirectory });
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

interface Task {
  readonly archive: string;
  /** The folder for the result. */
  readonly pair: string;
  readonly work: string;
  readonly release: string;
  readonly headers: string;
}

async function makePair({ archive, pair, work, release, headers }: Task): Promise<void> {
  const configuration = `/boot/config-${release}`;
  const { program } = compilerOfConfig(parseKernelConfig(readFileSync(configuration, 'utf8')));
  say(`unpacking ${archive}`);
  await execa('tar', ['-xf', archive, '-C', work]);
  const tree = join(work, readdirSync(work)[0] ?? '');
  const make = (...words: string[]) =>
    execa('make', [`-j${availableParallelism()}`, `CC=${program}`, ...words], { cwd: tree });

  say(`preparing it as ${configuration} says`);
  copyFileSync(configuration, join(tree, '.config'));
  await make('olddefconfig');
  await make('modules_prepare');

  say(`compiling ${object}, twice`);
  mkdirSync(pair, { recursive: true });
  await make(object, sectionFlags);
  copyFileSync(join(tree, object), join(pair, 'orig.o'));
  changeSource(join(tree, source));
  await make(object, sectionFlags);
  copyFileSync(join(tree, object), join(pair, 'patched.o'));

  const sizes = await readEntrySizes({
    kernel: { release, buildDirectory: headers },
    compiler: { command: [program], versionText: '' },
    folder: join(work, 'probe'),
    cache: join(work, 'cache'),
  });
  const { stdout: symbols } = await execa('readelf', ['-s', '--wide', join(pair, 'orig.o')]);
  writeFileSync(join(pair, 'parent.symtab'), `${symbols}\n`);
  copyFileSync(join(headers, 'Module.symvers'), join(pair, 'Module.symvers'));
  const env = Object.fromEntries(Object.entries(sizes).map(([name, size]) => [name, String(size)]));
  writeFileSync(join(pair, 'case.json'), `${JSON.stringify({ parent: 'vmlinux', env }, undefined, 2)}\n`);
  say(`${pair} is there`);
}

/** Where the kernel's source has moved on, a pair without a change would measure nothing. */
function changeSource(file: string): void {
  const text = readFileSync(file, 'utf8');
  if (text.split(change.before).length !== 2) throw new Error(`${file} has not once the lines that are to be changed`);
  writeFileSync(file, text.replace(change.before, change.after));
}
