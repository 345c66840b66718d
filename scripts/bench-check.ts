/**
 * `npm run bench:check [-- ROUNDS]`: how long `kptool check` takes, against `node -e 0` and `git apply --check` of the same
 * patch: on the fixture with a patch of one file, and on a large part of the kernel's source (net/, 1,700 files, out of the
 * package linux-source) with a patch of ten files. All run in turn; elapsed times by their medians, CPU times by their means.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { newestKernel } from '../test/boot/kernels.js';

const archive = '/usr/src/linux-source-6.1.tar.xz';
/** Sources of different folders, each of which gets a new statement. */
const patchedSources = [
  ...['core/dev.c', 'core/skbuff.c', 'ipv4/tcp_input.c', 'ipv6/route.c', 'sctp/inqueue.c', 'bluetooth/hci_sock.c'],
  ...['netfilter/nft_masq.c', 'sched/sch_htb.c', 'wireless/nl80211.c', 'tipc/group.c'],
];
const rounds = Number(process.argv[2] ?? 5) || 5;
const say = (text: string) => process.stdout.write(`${text}\n`);
const work = mkdtempSync(join(tmpdir(), 'kptool-bench-check-'));

try {
  const kernel = newestKernel('6.1');
  if (kernel === undefined) say('There is no 6.1 kernel with its headers to check for.');
  else measureAll(kernel.release);
} finally {
  rmSync(work, { recursive: true, force: true });
}

function measureAll(release: string): void {
  const fixture = join(work, 'ib_mad');
  cpSync('fixtures/ib_mad', fixture, { recursive: true });
  measure('fixtures/ib_mad, a patch of one file', fixture, resolve('fixtures/patches/constant-changed.patch'), release);
  if (!existsSync(archive)) {
    say(`\nno kernel source: ${archive}`);
    return;
  }
  const source = join(work, 'net');
  execFileSync('tar', ['-xJf', archive, '-C', work, '--strip-components=1', 'linux-source-6.1/net']);
  measure('net/ of the kernel source, a patch of ten files', source, patchOf(source), release);
}

/** The patch changes the first statement `return -EINVAL;` of each source. */
function patchOf(tree: string): string {
  const patched = join(work, 'patched');
  for (const file of patchedSources) {
    const text = readFileSync(join(tree, file), 'utf8');
    cpSync(join(tree, file), join(patched, file));
    writeFileSync(join(patched, file), text.replace('return -EINVAL;', 'return -EPERM;'));
  }
  const hunks = patchedSources.map((file) => {
    const { stdout } = spawnSync(
      'diff',
      ['-u', '--label', `a/${file}`, '--label', `b/${file}`, `net/${file}`, `patched/${file}`],
      {
        cwd: work,
        encoding: 'utf8',
      },
    );
    return stdout;
  });
  const patch = join(work, 'ten-files.patch');
  writeFileSync(patch, hunks.join(''));
  return patch;
}

function measure(title: string, tree: string, patch: string, release: string): void {
  const check = ['dist/main.js', 'check', '--oot', tree, '--kernel', release, '--cache', join(work, 'cache'), patch];
  const commands = {
    'kptool check': () => spawnSync(process.execPath, check, { stdio: 'pipe' }),
    'git apply --check': () => spawnSync('git', ['apply', '--check', patch], { cwd: tree, stdio: 'pipe' }),
    'node -e 0': () => spawnSync(process.execPath, ['-e', '0']),
  };
  const elapsed = new Map<string, number[]>();
  const cpu = new Map<string, number[]>();
  for (let round = 0; round < rounds; round += 1) {
    for (const [name, run] of Object.entries(commands)) {
      const [start, before] = [performance.now(), childrenCpu()];
      const { status, stderr } = run();
      if (status !== 0) throw new Error(`${name} ended with ${status}: ${stderr}`);
      elapsed.set(name, [...(elapsed.get(name) ?? []), performance.now() - start]);
      cpu.set(name, [...(cpu.get(name) ?? []), childrenCpu() - before]);
    }
  }
  say(`\n${title}, rounds: ${rounds}`);
  tell('elapsed', elapsed, median);
  tell('CPU time', cpu, (values) => values.reduce((sum, value) => sum + value, 0) / values.length);
}

function tell(
  what: string,
  all: ReadonlyMap<string, readonly number[]>,
  typical: (values: readonly number[]) => number,
) {
  const own = typical(all.get('kptool check') ?? []);
  for (const [name, values] of all) {
    const time = typical(values);
    // Less than the clock's ten milliseconds.
    const times = time > 0 ? `${(own / time).toFixed(1)} times as long` : 'longer than can be told';
    const ratio = name === 'kptool check' ? '' : `  check takes ${times}`;
    say(`  ${what.padEnd(8)}  ${name.padEnd(18)} ${time.toFixed(0).padStart(6)} ms${ratio}`);
  }
}

function median(values: readonly number[]): number {
  return values.toSorted((left, right) => left - right)[Math.floor(values.length / 2)] ?? Number.NaN;
}

/** Milliseconds that the processes we waited for have computed, in steps of ten: only a mean tells (proc(5), `cutime`). */
function childrenCpu(): number {
  const fields = readFileSync('/proc/self/stat', 'utf8').split(') ')[1]?.split(' ') ?? [];
  return (Number(fields[13]) + Number(fields[14])) * 10;
}
