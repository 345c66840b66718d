/**
 * `npm run bench:diff [-- ROUNDS]`: how fast the comparison is.
 *
 * - All pairs of the corpus (`KPTOOL_CORPUS`) in one process.
 * - A large object made in code, and one of half its size: with twice the work in more than about twice the time, a pass
 *   would be quadratic.
 * - A real large object, net/core/dev.o of Debian's kernel with its debug data: what `scripts/make-bench-pair` has made,
 *   or the folder `KPTOOL_BENCH_PAIR` with the files of a corpus pair.
 * - A symbol table of 130,000 symbols: reading it, and a question about a name that has many namesakes in it.
 * - `kptool create-diff-object` on a small pair from the shell, against `node -e 0`. CPU time counts too, since it does not
 *   grow with what else the machine does.
 *
 * Where `KPTOOL_REFERENCE_CDO` names a create-diff-object to compare with, it is run in turn with kptool, and the ratio of
 * the times is told. Medians count.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import type { EntrySizes } from '../src/arch/arch.js';
import { KptoolError } from '../src/diagnostics/diagnostic.js';
import { STT } from '../src/elf/constants.js';
import { readElf } from '../src/elf/read.js';
import { writeElf } from '../src/elf/write.js';
import { parseSymvers } from '../src/kernel/symvers.js';
import { encodeIntermediate } from '../src/livepatch/encode-intermediate.js';
import { createLookup } from '../src/lookup/create-lookup.js';
import { indexExports } from '../src/lookup/exports.js';
import { parseReadelfSymbols } from '../src/lookup/readelf-symbols.js';
import type { TouchedCode } from '../src/patch/touched-code.js';
import { diffPair } from '../src/pipeline/diff-pair.js';
import { largeObject, largeSymbolTable, symbolTableWithNamesakes } from '../test/builders/large-object.js';
import { corpusFolder } from '../test/corpus/corpus.js';

/** A folder with `orig.o`, `patched.o`, `parent.symtab` and perhaps `Module.symvers`, and what the kernel is like. */
interface Pair {
  readonly folder: string;
  readonly parent: string;
  readonly env: Readonly<Record<string, string>>;
}

const reference = process.env.KPTOOL_REFERENCE_CDO;
const work = mkdtempSync(join(tmpdir(), 'kptool-bench-diff-'));
/** Stands in for the `Module.symvers` of a pair that has none. */
const noExports = join(work, 'Module.symvers');
writeFileSync(noExports, '');
const say = (text: string) => process.stdout.write(`${text}\n`);

/** What a patch that changes functions only asks of the rules, and one that may change types. */
const nothingElse: TouchedCode = {
  ...{ functions: new Set(), headerFunctions: new Set(), users: new Set(), touchesMore: false, mayChangeTypes: false },
};
const perhapsTypes: TouchedCode = { ...nothingElse, touchesMore: true, mayChangeTypes: true };

try {
  const rounds = roundsGiven();
  say(
    `${cpus()[0]?.model ?? 'unknown CPU'}, Node ${process.version}, rounds: ${rounds}, reference: ${reference ?? 'none'}`,
  );
  const corpus = corpusPairs();
  if (corpus.length === 0) say('no corpus: KPTOOL_CORPUS names no folder');
  else measure(`${corpus.length} pairs of the corpus`, corpus, rounds);

  for (const changed of ['one', 'all'] as const) {
    const [half, whole] = [largePair(10_000, 65_000, changed), largePair(20_000, 130_000, changed)];
    say(
      `\n10,000 functions with ten relocations each and 65,000 symbols in the target, ${changed} changed; and twice as much`,
    );
    measureDoubling(half, whole, rounds);
  }

  const real = process.env.KPTOOL_BENCH_PAIR ?? '.build/bench-pair';
  if (existsSync(join(real, 'case.json'))) {
    measure(`the real pair in ${real}`, [readPair(real)], rounds);
    measureRules(readPair(real), rounds);
  } else say(`\nno real large object: scripts/make-bench-pair makes ${real}`);
  measureTables(rounds);
  measureStart(corpus[0] ?? largePair(10, 100, 'one'), rounds);
} finally {
  rmSync(work, { recursive: true, force: true });
}

