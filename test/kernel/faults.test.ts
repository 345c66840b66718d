/**
 * Machines and users that do what they should not, while a build runs: a bundle is left that fails elsewhere as the build did,
 * or the build comes out as if nothing were the matter.
 */
import {
  chmod,
  cp,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  realpath,
  rm,
  symlink,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import path from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { digestTree, setUpWorkbench, twoAtATime, type Workbench } from './builds.js';
import { type CliRun, program, runBuild } from './command-line.js';
import { replayElsewhere, replayOf } from './replay.js';
import { findTestKernel } from './requirements.js';
import { fixtures } from './scenario.js';

const { kernel, missing } = findTestKernel();
const needs = missing.length === 0 ? '' : ` (skipped: needs ${missing.join(', ')})`;
const user = 'zoe-the-private';
const patchOf = (name: string) => path.join(fixtures, `patches/${name}.patch`);
const constantChanged = patchOf('constant-changed');

/** Whether folders can be mounted here, which a full disk and a read-only folder are made of. */
const canMount = async () => (await execa('unshare', ['--mount', 'true'], { reject: false })).exitCode === 0;

describe.skipIf(kernel === undefined)(`faults${needs}`, () => {
  let folder = '';
  let bench: Workbench;
  let digest: readonly string[] = [];

  beforeAll(async () => {
    if (kernel === undefined) return;
    folder = await mkdtemp(path.join(tmpdir(), 'kptool-faults-'));
    bench = await setUpWorkbench(folder, kernel);
    digest = await digestTree(bench.tree);
  });

  afterAll(async () => {
    if (folder !== '') await rm(folder, { recursive: true, force: true });
  });

  const environment = () => ({ HOME: folder, USER: user, LOGNAME: user });

  async function place(name: string): Promise<string> {
    const output = path.join(folder, 'outputs', name);
    await mkdir(output, { recursive: true });
    return output;
  }

  const wordsFor = (output: string, tree = bench.tree, cache = path.join(folder, 'cache')) => [
    ...['--oot', tree, '--kernel', bench.kernel.release, '--cache', cache],
    ...['--output', output, '--bundle', output],
  ];

  async function build(name: string, ...words: string[]): Promise<CliRun> {
    return runBuild([...wordsFor(await place(name)), ...words], environment());
  }

  /** A compiler that does `what` when it is to compile ib_cm_stats.c, before or in place of compiling it. */
  async function compiler(name: string, what: string): Promise<string> {
    const script = path.join(folder, name);
    const text = `#!/bin/sh\ncase " $* " in *" -c "*/ib_cm_stats.c*) ${what} ;; esac\nexec gcc-12 "$@"\n`;
    await writeFile(script, text);
    await chmod(script, 0o755);
    return `CC=${script}`;
  }

  /** A patch that makes `lines` the body of stats_load_percent. */
  async function patchWith(name: string, lines: readonly string[]): Promise<string> {
    const file = path.join(folder, `${name}.patch`);
    const head = ['--- a/ib_cm_stats.c', '+++ b/ib_cm_stats.c', `@@ -17,7 +17,${6 + lines.length} @@`];
    const before = [' ', ' static noinline unsigned int stats_load_percent(unsigned int used)', ' {'];
    const changed = ['-\treturn used * 100 / 8;', ...lines.map((line) => `+\t${line}`)];
    await writeFile(
      file,
      [
        ...head,
        ...before,
        ...changed,
        ' }',
        ' ',
        ' static noinline void state_line(struct seq_file *m, enum cm_state state)',
        '',
      ].join('\n'),
    );
    return file;
  }

  /** The bundle fails elsewhere as the build did, and says nothing of who wrote it. */
  async function expectBundle({ document, messages }: CliRun, wanted: { code: string; step: string; way: string }) {
    expect(document.bundle, messages).not.toBeNull();
    const places = [
      [path.join(path.dirname(document.bundle ?? ''), 'cache'), '<cache>'],
      [path.join(folder, 'cache'), '<cache>'],
      [path.join(path.dirname(document.bundle ?? ''), 'result'), '<output>'],
      [path.dirname(document.bundle ?? ''), '<output>'],
      [bench.tree, '<tree>'],
      [await realpath(bench.kernel.buildDirectory), '<kernel>'],
      [folder, '<home>'],
    ] as const;
    const { then, now, ...ended } = await replayOf(document, places);
    expect(now).toEqual(then);
    expect({ code: then[0], ...ended }).toEqual({ ...wanted, outcome: 'reproduced', exitStatus: 0 });
    await expectAnonymous(document.bundle ?? '');
    expect(await digestTree(bench.tree)).toEqual(digest);
  }

  async function expectAnonymous(bundle: string): Promise<void> {
    const unpacked = await mkdtemp(path.join(folder, 'unpacked-'));
    await execa('tar', ['-xzf', bundle, '-C', unpacked]);
    const secrets = [folder, user, ...(hostname().length > 2 ? [hostname()] : [])];
    const found = await execa('grep', ['-rlaF', ...secrets.flatMap((secret) => ['-e', secret]), '.'], {
      cwd: unpacked,
      reject: false,
    });
    expect(found.stdout).toBe('');
    expect((await readdir(unpacked)).length).toBeGreaterThan(3);
  }

  describe('leave a bundle:', () => {
    test('a compiler that crashes', async () => {
      const run = await build('crash', '--make-arg', await compiler('crashing', 'kill -SEGV $$'), constantChanged);
      await expectBundle(run, { code: 'make-failed', step: 'original', way: 'judged' });
    });

    test('make that hangs', async () => {
      const hanging = await compiler('hanging', 'sleep 600');
      const run = await build('hang', '--timeout', '5', '--make-arg', hanging, constantChanged);
      expect(run.exitStatus).toBe(2);
      await expectBundle(run, { code: 'program-timeout', step: 'original', way: 'worded' });
    });

    test('a patch that does not compile', async () => {
      const broken = await patchWith('broken', ['return min(used * 100, undeclared);']);
      const run = await build('broken', broken);
      expect(run.document.diagnostics.at(-1)?.details[0]).toMatch(/^ib_cm_stats\.c:\d+:\d+: error: /);
      await expectBundle(run, { code: 'compile-failed', step: 'patched', way: 'judged' });
    });

    test('the same with preprocessed sources is compiled again, with errors at the same columns', async () => {
      const run = await build('broken-full', '--bundle-full', path.join(folder, 'broken.patch'));
      await expectBundle(run, { code: 'compile-failed', step: 'patched', way: 'compiled' });
      const { outcome, reproduced } = await replayElsewhere(run.document.bundle ?? '', '--step', 'original');
      expect({ outcome, way: reproduced.way, replayed: reproduced.replayed }).toEqual({
        ...{ outcome: 'reproduced', way: 'compiled', replayed: [] },
      });
    });

    test('a function that nobody defines', async () => {
      const lines = ['extern unsigned int defined_nowhere(unsigned int used);', 'return defined_nowhere(used);'];
      const run = await build('undefined', await patchWith('undefined', lines));
      await expectBundle(run, { code: 'livepatch-undefined-symbols', step: 'module', way: 'judged' });
    });

    test('a disk that is full', async ({ skip }) => {
      skip(!(await canMount()), 'needs the right to mount');
      const output = await place('full');
      const cache = path.join(output, 'cache');
      await mkdir(cache);
      const run = await buildInShell(output, `mount -t tmpfs -o size=400k none ${cache} && exec "$@"`, constantChanged);
      expect(run.exitStatus).toBe(2);
      const { step, way } = (await replayElsewhere(run.document.bundle ?? 'none')).reproduced;
      await expectBundle(run, { code: 'disk-full', step, way });
    });

    test('an output folder that becomes read-only', async ({ skip }) => {
      skip(!(await canMount()), 'needs the right to mount');
      const output = await place('read-only');
      const result = path.join(output, 'result');
      await mkdir(result);
      const script = `mount -t tmpfs none ${result}
        "$@" --output ${result} & until ls ${output}/cache/work/*/4-module >/dev/null 2>&1; do sleep 0.1; done
        mount -o remount,ro ${result}; wait $!`;
      const run = await buildInShell(output, script, constantChanged);
      expect(run.exitStatus).toBe(2);
      await expectBundle(run, { code: 'output-unwritable', step: 'finish', way: 'worded' });
      // What the step computes came to a good end, and does so elsewhere.
      const { outcome, reproduced } = await replayElsewhere(run.document.bundle ?? '', '--step', 'diff');
      expect({ outcome, way: reproduced.way }).toEqual({ outcome: 'reproduced', way: 'computed' });
    });

    /** kptool with `words`, started by a shell script that may mount what only it sees. */
    async function buildInShell(output: string, script: string, ...words: string[]): Promise<CliRun> {
      const common = wordsFor(output, bench.tree, path.join(output, 'cache')).filter(
        (word, at, all) => word !== '--output' && all[at - 1] !== '--output',
      );
      const all = [
        'node',
        program,
        'build',
        '--json',
        ...common,
        ...(script.includes('--output') ? [] : ['--output', output]),
      ];
      const { stdout, stderr, exitCode } = await execa(
        'unshare',
        ['--mount', 'sh', '-c', script, 'sh', ...all, ...words],
        {
          cwd: folder,
          env: environment(),
          reject: false,
          stdin: 'ignore',
        },
      );
      return { exitStatus: exitCode, document: JSON.parse(stdout), messages: stderr };
    }
  });

  describe('do no harm:', () => {
    const names = ['constant-changed', 'printk-added', 'string-changed', 'header-inline-changed'];
    let runs: CliRun[] = [];
    let reference: Buffer;

    beforeAll(async () => {
      const different = names.map((name) => build('at once', '--name', name, patchOf(name)));
      const same = build('at once', '--name', 'constant-changed', constantChanged);
      runs = await Promise.all([...different, same]);
      reference = await livepatch(await build('alone', '--name', 'constant-changed', constantChanged));
    });

    async function livepatch({ document, messages }: CliRun): Promise<Buffer> {
      if (document.file === null) throw new Error(messages);
      return readFile(document.file);
    }

    test('four builds of different patches at once, and two of the same, into one folder', async () => {
      expect(runs.map(({ document }) => document.outcome)).toEqual(runs.map(() => 'built'));
      const [first, , , , last] = runs;
      expect(first?.document.file).toBe(last?.document.file);
      for (const run of [first, last]) expect(run && (await livepatch(run)).equals(reference)).toBe(true);
      expect(await digestTree(bench.tree)).toEqual(digest);
    });

    test('a clock that goes backwards between the two sides, and sources of the future', async () => {
      const tree = path.join(folder, 'future');
      await cp(bench.tree, tree, { recursive: true });
      const future = new Date(Date.now() + 10 * 365 * 86_400_000);
      for (const entry of await readdir(tree)) await utimes(path.join(tree, entry), future, future);
      // The object seems to be a day younger than the patched source, which comes afterwards.
      const object = 'before=; for word; do case $before in -o) touch -d "+1 day" "$word" ;; esac; before=$word; done';
      const touchingLater = `gcc-12 "$@" || exit 1; ${object}; exit 0`;
      const late = await compiler('late', touchingLater);
      const dated = await twoAtATime([
        () => build('late', '--name', 'constant-changed', '--make-arg', late, constantChanged),
        async () =>
          runBuild(
            [...wordsFor(await place('future'), tree), '--name', 'constant-changed', constantChanged],
            environment(),
          ),
      ]);
      for (const run of dated) expect((await livepatch(run)).equals(reference)).toBe(true);
    });

    test('a tree behind a link, in a folder with blanks and letters of other languages', async () => {
      const parent = path.join(folder, 'Bäume und Wälder', '树');
      await mkdir(parent, { recursive: true });
      await cp(bench.tree, path.join(parent, 'ib mad'), { recursive: true });
      const link = path.join(folder, 'a link');
      await symlink(path.join(parent, 'ib mad'), link);
      const output = await place('a place');
      const run = await runBuild(
        [...wordsFor(output, link), '--name', 'constant-changed', constantChanged],
        environment(),
      );
      expect((await livepatch(run)).equals(reference)).toBe(true);
      // A failure there leaves a bundle, too.
      const failed = await runBuild(
        [...wordsFor(await place('another place'), link), patchOf('data-initial-value')],
        environment(),
      );
      const { then, now } = await replayOf(failed.document);
      expect(now).toEqual(then);
      expect(then[0]).toBe('data-changed');
      await expectAnonymous(failed.document.bundle ?? '');
    });
  });
});
