/**
 * A case of fixtures/diff: compiles its two sources as kbuild would with section flags, links the target that is
 * livepatched, and runs the pair through the native stages.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { copyFile, mkdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import type { EntrySizes } from '../../src/arch/arch.js';
import { type Diagnostic, KptoolError } from '../../src/diagnostics/diagnostic.js';
import { canonicalName } from '../../src/diff/names.js';
import { SHF } from '../../src/elf/constants.js';
import { readImage } from '../../src/elf/image.js';
import { noSymbol } from '../../src/elf/object.js';
import { readElf } from '../../src/elf/read.js';
import { writeElf } from '../../src/elf/write.js';
import { parseSymvers } from '../../src/kernel/symvers.js';
import { encodeIntermediate } from '../../src/livepatch/encode-intermediate.js';
import { indexExports } from '../../src/lookup/exports.js';
import { tableOfImage } from '../../src/lookup/symbol-table.js';
import { diffPair, type PairInput, type PairOutcome } from '../../src/pipeline/diff-pair.js';
import { type Command, runInOrder } from '../builders/commands.js';
import { hasProgram } from '../builders/readelf.js';

export const casesFolder = path.resolve(import.meta.dirname, '../../fixtures/diff');

/** As the kernel compiles its objects on x86-64. */
const kernelFlags = [
  ...['-O2', '-pg', '-mfentry', '-mrecord-mcount', '-fno-pie', '-mcmodel=kernel', '-mno-red-zone', '-ffreestanding'],
  ...['-fno-asynchronous-unwind-tables', '-fcf-protection=none', '-mno-sse', '-fno-stack-protector', '-Wall'],
];
/** What kptool adds. */
const sectionFlags = ['-ffunction-sections', '-fdata-sections'];

/** Of the entries that fixtures/diff/kernel.h makes. */
export const entrySizes: EntrySizes = {
  ALT_STRUCT_SIZE: 12,
  BUG_STRUCT_SIZE: 12,
  EX_STRUCT_SIZE: 12,
  JUMP_STRUCT_SIZE: 16,
  ORC_STRUCT_SIZE: 6,
  STATIC_CALL_STRUCT_SIZE: 8,
};

/** What a case needs beside its sources: `case.json`. */
interface Settings {
  /** The klp object; `toy` unless said otherwise. */
  readonly target?: string;
  /** Further flags for the compiler. */
  readonly flags?: readonly string[];
  /** Further flags for the target only: it was not built from quite the same source. */
  readonly targetFlags?: readonly string[];
  /** Names that the target module exports. */
  readonly exports?: readonly string[];
}

/** Programs that a case needs and this machine lacks. */
export const missingPrograms = [
  ...(process.arch === 'x64' ? [] : ['a compiler for x86-64']),
  ...['gcc', 'ld'].filter((program) => !hasProgram(program)),
];