function roundsGiven(): number {
  const given = Number(process.argv[2] ?? 5);
  return Number.isInteger(given) && given > 0 ? given : 5;
}

/** Those of x86-64, the smallest object first. */
function corpusPairs(): Pair[] {
  const folder = join(corpusFolder() ?? '', 'x86_64');
  if (!existsSync(folder)) return [];
  const sizeOf = (pair: Pair) => readFileSync(join(pair.folder, 'orig.o')).length;
  return readdirSync(folder)
    .map((name) => readPair(join(folder, name)))
    .sort((one, other) => sizeOf(one) - sizeOf(other));
}

function readPair(folder: string): Pair {
  const { parent, env } = JSON.parse(readFileSync(join(folder, 'case.json'), 'utf8')) as Omit<Pair, 'folder'>;
  return { folder, parent, env };
}

function largePair(functions: number, symbols: number, which: 'one' | 'all'): Pair {
  const changed = which === 'all' ? which : functions / 2 + 1;
  const folder = mkdtempSync(join(work, 'large-'));
  writeFileSync(join(folder, 'orig.o'), largeObject({ functions }));
  writeFileSync(join(folder, 'patched.o'), largeObject({ functions, changed }));
  writeFileSync(join(folder, 'parent.symtab'), largeSymbolTable(functions, symbols));
  writeFileSync(join(folder, 'Module.symvers'), '0x00000000\tprint\tvmlinux\tEXPORT_SYMBOL\t\n');
  return { folder, parent: 'vmlinux', env: { BUG_STRUCT_SIZE: '12' } };
}

/** Tells the times of all pairs together, in turn with the reference; kptool's median in milliseconds. */
function measure(title: string, pairs: readonly Pair[], rounds: number): number {
  const own: number[] = [];
  const theirs: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    own.push(timed(() => each(pairs, compare)));
    if (reference !== undefined) theirs.push(timed(() => each(pairs, (pair) => spawn(reference, [], pair))));
  }
  say(`\n${title}`);
  say(`  kptool, in one process  ${milliseconds(own)}`);
  if (theirs.length > 0) say(`  reference               ${milliseconds(theirs)}\n  ratio ${ratio(own, theirs)}`);
  return median(own);
}

/** Side by side, so that whatever else the machine does meets both. CPU time of this process. */
function measureDoubling(half: Pair, whole: Pair, rounds: number): void {
  const halves: number[] = [];
  const wholes: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    for (const [times, pair] of [
      [halves, half],
      [wholes, whole],
    ] as const) {
      const start = process.cpuUsage();
      compare(pair);
      times.push(cpuSince(start));
    }
  }
  const ratios = wholes.map((time, round) => time / (halves[round] ?? Number.NaN));
  say(`  CPU time, the half  ${milliseconds(halves)}`);
  say(`  CPU time, the whole ${milliseconds(wholes)}`);
  say(`  twice the size takes ${median(ratios).toFixed(2)} times as long`);
}

/** In turn with the comparison alone; CPU time of this process. */
function measureRules(pair: Pair, rounds: number): void {
  const ways = [undefined, nothingElse, perhapsTypes];
  const times = ways.map((): number[] => []);
  for (let round = 0; round < rounds; round += 1) {
    for (const [index, touched] of ways.entries()) {
      const start = process.cpuUsage();
      compare(pair, touched);
      times[index]?.push(cpuSince(start));
    }
  }
  const [alone = [], functions = [], types = []] = times;
  say(`  CPU time, alone           ${milliseconds(alone)}`);
  say(`  with the rules, as in a build whose patch changes functions only, ${ratio(functions, alone)} times as long`);
  say(`  and with the types of both sides compared                         ${ratio(types, alone)} times as long`);
}

/**
 * As `kptool create-diff-object` does it, from the files to the bytes of the result; with the rules of a build, where
 * `touched` says what the patch touches.
 */
