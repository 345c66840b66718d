/**
 * A case of fixtures/arch: two objects of one CPU, compiled long ago by `scripts/make-arch-fixtures`, run through the native
 * stages on whatever machine the tests run on. What comes of it is worded in full, addresses and bytes included, since no
 * compiler of this machine has a say in it.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import type { EntrySizes } from '../../src/arch/arch.js';
import { type Diagnostic, KptoolError } from '../../src/diagnostics/diagnostic.js';
import { tableEntrySizes } from '../../src/diff/special-tables.js';
import { SHF, SHT } from '../../src/elf/constants.js';
import { readImage } from '../../src/elf/image.js';
import { type ElfSection, type ElfSymbol, noSymbol, type Relocation } from '../../src/elf/object.js';
import type { KlpRelocation } from '../../src/livepatch/livepatch.js';
import { indexExports } from '../../src/lookup/exports.js';
import { tableOfImage } from '../../src/lookup/symbol-table.js';
import { diffPair, type PairInput, type PairOutcome } from '../../src/pipeline/diff-pair.js';

const folder = path.resolve(import.meta.dirname, '../../fixtures/arch');

/** By CPU: bytes of the entries that fixtures/arch/kernel.h makes. */
const entrySizes: ReadonlyMap<string, EntrySizes> = new Map([
  ['x86-64', { ALT_STRUCT_SIZE: 12, BUG_STRUCT_SIZE: 12, EX_STRUCT_SIZE: 12 }],
  ['ppc64le', { BUG_STRUCT_SIZE: 12, EX_STRUCT_SIZE: 8, FIXUP_STRUCT_SIZE: 48 }],
  ['s390x', { ALT_STRUCT_SIZE: 11, BUG_STRUCT_SIZE: 12, EX_STRUCT_SIZE: 12 }],
  ['arm64', { ALT_STRUCT_SIZE: 12, BUG_STRUCT_SIZE: 12, EX_STRUCT_SIZE: 12 }],
  ['loongarch64', { ALT_STRUCT_SIZE: 12, BUG_STRUCT_SIZE: 12, EX_STRUCT_SIZE: 12 }],
]);

export const cpus = [...entrySizes.keys()];

/** Names of the CPU's cases. */
export function casesOf(cpu: string): string[] {
  const entries = readdirSync(path.join(folder, cpu), { withFileTypes: true });
  return entries
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name)
    .sort();
}

/** Names of the cases that every CPU has. */
export function sharedCases(): string[] {
  const suffix = '.original.c';
  return readdirSync(folder)
    .filter((name) => name.endsWith(suffix))
    .map((name) => name.slice(0, -suffix.length))
    .sort();
}

/** The objects of a case; the original one is the target too, as if it were the whole module `toy`. */
export function readCase(cpu: string, name: string): PairInput {
  const place = path.join(folder, cpu, name);
  const original = readFileSync(path.join(place, 'original.o'));
  return {
    original,
    patched: readFileSync(path.join(place, 'patched.o')),
    objectName: 'case.o',
    target: 'toy',
    table: tableOfImage(readImage(original, 'toy.ko')),
    exports: indexExports(
      ['print', 'listen'].map((symbol) => {
        return {
          name: symbol,
          crc: 0,
          module: 'vmlinux',
          moduleName: 'vmlinux',
          namespace: '',
          exportType: 'EXPORT_SYMBOL',
        };
      }),
    ),
    entrySizes: entrySizes.get(cpu) ?? {},
  };
}

/** Where the expected text of a case stands. */
export function expectedFile(cpu: string, name: string): string {
  return path.join(folder, cpu, name, 'expected.txt');
}

export function expectedText(cpu: string, name: string): string {
  const file = expectedFile(cpu, name);
  return existsSync(file) ? readFileSync(file, 'utf8') : '';
}

export type CaseResult = PairOutcome | { readonly kind: 'refused'; readonly findings: readonly Diagnostic[] };

/** Runs the pair; only a refusal is caught. */
export function runPair(input: PairInput): CaseResult {
  try {
    return diffPair(input);
  } catch (error) {
    if (error instanceof KptoolError) return { kind: 'refused', findings: error.diagnostics };
    throw error;
  }
}

/** The text of `expected.txt`. */
export function describeResult(cpu: string, result: CaseResult): string {
  const lines: string[] = [result.kind];
  if (result.kind === 'refused') lines.push(...findingLines(result.findings));
  else lines.push(...findingLines(result.warnings));
  if (result.kind === 'changed') {
    const { diff, parts } = result;
    lines.push(
      ...block(
        'replaced functions',
        parts.functions.map(
          ({ name, object, replacement, sympos }) => `${replacement.name}: ${object} ${name},${sympos}`,
        ),
      ),
      ...block('new functions', names(diff.newFunctions)),
      ...block('new data', names(diff.newData)),
      ...block(
        'livepatch relocations',
        parts.relocations.map((relocation) => klpLine(cpu, relocation)),
      ),
    );
    const tables = tableEntrySizes(diff.arch, entrySizes.get(cpu) ?? {});
    for (const section of diff.object.sections) lines.push(...sectionLines(cpu, section, tables.get(section.name)));
    lines.push(...block('symbols', diff.object.symbols.map(symbolLine)));
  }
  return `${lines.join('\n')}\n`;
}