export const caseNames = readdirSync(casesFolder, { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => name)
  .sort();

/**
 * Compiles the case below `work`. Both sides have the same file name, `case.c`. `other.c`, where there is one, is linked
 * into the target in front of it. The target is compiled without section flags, as the running kernel was.
 */
export async function compileCase(name: string, work: string): Promise<PairInput> {
  const folder = path.join(casesFolder, name);
  const { target = 'toy', flags = [], targetFlags = [], exports = [] } = readSettings(folder);
  const placeOf = (side: string) => path.join(work, name, side);
  const compiling = async (side: string, source: string, added: readonly string[]): Promise<Command> => {
    const file = source === 'other.c' ? source : 'case.c';
    await mkdir(placeOf(side), { recursive: true });
    await copyFile(path.join(folder, source), path.join(placeOf(side), file));
    const words = ['gcc', ...kernelFlags, ...added, ...flags, '-I', casesFolder, '-c', file, '-o', `${file}.o`];
    return { folder: placeOf(side), words };
  };
  const parts = existsSync(path.join(folder, 'other.c')) ? ['other.c.o', 'case.c.o'] : ['case.c.o'];
  await runInOrder([
    await compiling('original', 'original.c', sectionFlags),
    await compiling('patched', 'patched.c', sectionFlags),
    ...(parts.length > 1 ? [await compiling('target', 'other.c', [])] : []),
    await compiling('target', 'original.c', targetFlags),
    { folder: placeOf('target'), words: ['ld', '-r', '-o', `${target}.ko`, ...parts] },
  ]);
  const module = path.join(placeOf('target'), `${target}.ko`);

  const symvers = path.join(casesFolder, 'Module.symvers');
  const own = exports.map((symbol) => {
    return { name: symbol, crc: 0, module: target, moduleName: target, namespace: '', exportType: 'EXPORT_SYMBOL' };
  });
  return {
    original: await readFile(path.join(placeOf('original'), 'case.c.o')),
    patched: await readFile(path.join(placeOf('patched'), 'case.c.o')),
    objectName: 'case.o',
    target,
    table: tableOfImage(readImage(await readFile(module), module)),
    exports: indexExports([...own, ...parseSymvers(await readFile(symvers, 'utf8'), symvers)]),
    entrySizes,
  };
}

function readSettings(folder: string): Settings {
  const file = path.join(folder, 'case.json');
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Settings) : {};
}

export type ChangedResult = Extract<PairOutcome, { kind: 'changed' }>;
export type CaseResult = PairOutcome | { readonly kind: 'refused'; readonly findings: readonly Diagnostic[] };

/** Runs the pair; only a refusal is caught. */
export function runCase(input: PairInput): CaseResult {
  try {
    return diffPair(input);
  } catch (error) {
    if (error instanceof KptoolError) return { kind: 'refused', findings: error.diagnostics };
    throw error;
  }
}

/** What every result must hold, whatever the compiler made of the source; empty where all is well. */
export function brokenPromises(input: PairInput, { diff, parts }: ChangedResult): string[] {
  const broken: string[] = [];
  const [sections, symbols] = [new Set(diff.object.sections), new Set(diff.object.symbols)];
  const patched = readElf(input.patched, 'patched');
  for (const { name, section } of symbols) {
    if (section !== undefined && !sections.has(section))
      broken.push(`${name} lies in ${section.name}, which is left out`);
  }
  for (const section of sections) {
    for (const { symbol, offset } of section.relocations) {
      if (symbol !== noSymbol && !symbols.has(symbol))
        broken.push(`${section.name} refers to ${symbol.name}, left out`);
      if (offset >= section.size) broken.push(`${section.name} is relocated behind its end`);
    }
    if ((section.flags & SHF.EXECINSTR) === 0 || !section.name.startsWith('.text')) continue;
    const late = parts.relocations.filter((relocation) => relocation.section === section);
    const shape = shapeOf([...section.relocations, ...late]);
    const isCompilers = patched.sections.some(
      (candidate) =>
        canonicalName(candidate.name) === canonicalName(section.name) &&
        Buffer.compare(candidate.content, section.content) === 0 &&
        shapeOf(candidate.relocations) === shape,
    );
    if (!isCompilers) broken.push(`${section.name} is not the compiler's code with all its relocations`);
  }
  for (const { section } of parts.relocations) {
    if (!sections.has(section)) broken.push(`a livepatch relocation is for ${section.name}, which is left out`);
  }
  return broken;
}

function shapeOf(relocations: readonly { readonly offset: number; readonly type: number }[]): string {
  return relocations
    .map(({ offset, type }) => `${offset}:${type}`)
    .sort()
    .join(' ');
}

/** The file that the livepatch would be linked from; the result's object is used up. */
export function writeResult({ diff, parts }: ChangedResult): Uint8Array {
  encodeIntermediate(diff.object, parts, diff.arch.absolute64);
  return writeElf(diff.object);
}