function compare({ folder, parent, env }: Pair, touched?: TouchedCode): void {
  const symvers = join(folder, 'Module.symvers');
  try {
    const outcome = diffPair({
      original: readFileSync(join(folder, 'orig.o')),
      patched: readFileSync(join(folder, 'patched.o')),
      objectName: 'orig.o',
      target: parent,
      table: parseReadelfSymbols(readFileSync(join(folder, 'parent.symtab'), 'utf8'), 'parent.symtab'),
      exports: indexExports(parseSymvers(existsSync(symvers) ? readFileSync(symvers, 'utf8') : '', symvers)),
      entrySizes: Object.fromEntries(Object.entries(env).map(([name, size]) => [name, Number(size)])) as EntrySizes,
      ...(touched === undefined ? {} : { rules: { touched, changedExports: [] } }),
    });
    if (outcome.kind === 'unchanged') return;
    encodeIntermediate(outcome.diff.object, outcome.parts, outcome.diff.arch.absolute64);
    writeElf(outcome.diff.object);
  } catch (error) {
    // Some pairs are there to be refused.
    if (!(error instanceof KptoolError)) throw error;
  }
}

/** The target's side: once per target and build, and once per name. */
function measureTables(rounds: number): void {
  say('\na symbol table of vmlinux, as text; an object of 400 functions, 18 of them with many namesakes');
  const answers = [65_000, 130_000].map((symbols) => {
    const tables = Array.from({ length: rounds }, () => measureTable(symbols));
    const parts = (key: keyof TableCost) => tables.map((cost) => cost[key]);
    say(`  ${symbols.toLocaleString('en')} symbols, read       ${milliseconds(parts('read'))} of CPU time`);
    say(`  ${symbols.toLocaleString('en')} symbols, kept       ${median(parts('kept')).toFixed(0)} MiB`);
    say(`  ${symbols.toLocaleString('en')} symbols, an answer  ${microseconds(parts('unique'))} for a unique name`);
    say(
      `  ${symbols.toLocaleString('en')} symbols, an answer  ${microseconds(parts('ambiguous'))} for one with namesakes`,
    );
    return { unique: median(parts('unique')), ambiguous: median(parts('ambiguous')) };
  });
  const [half, whole] = answers;
  if (half === undefined || whole === undefined) return;
  say(
    `  in twice the table an answer takes ${(whole.unique / half.unique).toFixed(2)} times as long for a unique name,`,
  );
  say(`  and ${(whole.ambiguous / half.ambiguous).toFixed(2)} times for one with twice as many namesakes`);
}

interface TableCost {
  /** Milliseconds of CPU time. */
  readonly read: number;
  /** MiB that stay in use. */
  readonly kept: number;
  /** Milliseconds an answer. */
  readonly unique: number;
  readonly ambiguous: number;
}

function measureTable(symbols: number): TableCost {
  const functions = 400;
  const ambiguous = 20;
  const text = symbolTableWithNamesakes(functions, symbols, ambiguous);
  const original = readElf(largeObject({ functions }), 'large.o');
  const before = heapInUse();
  const start = process.cpuUsage();
  const table = parseReadelfSymbols(text, 'parent.symtab');
  const read = cpuSince(start);
  const kept = (heapInUse() - before) / 2 ** 20;
  const lookup = createLookup({ objectName: 'vmlinux', original, table, exports: indexExports([]) });
  const isLocal = (number: number) => number % 10 !== 0;
  const numbers = Array.from({ length: functions }, (_, number) => number).filter(isLocal);
  const ask = (which: readonly number[]) => {
    const from = process.cpuUsage();
    for (const number of which) {
      const answer = lookup.local(`function_${number}`, STT.FUNC);
      if (answer.kind !== 'found') throw new Error(`function_${number} was not found: ${answer.kind}`);
    }
    return cpuSince(from) / which.length;
  };
  const [few, many] = [numbers.filter((number) => number < ambiguous), numbers.filter((number) => number >= ambiguous)];
  // The first question of a kind indexes the object.
  ask([...few.slice(0, 1), ...many]);
  return { read, kept, unique: ask(Array.from({ length: 20 }, () => many).flat()), ambiguous: ask(few) };
}