function block(title: string, content: readonly string[]): string[] {
  return content.length === 0 ? [] : [title, ...content.map((line) => `  ${line}`)];
}

function names(symbols: readonly ElfSymbol[]): string[] {
  return symbols.map(({ name }) => name);
}

function findingLines(findings: readonly Diagnostic[]): string[] {
  return findings.flatMap(({ severity, code, what }) => [`${severity}: ${code}`, `  ${what}`]);
}

function klpLine(cpu: string, { section, offset, type, addend, object, symbol }: KlpRelocation): string {
  const place = `${section.name}+${hex(offset)} ${relocationName(cpu, type)}`;
  return `${place} -> ${symbol.object} ${symbol.name},${symbol.sympos}${signed(addend)}, when ${object} is loaded`;
}

function sectionLines(cpu: string, section: ElfSection, entrySize: number | undefined): string[] {
  const { name, type, size, content, relocations } = section;
  const flags = (['WRITE', 'ALLOC', 'EXECINSTR', 'MERGE', 'STRINGS', 'LINK_ORDER'] as const).filter(
    (flag) => (section.flags & SHF[flag]) !== 0,
  );
  const rows = type === SHT.NOBITS ? [] : split(content, entrySize ?? 32);
  return block(`${name} (${flags.join(' ')}, ${size} bytes)`, [
    ...rows,
    ...relocations.map(
      (relocation) => `${hex(relocation.offset)} ${relocationName(cpu, relocation.type)} ${targetOf(relocation)}`,
    ),
  ]);
}

/** Bytes in the order of the file, an entry of a table to a line. */
function split(content: Uint8Array, width: number): string[] {
  const rows: string[] = [];
  for (let start = 0; start < content.length; start += width) {
    rows.push(Buffer.from(content.subarray(start, start + width)).toString('hex'));
  }
  return rows;
}

function targetOf({ symbol, addend }: Relocation): string {
  if (symbol === noSymbol) return '(none)';
  return `${symbol.name === '' ? (symbol.section?.name ?? '') : symbol.name}${signed(addend)}`;
}

function symbolLine(symbol: ElfSymbol): string {
  const place = typeof symbol.place === 'string' ? symbol.place : `${symbol.place.name}+${hex(symbol.value)}`;
  const name = symbol.name === '' ? '(section)' : symbol.name;
  return `${name}: ${place}, ${symbol.size} bytes, type ${symbol.type}, bind ${symbol.bind}, other ${hex(symbol.other)}`;
}

function hex(value: number): string {
  return `0x${value.toString(16)}`;
}

function signed(addend: number): string {
  if (addend === 0) return '';
  return addend < 0 ? `-${hex(-addend)}` : `+${hex(addend)}`;
}

/** What binutils calls the types that occur in the fixtures. */
const relocationNames: ReadonlyMap<string, ReadonlyMap<number, string>> = new Map([
  [
    'x86-64',
    new Map([
      [1, 'R_X86_64_64'],
      [2, 'R_X86_64_PC32'],
      [4, 'R_X86_64_PLT32'],
      [11, 'R_X86_64_32S'],
    ]),
  ],
  [
    'ppc64le',
    new Map([
      [10, 'R_PPC64_REL24'],
      [26, 'R_PPC64_REL32'],
      [38, 'R_PPC64_ADDR64'],
      [44, 'R_PPC64_REL64'],
      [50, 'R_PPC64_TOC16_HA'],
      [51, 'R_PPC64_TOC'],
      [64, 'R_PPC64_TOC16_LO_DS'],
      [118, 'R_PPC64_ENTRY'],
    ]),
  ],
  [
    's390x',
    new Map([
      [5, 'R_390_PC32'],
      [19, 'R_390_PC32DBL'],
      [20, 'R_390_PLT32DBL'],
      [22, 'R_390_64'],
      [26, 'R_390_GOTENT'],
    ]),
  ],
  [
    'arm64',
    new Map([
      [257, 'R_AARCH64_ABS64'],
      [261, 'R_AARCH64_PREL32'],
      [275, 'R_AARCH64_ADR_PREL_PG_HI21'],
      [277, 'R_AARCH64_ADD_ABS_LO12_NC'],
      [282, 'R_AARCH64_JUMP26'],
      [283, 'R_AARCH64_CALL26'],
      [285, 'R_AARCH64_LDST32_ABS_LO12_NC'],
    ]),
  ],
  [
    'loongarch64',
    new Map([
      [2, 'R_LARCH_64'],
      [66, 'R_LARCH_B26'],
      [71, 'R_LARCH_PCALA_HI20'],
      [72, 'R_LARCH_PCALA_LO12'],
      [75, 'R_LARCH_GOT_PC_HI20'],
      [76, 'R_LARCH_GOT_PC_LO12'],
      [99, 'R_LARCH_32_PCREL'],
    ]),
  ],
]);

function relocationName(cpu: string, type: number): string {
  return relocationNames.get(cpu)?.get(type) ?? `type ${type}`;
}
