/** Two C sources in a test, compiled as kbuild would with section flags and compared; what came of it as plain values. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { EntrySizes } from '../../src/arch/arch.js';
import { type Diagnostic, KptoolError } from '../../src/diagnostics/diagnostic.js';
import { readImage } from '../../src/elf/image.js';
import type { ElfObject } from '../../src/elf/object.js';
import { parseSymvers } from '../../src/kernel/symvers.js';
import { indexExports } from '../../src/lookup/exports.js';
import { tableOfImage } from '../../src/lookup/symbol-table.js';
import { diffPair } from '../../src/pipeline/diff-pair.js';
import { type Command, runInOrderSync } from '../builders/commands.js';
import { hasProgram } from '../builders/readelf.js';

/** Declarations of the kernel's; shared with the case folders. */
const headers = path.resolve(import.meta.dirname, '../../fixtures/diff');

const kernelFlags = [
  ...['-O2', '-pg', '-mfentry', '-mrecord-mcount', '-fno-pie', '-mcmodel=kernel', '-mno-red-zone', '-ffreestanding'],
  ...['-fno-asynchronous-unwind-tables', '-fcf-protection=none', '-mno-sse', '-fno-stack-protector', '-w'],
];
const sectionFlags = ['-ffunction-sections', '-fdata-sections'];

/** Of the entries that fixtures/diff/kernel.h makes, in bytes. */
const entrySizes: EntrySizes = {
  ALT_STRUCT_SIZE: 12,
  BUG_STRUCT_SIZE: 12,
  EX_STRUCT_SIZE: 12,
  JUMP_STRUCT_SIZE: 16,
  STATIC_CALL_STRUCT_SIZE: 8,
};

export interface InlinePair {
  readonly original: string;
  readonly patched: string;
  readonly flags?: readonly string[];
  /** Entry sizes that differ from those of kernel.h, in bytes. */
  readonly entrySizes?: EntrySizes;
}

export interface InlineResult {
  readonly kind: 'changed' | 'unchanged' | 'refused';
  /** Codes of all findings, warnings among them, in the order of the messages. */
  readonly codes: readonly string[];
  readonly findings: readonly Diagnostic[];
  readonly changed: readonly string[];
  readonly added: readonly string[];
  readonly object: ElfObject | undefined;
}

export const missingPrograms = [
  ...(process.arch === 'x64' ? [] : ['a compiler for x86-64']),
  ...['gcc', 'ld'].filter((program) => !hasProgram(program)),
];

/** Both sides see the source as `case.c`, so that `__FILE__` is the same. The target is the original's source. */
export function comparePair(pair: InlinePair): InlineResult {
  const work = mkdtempSync(path.join(tmpdir(), 'kptool-inline-'));
  try {
    return compareIn(work, pair);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

function compareIn(work: string, { original, patched, flags = [], entrySizes: sizes = {} }: InlinePair): InlineResult {
  const compiling = (side: string, source: string, added: readonly string[]): Command => {
    const folder = path.join(work, side);
    mkdirSync(folder);
    writeFileSync(path.join(folder, 'case.c'), source);
    const words = ['gcc', ...kernelFlags, ...added, ...flags, '-I', headers, '-c', 'case.c', '-o', 'case.o'];
    return { folder, words };
  };
  const module = path.join(work, 'toy.ko');
  runInOrderSync([
    compiling('target', original, []),
    { folder: work, words: ['ld', '-r', '-o', module, 'target/case.o'] },
    compiling('original', original, sectionFlags),
    compiling('patched', patched, sectionFlags),
  ]);
  const symvers = path.join(headers, 'Module.symvers');
  try {
    const outcome = diffPair({
      original: readFileSync(path.join(work, 'original', 'case.o')),
      patched: readFileSync(path.join(work, 'patched', 'case.o')),
      objectName: 'case.o',
      target: 'toy',
      table: tableOfImage(readImage(readFileSync(module), module)),
      exports: indexExports(parseSymvers(readFileSync(symvers, 'utf8'), symvers)),
      entrySizes: { ...entrySizes, ...sizes },
    });
    const diff = outcome.kind === 'changed' ? outcome.diff : undefined;
    const names = (symbols: readonly { readonly name: string }[] = []) => symbols.map(({ name }) => name).sort();
    return {
      kind: outcome.kind,
      codes: outcome.warnings.map(({ code }) => code),
      findings: outcome.warnings,
      changed: names(diff?.changedFunctions),
      added: names([...(diff?.newFunctions ?? []), ...(diff?.newData ?? [])]),
      object: diff?.object,
    };
  } catch (error) {
    if (!(error instanceof KptoolError)) throw error;
    const findings = error.diagnostics;
    return {
      kind: 'refused',
      codes: findings.map(({ code }) => code),
      findings,
      changed: [],
      added: [],
      object: undefined,
    };
  }
}