/** After a collection, where Node lets us ask for one (`--expose-gc`). */
function heapInUse(): number {
  globalThis.gc?.();
  return process.memoryUsage().heapUsed;
}

function measureStart(pair: Pair, rounds: number): void {
  const commands = {
    'kptool create-diff-object': () => spawn(process.execPath, ['dist/main.js', 'create-diff-object'], pair),
    'node -e 0': () => void spawnSync(process.execPath, ['-e', '0']),
    ...(reference === undefined ? {} : { reference: () => spawn(reference, [], pair) }),
  };
  const elapsed = new Map<string, number[]>();
  const cpu = new Map<string, number[]>();
  const add = (times: Map<string, number[]>, name: string, value: number) =>
    times.set(name, [...(times.get(name) ?? []), value]);
  for (let round = 0; round < 4 * rounds; round += 1) {
    for (const [name, run] of Object.entries(commands)) {
      const before = childrenCpu();
      add(elapsed, name, timed(run));
      add(cpu, name, childrenCpu() - before);
    }
  }
  say(`\na small pair from the shell: ${pair.folder}`);
  tellStart('elapsed', elapsed, median);
  tellStart('CPU time', cpu, mean);
}

function tellStart(what: string, times: ReadonlyMap<string, number[]>, typical: (values: number[]) => number): void {
  for (const [name, values] of times) say(`  ${what.padEnd(8)}  ${name.padEnd(25)}  ${typical(values).toFixed(0)} ms`);
  const [own, bare] = [typical(times.get('kptool create-diff-object') ?? []), typical(times.get('node -e 0') ?? [])];
  say(
    `  ${what.padEnd(8)}  kptool against bare Node   ${(own - bare).toFixed(0)} ms more, ${(own / bare).toFixed(2)} times`,
  );
}

/** Milliseconds that the processes we waited for have computed, in steps of ten: only a mean tells (proc(5), `cutime`). */
function childrenCpu(): number {
  const fields = readFileSync('/proc/self/stat', 'utf8').split(') ')[1]?.split(' ') ?? [];
  return (Number(fields[13]) + Number(fields[14])) * 10;
}

/** A process of its own; that it refuses the pair (1; the reference 2, too) or finds no change (3) is well. */
function spawn(program: string, words: readonly string[], { folder, parent, env }: Pair): void {
  const file = (name: string) => join(folder, name);
  const symvers = existsSync(file('Module.symvers')) ? file('Module.symvers') : noExports;
  const operands = [file('orig.o'), file('patched.o'), parent, file('parent.symtab'), symvers, 'bench'];
  const { status, error, stderr } = spawnSync(program, [...words, ...operands, join(work, 'output.o')], {
    env: { ...process.env, ...env },
    encoding: 'utf8',
  });
  if (error !== undefined) throw error;
  const refusals = program === reference ? [1, 2] : [1];
  if (![0, 3, ...refusals].includes(status ?? -1)) throw new Error(`${program} ended with ${status}:\n${stderr}`);
}

function each(pairs: readonly Pair[], run: (pair: Pair) => void): void {
  for (const pair of pairs) run(pair);
}

/** Milliseconds. */
function timed(run: () => unknown): number {
  const start = performance.now();
  run();
  return performance.now() - start;
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((left, right) => left - right);
  const middle = sorted.length / 2;
  const upper = sorted[Math.floor(middle)] ?? Number.NaN;
  return Number.isInteger(middle) ? ((sorted[middle - 1] ?? Number.NaN) + upper) / 2 : upper;
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** Of our own CPU time, since `start`. */
function cpuSince(start: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(start);
  return (user + system) / 1000;
}

function microseconds(values: readonly number[]): string {
  return `${(median(values) * 1000).toFixed(0)} µs`;
}

function milliseconds(values: readonly number[]): string {
  return `${median(values).toFixed(0)} ms  (${Math.min(...values).toFixed(0)} to ${Math.max(...values).toFixed(0)})`;
}

function ratio(own: readonly number[], theirs: readonly number[]): string {
  return (median(own) / median(theirs)).toFixed(2);
}
