/**
 * `npm run bench:diff [-- ROUNDS]`: how fast the comparison is.
 *
 * - All pairs of the corpus (`KPTOOL_CORPUS`) in one process.
 * - A large object made in code, and one of half its size: with twice the work in more than about twice the time, a pass
 *   would be quadratic. With `KPTOOL_BENCH_PAIR` also a real one: a folder with the files of a corpus pair.
 * - `kptool create-diff-object` on a small pair from the shell, against `node -e 0`.
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
import { writeElf } from '../src/elf/write.js';
import { parseSymvers } from '../src/kernel/symvers.js';
import { encodeIntermediate } from '../src/livepatch/encode-intermediate.js';
import { indexExports } from '../src/lookup/exports.js';
import { parseReadelfSymbols } from '../src/lookup/readelf-symbols.js';
import { diffPair } from '../src/pipeline/diff-pair.js';
import { largeObject, largeSymbolTable } from '../test/builders/large-object.js';
import { corpusFolder } from '../test/corpus/corpus.js';

/** A folder with `orig.o`, `patched.o`, `parent.symtab` and perhaps `Module.symvers`, and what the kernel is like. */
interface Pair {
  readonly folder: string;
  readonly parent: string;
  readonly env: Readonly<Record<string, string>>;
}

const reference = process.env.KPTOOL_REFERENCE_CDO;
const work = mkdtempSync(join(tmpdir(), 'kptool-bench-diff-'));
const say = (text: string) => process.stdout.write(`${text}\n`);

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
    say(`\na large object, ${changed} of its functions changed`);
    const halfTime = measure('10,000 functions, 100,000 relocations, 65,000 symbols', [half], rounds);
    const wholeTime = measure('20,000 functions, 200,000 relocations, 130,000 symbols', [whole], rounds);
    say(`  twice the size takes ${(wholeTime / halfTime).toFixed(2)} times as long`);
  }

  const real = process.env.KPTOOL_BENCH_PAIR;
  if (real !== undefined) measure(`the pair in ${real}`, [readPair(real)], rounds);
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

/** As `kptool create-diff-object` does it, from the files to the bytes of the result. */
function compare({ folder, parent, env }: Pair): void {
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
    });
    if (outcome.kind === 'unchanged') return;
    encodeIntermediate(outcome.diff.object, outcome.parts, outcome.diff.arch.absolute64);
    writeElf(outcome.diff.object);
  } catch (error) {
    // Some pairs are there to be refused.
    if (!(error instanceof KptoolError)) throw error;
  }
}

function measureStart(pair: Pair, rounds: number): void {
  const own: number[] = [];
  const bare: number[] = [];
  const theirs: number[] = [];
  for (let round = 0; round < 2 * rounds; round += 1) {
    own.push(timed(() => spawn(process.execPath, ['dist/main.js', 'create-diff-object'], pair)));
    bare.push(timed(() => spawnSync(process.execPath, ['-e', '0'])));
    if (reference !== undefined) theirs.push(timed(() => spawn(reference, [], pair)));
  }
  say(`\na small pair from the shell: ${pair.folder}`);
  say(`  kptool create-diff-object  ${milliseconds(own)}`);
  say(`  node -e 0                  ${milliseconds(bare)}`);
  say(`  the difference             ${(median(own) - median(bare)).toFixed(0)} ms`);
  if (theirs.length > 0) say(`  reference                  ${milliseconds(theirs)}`);
}

/** A process of its own; that it refuses the pair (1) or finds no change (3) is well. */
function spawn(program: string, words: readonly string[], { folder, parent, env }: Pair): void {
  const file = (name: string) => join(folder, name);
  const symvers = existsSync(file('Module.symvers')) ? file('Module.symvers') : '/dev/null';
  const operands = [file('orig.o'), file('patched.o'), parent, file('parent.symtab'), symvers, 'bench'];
  const { status, error, stderr } = spawnSync(program, [...words, ...operands, join(work, 'output.o')], {
    env: { ...process.env, ...env },
    encoding: 'utf8',
  });
  if (error !== undefined) throw error;
  if (status === null || status > 3 || status === 2) throw new Error(`${program} ended with ${status}:\n${stderr}`);
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

function milliseconds(values: readonly number[]): string {
  return `${median(values).toFixed(0)} ms  (${Math.min(...values).toFixed(0)} to ${Math.max(...values).toFixed(0)})`;
}

function ratio(own: readonly number[], theirs: readonly number[]): string {
  return (median(own) / median(theirs)).toFixed(2);
}
